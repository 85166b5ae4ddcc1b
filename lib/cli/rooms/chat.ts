/**
 * `parley chat [ROOM]`: talk in a room. On a terminal it takes the whole screen, with the history above the
 * line that is being written; otherwise it says the lines of standard input and prints what happens.
 *
 * The name is claimed and the room joined before the terminal is taken over, so that a refusal is an error
 * like any other. A lost connection is opened again, and what is being written stays.
 */
import type { Command } from "commander";
import { mayFail } from "../../base/detached.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { Client, ClientStatus, ParleyError } from "../../client/mod.ts";
import {
  type CliContext,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { StopSignals } from "../terminal/stop_signals.ts";

interface ChatOptions extends ServerOptions {
  readonly name?: string;
  readonly history: number;
  readonly bell: boolean;
  readonly commands?: boolean;
}

/** Where a person's name may stand. */
const NAME_VARIABLES = ["USER", "LOGNAME", "USERNAME"];
/** The server's limit on a message. */
const MAX_MESSAGE_BYTES = 4096;
const MAX_HISTORY = 2048;

const EXAMPLES = `
Examples:
  parley chat                              the room "lobby", under your user name
  parley chat tea --name ann
  echo "the build is done" | parley chat builds --name ci --history 0
  echo "/me restarts" | parley chat builds --name ci --commands
/help in the chat tells its commands.`;

/** Adds the command. */
export function addChat(program: Command, context: CliContext): void {
  withServerOptions(program.command("chat"))
    .description("talk in a room")
    .argument("[room]", "which room", "lobby")
    .option(
      "--name <name>",
      "the name to go by (default: your name as a user of the server, or else of this machine)",
    )
    .option("--history <n>", "earlier events to begin with", wholeNumber(0, MAX_HISTORY), 50)
    .option("--no-bell", "do not ring the terminal's bell when somebody speaks to you")
    .option("--commands", "without a terminal: take lines that begin with / as commands")
    .addHelpText("after", EXAMPLES)
    .action((room: string, options: ChatOptions) => chat(room, options, context));
}

async function chat(room: string, options: ChatOptions, context: CliContext): Promise<void> {
  const { io } = context;
  const onTerminal = io.stdin.isTerminal && io.stdout.isTerminal && !options.json;
  await (onTerminal ? chatOnTerminal : chatInLines)(room, options, context);
}

async function chatInLines(
  room: string,
  options: ChatOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  const { LinkNotices } = await import("../terminal/link_notices.ts");
  const { chatPiped } = await import("./chat_piped.ts");
  using signals = new StopSignals();
  const notices = new LinkNotices(io);
  await withClient(options, io, async (client) => {
    const nick = await nameOf(client, options, io);
    await using joined = await client.room(room, {
      nick,
      history: options.history,
      onGap: (gap) => notices.onGap(gap),
    });
    const stop = signals.signal;
    const { json = false, commands = false } = options;
    const rooms = () => client.rooms();
    outcome.exitCode = await chatPiped(io, joined, { json, commands, rooms, stop, notices });
    notices.close();
  }, {
    reconnect: {},
    onStatus: notices.onStatus,
    onError: notices.onError,
    signal: signals.signal,
  });
}

async function chatOnTerminal(
  room: string,
  options: ChatOptions,
  { io }: CliContext,
): Promise<void> {
  const { ChatSession } = await import("./chat_session.ts");
  const { ChatState } = await import("./chat_state.ts");
  const { ChatTerminal } = await import("./chat_terminal.ts");
  const { LineEditor } = await import("./chat_editor.ts");
  const state = new ChatState("");
  const editor = new LineEditor(MAX_MESSAGE_BYTES);
  let terminal: InstanceType<typeof ChatTerminal> | null = null;
  let onStatus: ((status: ClientStatus, reason?: ParleyError) => void) | null = null;
  using signals = new StopSignals(() => terminal?.[Symbol.dispose]());
  await withClient(options, io, async (client) => {
    state.nick = await nameOf(client, options, io);
    const session = new ChatSession({
      client,
      state,
      history: options.history,
      changed: () => terminal?.changed(),
      giveBack: (text) => {
        if (editor.text === "") editor.set(text);
      },
      now: () => new Date(),
    });
    onStatus = session.onStatus;
    await session.join(room);
    // Given back before the room is left: that may take a moment.
    using screen = terminal = new ChatTerminal(io, state, editor, options.bell);
    signals.onFirst(() => session.quit());
    const typed = screen.run(session).finally(() => session.quit());
    mayFail(typed, "read what is typed");
    await session.finished;
  }, { reconnect: {}, onStatus: (status) => onStatus?.(status), signal: signals.signal });
}

/** A name that any room takes. */
const USER_NAME = /^[\p{XID_Continue}.-]{1,32}$/u;

/** The name to go by: as it is said, or that of the user on the server, or that on this machine. */
async function nameOf(client: Client, { name }: ChatOptions, io: CliIo): Promise<string> {
  if (name !== undefined) return name;
  const { user } = client.welcome;
  return USER_NAME.test(user) ? user : await userName(io);
}

async function userName(io: CliIo): Promise<string> {
  const variables = io.environment(NAME_VARIABLES);
  for (const variable of NAME_VARIABLES) {
    const name = variables[variable];
    if (name !== undefined && USER_NAME.test(name)) return name;
  }
  const name = await nameById();
  if (USER_NAME.test(name)) return name;
  throw new UsageError("missing a name to go by: --name NAME");
}

/** The user's name as the system has it, where no variable says it; empty when it cannot be told. */
async function nameById(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("id", { args: ["-un"], stderr: "null" }).output();
    return decodeTextLeniently(stdout).trim();
  } catch {
    return "";
  }
}
