/**
 * `parley call METHOD [DATA|-]`: calls a method and prints its answer.
 *
 * A refusal goes to standard error with its code, exit code 1. In a pipe the answer is given byte for byte,
 * with a line feed behind it only when it is text that has none.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { CallResult } from "../../client/mod.ts";
import {
  type CliContext,
  header,
  type ServerOptions,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { Output } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { payloadJson, payloadText, textOf } from "../terminal/payload_text.ts";
import {
  PayloadTypes,
  payloadTypes,
  type ProtoOption,
  withProto,
} from "../terminal/payload_types.ts";
import { StopSignals } from "../terminal/stop_signals.ts";

interface CallOptions extends ServerOptions, ProtoOption {
  readonly encode?: boolean;
  readonly type?: string;
  readonly header?: Readonly<Record<string, string>>;
}

const EXAMPLES = `
Examples:
  parley call acme.Weather/Now '{"city": "Bonn"}'
  parley call acme.v1.Shop/Get '{"id": "7"}' --encode      a type that the server knows, or --proto FILE
  parley call acme.Image/Scale - --header width=200 < photo.jpg > small.jpg
  parley respond acme.Weather/Now --reply sunny         somebody who answers`;

// The largest frame that can be configured; a smaller limit is the server's to state.
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** Adds the command. */
export function addCall(program: Command, context: CliContext): void {
  withProto(withServerOptions(program.command("call")))
    .description("call a method and print its answer")
    .argument("<method>", "which method, like acme.Weather/Now")
    .argument("[data]", "the request, or - for standard input; nothing is an empty one")
    .option("--type <type>", "the type of the request, like acme.v1.Place")
    .option("--encode", "DATA is JSON, and sent as the message that the method takes")
    .option("-H, --header <name=value>", "a header; may be repeated", header)
    .addHelpText("after", EXAMPLES)
    .action((method: string, data: string | undefined, options: CallOptions) =>
      call(method, data, options, context)
    );
}

async function call(
  method: string,
  data: string | undefined,
  options: CallOptions,
  { io }: CliContext,
): Promise<void> {
  const given = data === "-" ? await io.readStdin(MAX_INPUT_BYTES) : data ?? "";
  // The answer is shown as JSON where a person, or a program that asked for JSON, reads it.
  const shows = options.json === true || io.stdout.isTerminal;
  // Ctrl-C gives the call up, so that whoever answers learns that nobody waits any more.
  using signals = new StopSignals();
  const { signal } = signals;
  let types = PayloadTypes.OWN;
  const answer = await withClient(options, io, async (client) => {
    if (options.encode || shows) types = await payloadTypes(client, options);
    const type = options.type ?? (options.encode ? types.method(method).input : undefined);
    const payload = options.encode ? types.encode(type ?? "", given) : given;
    try {
      const { header: headers, timeout: timeoutMs } = options;
      return await client.call(method, payload, { type, headers, timeoutMs, signal });
    } catch (error) {
      throw error instanceof ParleyError ? explained(method, error) : error;
    }
  }, { signal });
  const type = answer.type || types.outputOf(method);
  io.stdout.write(
    options.json
      ? answerJson(answer, type, types)
      : answerText(answer.payload, io.stdout, type, types),
  );
}

/** The error with its code, which is what a script decides on, and with advice where there is one. */
function explained(method: string, error: ParleyError): ParleyError {
  const { code, accepted, retryable } = error;
  // Of all that can be UNAVAILABLE, only this names what would be accepted: a method that is registered.
  const nobody = code === ErrorCode.UNAVAILABLE && accepted !== "";
  const advice = nobody
    ? `; start somebody who does: parley respond ${printable(method)} --reply TEXT`
    : accepted === ""
    ? ""
    : `; accepted: ${accepted}`;
  const message = `${error.codeName}: ${error.reason}${advice}`;
  return new ParleyError(code, message, { accepted: "", retryable, cause: error });
}

function answerText(
  payload: Uint8Array,
  output: Output,
  type: string,
  types: PayloadTypes,
): string | Uint8Array {
  if (output.isTerminal) {
    const { bytes, why } = types.shown(type, payload);
    const reason = why === "" ? "" : `(${printable(why)})\n`;
    return payloadText(bytes, { lines: true, full: true }) + "\n" + reason;
  }
  const text = textOf(payload);
  return text === null || text.endsWith("\n") ? payload : text + "\n";
}

function answerJson(
  { type, headers, payload }: CallResult,
  known: string,
  types: PayloadTypes,
): string {
  return jsonLine({
    ...(type === "" ? {} : { type }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...payloadJson(payload),
    ...types.decoded(known, payload),
  });
}
