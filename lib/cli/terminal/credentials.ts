/**
 * Who a command says it is: options, then the environment, then the URL; a password that nobody gave is asked for on
 * a terminal, unseen.
 *
 * A password is never an option: what stands on a command line, everybody on the machine can read.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { splitUserPart } from "../../client/connection/credentials.ts";
import { UsageError } from "../usage_error.ts";
import type { CliIo } from "../io.ts";

/** The options that say who one is. */
export interface WhoOptions {
  readonly user?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

/** What the client library is to say. */
export interface Said {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Reads a file with a token, which may be another one each time. */
  readonly credentials?: () => Promise<{ token: string }>;
}

/** The longest password that can be typed, in bytes. */
const MAX_TYPED_BYTES = 1024;

const BACKSPACE = [0x08, 0x7f];
const ENTER = [0x0a, 0x0d];
const CONTROL_C = 0x03;
const CONTROL_D = 0x04;

/** What the client library is to say. Raises UsageError when a password is needed and cannot be asked for. */
export async function credentialsFor(
  options: WhoOptions,
  url: string,
  io: CliIo,
): Promise<Said> {
  const variables = io.environment([
    "PARLEY_USER",
    "PARLEY_PASSWORD",
    "PARLEY_TOKEN",
    "PARLEY_TOKEN_FILE",
  ]);
  const inUrl = splitUserPart(url);
  if (options.token !== undefined && options.tokenFile !== undefined) {
    throw new UsageError("--token and --token-file say the same: name one of them");
  }
  // A name on the command line is meant more than a token around it.
  const isNamed = options.user !== undefined || options.tokenFile !== undefined;
  const token = options.token ?? (isNamed ? undefined : variables.PARLEY_TOKEN || undefined);
  const file = options.tokenFile ??
    (isNamed || token !== undefined ? undefined : variables.PARLEY_TOKEN_FILE || undefined);
  if (file !== undefined) {
    const first = await readToken(file);
    if (options.user !== undefined || inUrl.user !== "") {
      return { token: first, user: options.user ?? inUrl.user };
    }
    return { credentials: async () => ({ token: await readToken(file) }) };
  }
  const user = options.user ?? (inUrl.user || variables.PARLEY_USER || undefined);
  if (token !== undefined) return { token, ...user === undefined ? {} : { user } };
  if (user === undefined) return {};
  if (user === inUrl.user && inUrl.password !== "") return { user, password: inUrl.password };
  const password = variables.PARLEY_PASSWORD || await typed(`Password of ${user}: `, io);
  return { user, password };
}

async function readToken(file: string): Promise<string> {
  try {
    return (await Deno.readTextFile(file)).trim();
  } catch (cause) {
    const { message } = cause as Error;
    throw new UsageError(`cannot read the token in ${JSON.stringify(file)}: ${message}`, { cause });
  }
}

/** Asks for a password at the terminal; what is typed is not shown. Raises UsageError where nobody can be asked. */
export async function typed(
  question: string,
  io: CliIo,
  variable = "PARLEY_PASSWORD",
): Promise<string> {
  if (!io.stdin.isTerminal || !io.stderr.isTerminal) {
    throw new UsageError(`there is no password, and nobody can be asked here: set ${variable}`);
  }
  io.stderr.write(question);
  io.stdin.setRaw(true);
  try {
    return await readTyped(io);
  } finally {
    io.stdin.setRaw(false);
    io.stderr.write("\n");
  }
}

async function readTyped(io: CliIo): Promise<string> {
  const bytes: number[] = [];
  for await (const chunk of io.stdin.chunks()) {
    for (const byte of chunk) {
      if (ENTER.includes(byte)) return textOf(bytes);
      if (byte === CONTROL_C || byte === CONTROL_D && bytes.length === 0) {
        throw new UsageError("no password was given");
      }
      if (BACKSPACE.includes(byte)) dropCharacter(bytes);
      else if (byte >= 0x20 && bytes.length < MAX_TYPED_BYTES) bytes.push(byte);
    }
  }
  return textOf(bytes);
}

/** Takes the last character away, with all of its bytes. */
function dropCharacter(bytes: number[]): void {
  for (let last = bytes.pop(); last !== undefined && (last & 0xc0) === 0x80; last = bytes.pop());
}

function textOf(bytes: readonly number[]): string {
  return decodeTextLeniently(new Uint8Array(bytes));
}
