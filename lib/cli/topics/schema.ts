/**
 * `parley schema add|check|ls|rm`: the message types that the server knows, so that payloads are shown as what they say.
 */
import type { Command } from "commander";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { callTypes, readSetFile } from "../terminal/payload_types.ts";
import { countOf } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";
import { isoTime } from "./event_text.ts";

interface AddOptions extends ServerOptions {
  readonly allowBreaking?: boolean;
}

/** What a change does, or would do. */
interface Change {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly breaks: readonly string[];
}

const EXAMPLES = `
Examples:
  buf build -o types.binpb && parley schema add types.binpb
  protoc --include_imports --descriptor_set_out=types.binpb acme/v1/*.proto
  parley schema check types.binpb                   exit code 1 when it breaks those who read
  parley sub 'orders.>'                             payloads of known types are shown as JSON
  parley pub orders.eu '{"id": "7"}' --type acme.v1.Order --encode`;

/** Adds the commands. */
export function addSchema(program: Command, context: CliContext): void {
  const schema = program.command("schema").description("look after the message types of a server")
    .addHelpText("after", EXAMPLES);
  withServerOptions(schema.command("add"))
    .description("add message types, or other versions of them")
    .argument("<file>", "a descriptor set, of buf or protoc")
    .option("--allow-breaking", "also when that breaks those who read")
    .addHelpText("after", EXAMPLES)
    .action((file: string, options: AddOptions) => add(file, options, context));
  withServerOptions(schema.command("check"))
    .description("tell what adding them would do; exit code 1 when it breaks those who read")
    .argument("<file>", "a descriptor set, of buf or protoc")
    .action((file: string, options: ServerOptions) => check(file, options, context));
  withServerOptions(schema.command("ls"))
    .description("list the files and types that are known")
    .action((options: ServerOptions) => list(options, context));
  withServerOptions(schema.command("rm"))
    .description("remove files of types")
    .argument("<path...>", "their paths, as ls shows them")
    .action((paths: string[], options: ServerOptions) => remove(paths, options, context));
}

async function add(file: string, options: AddOptions, { io }: CliContext): Promise<void> {
  const files = await readSetFile(file, "schema add");
  const { allowBreaking = false } = options;
  const change = await withClient(options, io, async (client) => {
    try {
      return await callTypes(client, "add", { files, allowBreaking });
    } catch (error) {
      throw error instanceof ParleyError && error.code === ErrorCode.FAILED_PRECONDITION
        ? withAdvice(error)
        : error;
    }
  });
  io.stdout.write(options.json ? changeJson(change) : changeText(change, ["added", "changed"]));
}

/** The refusal of a break, with what to do. */
function withAdvice(error: ParleyError): ParleyError {
  const advice =
    "`parley schema check FILE` tells all of it, --allow-breaking takes it all the same";
  return new ParleyError(error.code, `${error.reason} (${advice})`, { cause: error });
}

async function check(
  file: string,
  options: ServerOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  const files = await readSetFile(file, "schema check");
  const change = await withClient(options, io, (client) => callTypes(client, "check", { files }));
  if (change.breaks.length > 0) outcome.exitCode = 1;
  io.stdout.write(
    options.json ? changeJson(change) : changeText(change, ["would add", "would change"]),
  );
}

function changeJson({ added, changed, breaks }: Change): string {
  return jsonLine({ added, changed, breaks });
}

function changeText(change: Change, [added, changed]: [string, string]): string {
  const lines = [
    ...change.added.map((path) => `${added} ${printable(path)}`),
    ...change.changed.map((path) => `${changed} ${printable(path)}`),
    ...change.breaks.map((sentence) => `breaks: ${printable(sentence)}`),
  ];
  return (lines.length === 0 ? "nothing changes" : lines.join("\n")) + "\n";
}

async function list(options: ServerOptions, { io }: CliContext): Promise<void> {
  const { files, types } = await withClient(options, io, (client) => callTypes(client, "list", {}));
  const { stdout } = io;
  if (options.json) {
    const shown = files.map(({ path, version, timeUnixMicros, user }) => ({
      path,
      version,
      time: isoTime(timeUnixMicros),
      ...(user === "" ? {} : { user }),
    }));
    return void stdout.write(jsonLine({ files: shown, types }));
  }
  if (files.length === 0) {
    return void stdout.write("no message types: parley schema add FILE adds some\n");
  }
  const columns = [
    { title: "file" },
    { title: "version", side: "right" as const },
    { title: "since" },
    { title: "by" },
  ];
  const rows = files.map(({ path, version, timeUnixMicros, user }) => [
    printable(path),
    String(version),
    isoTime(timeUnixMicros),
    printable(user) || "-",
  ]);
  const width = stdout.isTerminal ? stdout.columns : Infinity;
  const [heading, ...lines] = columnLines(columns, rows, width);
  stdout.write([styled("bold", heading, stdout), ...lines].join("\n") + "\n\n");
  stdout.write(
    `${countOf(types.length, "type")}\n${types.map((type) => printable(type)).join("\n")}\n`,
  );
}

async function remove(
  paths: readonly string[],
  options: ServerOptions,
  { io }: CliContext,
): Promise<void> {
  await withClient(options, io, (client) => callTypes(client, "remove", { paths: [...paths] }));
  io.stdout.write(
    options.json ? jsonLine({ removed: paths }) : `removed ${countOf(paths.length, "file")}\n`,
  );
}
