/**
 * `parley service ls|info|calls`: which methods clients of a running server answer and how long that takes, who answers one, and
 * which calls wait for an answer.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { callMethod, type Client } from "../../client/mod.ts";
import {
  type CallUnderWay,
  type MethodInfo,
  type MethodInstance,
  Services,
} from "../../gen/parley/v1/service_pb.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import type { Output } from "../io.ts";
import { type Column, columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

const PERMISSION = `
Where the server has users, it needs the permission "manage server.services"; otherwise only the server's own machine may.`;

const { list, instances, calls } = Services.method;

/** Adds the commands. */
export function addService(program: Command, context: CliContext): void {
  const service = program.command("service").description("look at what clients answer");
  withServerOptions(service.command("ls"))
    .description("list the methods that clients answer, how often, and how long that takes")
    .argument("[prefix]", "only those that begin with this, like acme.Weather/", "")
    .addHelpText("after", PERMISSION)
    .action((prefix: string, options: ServerOptions) => listMethods(prefix, options, context));
  withServerOptions(service.command("info"))
    .description("list the connections that answer a method")
    .argument("<method>", "which one, like acme.Weather/Now")
    .addHelpText("after", PERMISSION)
    .action((method: string, options: ServerOptions) => listInstances(method, options, context));
  withServerOptions(service.command("calls"))
    .description("list the calls that wait for an answer, those that wait longest first")
    .argument("[method]", "only those of this method", "")
    .addHelpText("after", PERMISSION)
    .action((method: string, options: ServerOptions) => listCalls(method, options, context));
}

/** The methods that clients answer and that begin with `prefix`. */
export async function listedMethods(client: Client, prefix = ""): Promise<MethodInfo[]> {
  const methods: MethodInfo[] = [];
  for (let more = true; more;) {
    const request = { prefix, after: methods.at(-1)?.method ?? "" };
    const page = await callMethod(client, list, request);
    methods.push(...page.methods);
    more = page.more && page.methods.length > 0;
  }
  return methods;
}

async function listMethods(prefix: string, options: ServerOptions, { io }: CliContext) {
  const found = await withClient(options, io, (client) => listedMethods(client, prefix));
  const columns = columnsOf(["method"], [
    ...["answer it", "waiting", "answered", "failed", "expired", "given up", "lost"],
    ...["average", "p99", "longest"],
  ]);
  const rows = found.map((one) => [
    printable(one.method),
    ...[one.instances, one.callsUnderWay, one.answered, one.failed, one.expired, one.cancelled]
      .map((value) => count(Number(value))),
    count(Number(one.abandoned)),
    ...[one.averageMicros, one.p99Micros, one.maxMicros].map(micros),
  ]);
  show(io.stdout, options, { found, columns, rows, none: "no methods are answered" });
}

async function listInstances(method: string, options: ServerOptions, { io }: CliContext) {
  const { instances: found, total } = await withClient(
    options,
    io,
    (client) => callMethod(client, instances, { method }),
  );
  const rows = found.map((one: MethodInstance) => [
    ...[one.sessionId, one.user, one.clientName, one.peer].map((text) => printable(text)),
    count(one.callsUnderWay),
  ]);
  const columns = columnsOf(["session", "user", "client", "peer"], ["waiting"]);
  show(io.stdout, options, { found, columns, rows, none: "nobody answers it" });
  tellMore(io.stderr, total - found.length, "connections answer it");
}

async function listCalls(method: string, options: ServerOptions, { io }: CliContext) {
  const { calls: found, total } = await withClient(
    options,
    io,
    (client) => callMethod(client, calls, { method }),
  );
  const rows = found.map((one: CallUnderWay) => [
    printable(one.method),
    named(one.caller, one.callerUser),
    named(one.responder, one.responderUser),
    `${(Number(one.ageMs) / 1000).toFixed(1)} s`,
    `${(Number(one.leftMs) / 1000).toFixed(1)} s`,
  ]);
  const columns = columnsOf(["method", "called by", "to be answered by"], ["waits", "left"]);
  show(io.stdout, options, { found, columns, rows, none: "no calls wait" });
  tellMore(io.stderr, total - found.length, "calls wait");
}

function columnsOf(left: readonly string[], right: readonly string[]): Column[] {
  return [
    ...left.map((title) => ({ title })),
    ...right.map((title) => ({ title, side: "right" as const })),
  ];
}

/** What is to be shown. */
interface Shown {
  readonly found: readonly object[];
  readonly columns: readonly Column[];
  readonly rows: readonly string[][];
  /** What is said when there is nothing. */
  readonly none: string;
}

function show(out: Output, { json }: ServerOptions, { found, columns, rows, none }: Shown): void {
  if (json) return void out.write(found.map((each) => jsonLine(plain(each))).join(""));
  if (found.length === 0) return void out.write(`${none}\n`);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

/** A message as fields of JSON, with numbers as numbers. */
function plain(message: object): Record<string, unknown> {
  const fields = Object.entries(message).filter(([name]) => !name.startsWith("$"));
  return Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}

function named(session: string, user: string): string {
  return printable(user === "" ? session : `${session} (${user})`);
}

function micros(value: bigint): string {
  const micros = Number(value);
  if (micros === 0) return "-";
  return micros < 1000 ? `${micros} µs` : `${(micros / 1000).toFixed(1)} ms`;
}

function tellMore(err: Output, more: number, what: string): void {
  if (more > 0) err.write(`parley: ${count(more)} more ${what}\n`);
}
