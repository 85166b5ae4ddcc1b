/**
 * `parley health`: whether a server answers or, asked at its http listener, whether it is ready. Exit code 0 when it
 * does or is, 1 when not, for scripts and for the health checks of containers.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { splitUserPart } from "../../client/connection/credentials.ts";
import type { Command } from "commander";
import type { Client } from "../../client/mod.ts";
import {
  type CliContext,
  errorJson,
  type ServerOptions,
  serverUrl,
  serverVariable,
  tlsOptions,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { styled, terminalText } from "../terminal/terminal_text.ts";
import { credentialsFor, type Said } from "../terminal/credentials.ts";

/** The page that says whether a server is ready. */
const READY_PAGE = "/readyz";
/** The most that is read of it, in characters. */
const MAX_PAGE = 65_536;

/** What the page says. */
interface Told {
  readonly status: string;
  /** Absent for who may not see them. */
  readonly checks?: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly reason: string;
  }[];
}

/** Adds the command. */
export function addHealth(program: Command, context: CliContext): void {
  withServerOptions(program.command("health"))
    .description("ask whether a server answers; with an http URL, whether it is ready")
    .action((options: ServerOptions) => health(options, context));
}

async function health(options: ServerOptions, context: CliContext): Promise<void> {
  const { io, outcome } = context;
  const given = givenPage(options, io);
  const page = given === null ? null : new URL(READY_PAGE, splitUserPart(given).url);
  const url = page?.origin ?? splitUserPart(serverUrl(options, io)).url;
  try {
    if (page !== null) return await tellReady({ options, page, given: given! }, context);
    await tellAlive(options, url, io);
  } catch (error) {
    if (!options.json) throw error;
    io.stdout.write(JSON.stringify({ ok: false, url, error: errorJson(error) }) + "\n");
    outcome.exitCode = 1;
  }
}

async function tellAlive(options: ServerOptions, url: string, io: CliIo): Promise<void> {
  const answer = await withClient(options, io, ask);
  if (options.json) {
    io.stdout.write(JSON.stringify({ ok: true, url, ...answer }) + "\n");
    return;
  }
  const version = terminalText(answer.server_version, io.stdout);
  const latency = `${answer.latency_ms.toFixed(2)} ms`;
  io.stdout.write(`${styled("green", "ok", io.stdout)}  ${latency}  parley ${version}  ${url}\n`);
}

async function ask(client: Client) {
  const latency = await client.ping();
  const { serverVersion, serverId } = client.welcome;
  return {
    latency_ms: Math.round(latency * 1000) / 1000,
    server_version: serverVersion,
    server_id: serverId,
  };
}

/** The URL of the http listener that is meant; null when the server is named in another way. */
function givenPage(options: ServerOptions, io: CliIo): string | null {
  const given = options.server ?? serverVariable(io)?.value ?? "";
  return /^https?:\/\//i.test(given) && URL.canParse(given) ? given : null;
}

/** What is asked, and how. */
interface Question {
  readonly options: ServerOptions;
  readonly page: URL;
  /** The URL as it was given, perhaps with a user. */
  readonly given: string;
}

/** Asks the page, and tells what it says. */
async function tellReady(question: Question, { io, outcome }: CliContext): Promise<void> {
  const { options, page } = question;
  const { ok, told } = await askPage(question, io);
  if (!ok) outcome.exitCode = 1;
  if (options.json) {
    io.stdout.write(JSON.stringify({ ok, url: page.origin, ...told }) + "\n");
    return;
  }
  const status = styled(ok ? "green" : "red", terminalText(told.status, io.stdout), io.stdout);
  io.stdout.write(`${status}  ${page.origin}\n`);
  for (const { name, ok, reason } of told.checks ?? []) {
    if (!ok) io.stdout.write(`  ${terminalText(`${name}: ${reason}`, io.stdout)}\n`);
  }
}

async function askPage(question: Question, io: CliIo): Promise<{ ok: boolean; told: Told }> {
  const { options, page } = question;
  const { ca } = await tlsOptions(options, io);
  const client = ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [ca] });
  try {
    const signal = AbortSignal.timeout(options.timeout);
    const headers = await authorization(question, io);
    const response = await fetch(page, { headers, signal, client, redirect: "error" });
    return { ok: response.ok, told: read(await textOf(response), response.status, page) };
  } catch (cause) {
    if (cause instanceof ParleyError) throw cause;
    const reason = (cause as Error).name === "TimeoutError"
      ? `no answer in ${options.timeout} ms`
      : reasonOf(cause as Error);
    const message = `cannot ask ${page.href}: ${reason}`;
    throw new ParleyError(ErrorCode.UNAVAILABLE, message, { cause });
  } finally {
    client?.close();
  }
}

/** What an error says, with what lies behind it. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${reasonOf(cause)}` : message;
}

/** The beginning of a page. */
async function textOf(response: Response): Promise<string> {
  let text = "";
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length > MAX_PAGE) break;
  }
  return text;
}

/** What the page says; of one that is no such page, its status. */
function read(text: string, status: number, page: URL): Told {
  try {
    const told = JSON.parse(text) as Told;
    if (typeof told.status === "string") return told;
  } catch {
    // It is no JSON.
  }
  const what = `it answers ${status} where a Parley server says whether it is ready`;
  throw new ParleyError(ErrorCode.UNAVAILABLE, `cannot ask ${page.href}: ${what}`);
}

/** The header that says who one is; none for who does not say. */
async function authorization(
  { options, given }: Question,
  io: CliIo,
): Promise<Record<string, string>> {
  const said = await credentialsFor(options, given, io);
  const { user, password, token }: Said = await said.credentials?.() ?? said;
  if (token !== undefined) return { Authorization: `Bearer ${token}` };
  if (user === undefined) return {};
  const bytes = new TextEncoder().encode(`${user}:${password ?? ""}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}
