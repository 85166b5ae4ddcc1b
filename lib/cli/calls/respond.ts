/**
 * `parley respond METHOD`: answers the calls of a method with a program's output, a text, or the call itself.
 *
 * It prints a line for each call that it has answered and runs until there were enough, or until Ctrl-C; the
 * calls in hand are then still answered.
 */
import type { Command } from "commander";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import type { CallAnswer, ReceivedCall } from "../../client/mod.ts";
import {
  type CliContext,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { LinkNotices } from "../terminal/link_notices.ts";
import { runForCall } from "./respond_program.ts";
import { endPrograms } from "../programs/shell.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { byteSize, countOf, ms } from "../terminal/summary.ts";

interface RespondOptions extends ServerOptions {
  readonly exec?: string;
  readonly reply?: string;
  readonly echo?: boolean;
  readonly type?: string;
  readonly concurrency: number;
  readonly count?: number;
}

type Answerer = (call: ReceivedCall) => Promise<CallAnswer>;

const EXAMPLES = `
Examples:
  parley respond acme.Weather/Now --reply sunny
  parley respond acme.Text/Upper --exec 'tr a-z A-Z'
  parley respond acme.Echo/Echo --echo --count 10

The program of --exec is run by the shell, once for each call: the request is its standard input, its
standard output the answer. It finds PARLEY_METHOD, PARLEY_TYPE and PARLEY_SENDER in its environment. When
it fails, the caller gets the first line of its standard error; when the caller gives up, it is ended.`;

/** Adds the command. */
export function addRespond(program: Command, context: CliContext): void {
  withServerOptions(program.command("respond"))
    .description("answer the calls of a method")
    .argument("<method>", "which method, like acme.Weather/Now")
    .option("--exec <command>", "answer with what this command of the shell prints")
    .option("--reply <text>", "answer with this text")
    .option("--echo", "answer with the request")
    .option("--type <type>", "the type of the answers; --echo keeps that of the request")
    .option("--concurrency <n>", "calls at once; others wait", wholeNumber(1, 1024), 8)
    .option("-n, --count <n>", "stop after so many calls", wholeNumber(1))
    .addHelpText("after", EXAMPLES)
    .action((method: string, options: RespondOptions) => respond(method, options, context));
}

async function respond(
  method: string,
  options: RespondOptions,
  { io }: CliContext,
): Promise<void> {
  const { exec, reply, echo, concurrency } = options;
  if ([exec, reply, echo].filter((each) => each !== undefined).length !== 1) {
    throw new UsageError("say how to answer: one of --exec, --reply and --echo");
  }
  using signals = new StopSignals(endPrograms);
  const notices = new LinkNotices(io);
  await withClient(options, io, async (client) => {
    const maxBytes = client.welcome.limits?.maxFrameBytes ?? Infinity;
    const answer: Answerer = (call) => answerWith(call, options, maxBytes);
    const run = new RespondRun(io, options, answer);
    const service = await client.serve(method, (call) => run.answer(call), { concurrency });
    notices.say(`answering ${method}`);
    const stopped = new Promise<void>((resolve) => signals.onFirst(resolve));
    await Promise.race([run.enough, stopped]);
    if (run.inHand > 0 && signals.signal.aborted) {
      notices.say(`${countOf(run.inHand, "call")} in hand; Ctrl-C again ends at once`);
    }
    notices.close();
    await service.stop();
    if (run.failure !== null) throw run.failure;
  }, {
    reconnect: {},
    onStatus: notices.onStatus,
    onError: notices.onError,
    signal: signals.signal,
  });
}

async function answerWith(
  call: ReceivedCall,
  options: RespondOptions,
  maxBytes: number,
): Promise<CallAnswer> {
  const { exec, reply, echo, type } = options;
  if (echo) return { payload: call.payload, type: type ?? call.type, headers: { ...call.headers } };
  const payload = exec === undefined ? reply ?? "" : await runForCall(exec, call, maxBytes);
  return { payload, type };
}

/** Counts the calls and says how each of them went. */
class RespondRun {
  /** Resolves when as many calls were taken as are wanted, or the output cannot be written. */
  readonly enough: Promise<void>;
  /** Why the output cannot be written; null while it can. */
  failure: unknown = null;
  /** Calls that are being answered. */
  inHand = 0;
  readonly #io: CliIo;
  readonly #json: boolean;
  readonly #answer: Answerer;
  #left: number;
  #finish!: () => void;

  constructor(io: CliIo, options: RespondOptions, answer: Answerer) {
    this.#io = io;
    this.#json = options.json ?? false;
    this.#answer = answer;
    this.#left = options.count ?? Infinity;
    this.enough = new Promise((resolve) => this.#finish = resolve);
  }

  async answer(call: ReceivedCall): Promise<CallAnswer> {
    if (this.#left <= 0) {
      throw new ParleyError(
        ErrorCode.UNAVAILABLE,
        `"${call.method}" is not answered here any more`,
      );
    }
    this.#left--;
    this.inHand++;
    const startMs = performance.now();
    try {
      const answer = await this.#answer(call);
      this.#report(call, performance.now() - startMs, answer, null);
      return answer;
    } catch (error) {
      this.#report(call, performance.now() - startMs, null, ParleyError.from(error));
      throw error;
    } finally {
      this.inHand--;
      if (this.#left <= 0) this.#finish();
    }
  }

  #report(
    call: ReceivedCall,
    durationMs: number,
    answer: CallAnswer | null,
    error: ParleyError | null,
  ): void {
    const requestBytes = call.payload.length;
    const answerBytes = answer === null ? 0 : sizeOf(answer.payload);
    const { codeName: code, message } = error ?? {};
    const line = this.#json
      ? jsonLine({
        method: call.method,
        ...(call.type === "" ? {} : { type: call.type }),
        sender: call.sender,
        request_bytes: requestBytes,
        ...(error === null ? { answer_bytes: answerBytes } : { error: { code, message } }),
        duration_ms: Math.round(durationMs * 1000) / 1000,
      })
      : printable(
        `${call.method}  from ${call.sender}  ${byteSize(requestBytes)} in, ` +
          (error === null ? `${byteSize(answerBytes)} out` : `${code}: ${message}`) +
          `  ${ms(durationMs)}`,
      ) + "\n";
    try {
      this.#io.stdout.write(line);
    } catch (failure) {
      this.failure = failure;
      this.#finish();
    }
  }
}

function sizeOf(payload: Uint8Array | string): number {
  return typeof payload === "string" ? new TextEncoder().encode(payload).length : payload.length;
}
