/**
 * What the commands share: their context, options that reach a server, and how wrong use is reported.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { DURATION_FORM, durationMs, durationText } from "../base/duration.ts";
import { invalidArgument, ParleyError } from "../base/errors.ts";
import type { Client, ConnectOptions, TlsOptions } from "../client/mod.ts";
import { parseTarget } from "../client/transport/url.ts";
import { splitUserPart } from "../client/connection/credentials.ts";
import { credentialsFor } from "./terminal/credentials.ts";
import type { CliIo } from "./io.ts";
import { UsageError } from "./usage_error.ts";

export { UsageError } from "./usage_error.ts";

/** What a command is given besides its arguments. */
export interface CliContext {
  readonly io: CliIo;
  /** Set by a command that does not end with 0. */
  readonly outcome: { exitCode: number };
}

/** The server that is asked when none is named. */
export const DEFAULT_SERVER = "parley://localhost:7311";

/** The options of a command that talks to a server. */
export interface ServerOptions {
  readonly server?: string;
  readonly context?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
  readonly user?: string;
  readonly token?: string;
  readonly timeout: number;
  readonly json?: boolean;
}

/** Adds `--server`, those of TLS, who one is, `--timeout` and `--json`. */
export function withServerOptions(command: Command): Command {
  return command
    .option("-s, --server <url>", `a URL or HOST:PORT (PARLEY_URL; default: "${DEFAULT_SERVER}")`)
    .option("--context <name>", "the server of this context, and who one is there: parley context")
    .option("--ca <file>", "authorities to trust under TLS, in PEM (PARLEY_CA)")
    .option("--cert <file>", "a certificate to show under TLS, in PEM (PARLEY_CERT)")
    .option("--cert-key <file>", "the private key of that certificate (PARLEY_CERT_KEY)")
    .option(
      "--user <name>",
      "who you are (PARLEY_USER); the password is PARLEY_PASSWORD, or asked for",
    )
    .option("--token <token>", "a token or a JWT, instead of a password (PARLEY_TOKEN)")
    .option(
      "--token-file <file>",
      "a file with that, read again before a login ends (PARLEY_TOKEN_FILE)",
    )
    .addOption(
      new Option("--timeout <duration>", "how long to wait, like 5s").argParser(timeout)
        .default(10_000, "10s"),
    )
    .option("--json", "print JSON");
}

/** HOST:PORT as people write it where the scheme goes without saying. */
const HOST_AND_PORT = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}$/;

/** The server that is meant: the option, or what stands in the environment, or the default. Raises UsageError. */
export function serverUrl(options: { readonly server?: string }, io: CliIo): string {
  const said = options.server === undefined ? serverVariable(io) : null;
  const given = options.server ?? said?.value ?? DEFAULT_SERVER;
  const url = HOST_AND_PORT.test(given) ? `parley://${given}` : given;
  try {
    parseTarget(splitUserPart(url).url);
    return url;
  } catch (cause) {
    const source = said?.name ?? "--server";
    const { reason, accepted } = ParleyError.from(cause);
    throw new UsageError(`${source}: ${reason}; accepted: ${accepted}`, { cause });
  }
}

/** The variable that names the server; null when none does. Raises UsageError when two name different ones. */
export function serverVariable(
  io: CliIo,
): { readonly name: string; readonly value: string } | null {
  const { PARLEY_URL, PARLEY_SERVER } = io.environment(["PARLEY_URL", "PARLEY_SERVER"]);
  if (PARLEY_URL && PARLEY_SERVER && PARLEY_URL !== PARLEY_SERVER) {
    throw new UsageError("PARLEY_URL and PARLEY_SERVER name different servers: unset one of them");
  }
  if (PARLEY_URL) return { name: "PARLEY_URL", value: PARLEY_URL };
  return PARLEY_SERVER ? { name: "PARLEY_SERVER", value: PARLEY_SERVER } : null;
}

/**
 * Connects, lets `use` work with the client, and closes it. One failure is final and nothing is retried,
 * unless `more` says otherwise.
 */
export async function withClient<Result>(
  options: ServerOptions,
  io: CliIo,
  use: (client: Client) => Promise<Result>,
  more: ConnectOptions = {},
): Promise<Result> {
  const { connect } = await import("../client/mod.ts");
  const url = serverUrl(options, io);
  const client = await connect(url, {
    ...await credentialsFor(options, url, io),
    name: "parley-cli",
    connectTimeoutMs: options.timeout,
    requestTimeoutMs: options.timeout,
    reconnect: false,
    tls: await tlsOptions(options, io),
    ...more,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Reads the files that are named for TLS. Raises UsageError for one that cannot be read. */
export async function tlsOptions(options: ServerOptions, io: CliIo): Promise<TlsOptions> {
  const variables = io.environment(["PARLEY_CA", "PARLEY_CERT", "PARLEY_CERT_KEY"]);
  const read = async (flag: string, given: string | undefined, variable: string) => {
    const path = given ?? variables[variable];
    if (path === undefined || path === "") return undefined;
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      const source = given === undefined ? variable : flag;
      const { message } = cause as Error;
      throw new UsageError(`${source}: cannot read ${JSON.stringify(path)}: ${message}`, { cause });
    }
  };
  const [ca, cert, key] = await Promise.all([
    read("--ca", options.ca, "PARLEY_CA"),
    read("--cert", options.cert, "PARLEY_CERT"),
    read("--cert-key", options.certKey, "PARLEY_CERT_KEY"),
  ]);
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --cert-key belong together: name both, or neither");
  }
  return { ca, cert, key };
}

/**
 * Refuses misspelt variables for a command that talks to a server, as `serve` does for itself. Only when there are
 * any to look at is what knows all names loaded.
 */
export async function checkEnvironment(command: Command, io: CliIo): Promise<void> {
  if (!command.options.some(({ long }) => long === "--server")) return;
  const environment = io.environment(["PARLEY_SERVER"]);
  const ours = Object.keys(environment).filter((name) => name.startsWith("PARLEY_"));
  if (ours.every((name) => name === "PARLEY_SERVER")) return;
  const { checkVariables } = await import("../server/config/config.ts");
  checkVariables(environment);
}

/** Reads a whole number within bounds, for an option or an argument. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** Reads a number of seconds, with fractions. */
export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= 86_400) return value;
  throw new InvalidArgumentError("It must be a number of seconds, from above 0 to 86400.");
}

/** The longest that a command waits for a server: in whole days, what a timer can be set for. */
const MAX_TIMEOUT_MS = 24 * 86_400_000;

/** Reads a duration within bounds, in milliseconds. */
export function duration(leastMs: number, mostMs: number) {
  return (text: string): number => {
    const value = durationMs(text);
    if (value !== null && value >= leastMs && value <= mostMs) return value;
    throw new InvalidArgumentError(
      `It must be ${DURATION_FORM}, from ${durationText(leastMs)} to ${durationText(mostMs)}.`,
    );
  };
}

/** Reads how long to wait between two events or reports. */
export const interval = duration(1, 86_400_000);

/** Reads how long to wait for a server. */
const timeout = duration(1, MAX_TIMEOUT_MS);

/** How a header is written; a name with a colon goes with `=`. */
const HEADER_FORMS = [/^([^=:]+): (.*)$/s, /^([^=]+)=(.*)$/s, /^([^=:]+):(.*)$/s];

/** Adds one `name=value`, or `name: value` and `name:value` as others have it, to what an option that may be repeated has gathered. */
export function header(
  text: string,
  gathered: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const found = HEADER_FORMS.map((form) => form.exec(text)).find((each) => each !== null) ?? null;
  if (found !== null) return { ...gathered, [found[1]]: found[2] };
  throw new InvalidArgumentError("It must be a name and a value: name=value.");
}

/** Decodes text that came as bytes. Raises INVALID_ARGUMENT when it is no UTF-8. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalidArgument(`cannot send ${what}: it is not valid UTF-8`, { cause });
  }
}

/** The code and the message of whatever was thrown, for output as JSON. */
export function errorJson(thrown: unknown): { code: string; message: string } {
  const error = ParleyError.from(thrown);
  return { code: error.codeName, message: error.message };
}
