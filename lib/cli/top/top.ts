/**
 * `parley top`: what a server does, at a glance: rates, connections, kept topics and queues, on a terminal or, with --once, as one
 * look.
 */
import type { Command } from "commander";
import { ParleyError } from "../../base/errors.ts";
import { callMethod, type Client } from "../../client/mod.ts";
import { Topics } from "../../gen/parley/v1/topic_pb.ts";
import {
  type CliContext,
  duration,
  type ServerOptions,
  serverUrl,
  UsageError,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { FIRST_STATE } from "./controls.ts";
import {
  type ConnectionLook,
  type Figures,
  type Look,
  NOTED,
  type QueueLook,
  TopFigures,
} from "./figures.ts";
import { TopTerminal } from "./terminal.ts";
import { drawTop, type TableName, TABLES } from "./view.ts";

interface TopOptions extends ServerOptions {
  readonly interval: number;
  readonly once?: boolean;
}

/** The most connections, topics and queues that are looked at: more would cost the server what it has better use for. */
const MAX_LOOKED = 1000;

const HELP = `
Keys: 1, 2, 3 or Tab choose a table, s what it is sorted by, / filters it, arrows scroll, p pauses, q ends.

Examples:
  parley top
  parley top --interval 500ms
  parley top --once                                  one look, for a pipe
  parley top --once --json | jq .rates.messages_in

Where the server has users, it needs the permissions "manage server.stats" and "manage server.connections".`;

/** Adds the command. */
export function addTop(program: Command, context: CliContext): void {
  withServerOptions(program.command("top"))
    .description("watch what a server does")
    .option("--interval <duration>", "how often to look, like 500ms", duration(100, 60_000), 2000)
    .option("--once", "look once, with rates over one interval, and end")
    .addHelpText("after", HELP)
    .action((options: TopOptions) => top(options, context));
}

async function top(options: TopOptions, { io, outcome }: CliContext): Promise<void> {
  const isInteractive = io.stdout.isTerminal && io.stdin.isTerminal;
  if (!options.once && (options.json || !isInteractive)) {
    throw new UsageError("without a terminal to draw on, and with --json, there is only --once");
  }
  using signals = new StopSignals();
  const server = serverUrl(options, io);
  await withClient(options, io, async (client) => {
    if (options.once) return await once(client, options, io);
    const figures = new TopFigures();
    using terminal = new TopTerminal(io, server);
    const over = new AbortController();
    signals.onFirst(() => over.abort());
    const looking = watch(client, { options, figures, terminal }, over.signal);
    const ended = terminal.run(over.signal).finally(() => over.abort());
    await Promise.all([looking, ended]);
  }, { reconnect: {}, signal: signals.signal });
  outcome.exitCode = 0;
}

/** One look, with rates. */
async function once(client: Client, options: TopOptions, io: CliIo): Promise<void> {
  const figures = new TopFigures();
  figures.add(await look(client));
  await pause(options.interval);
  const found = figures.add(await look(client));
  if (options.json) return void io.stdout.write(jsonLine(jsonOf(found)));
  const { columns, colors, isTerminal } = io.stdout;
  for (const table of TABLES) {
    io.stdout.write(onceText(found, table, { columns: isTerminal ? columns : 132, colors }));
  }
}

/** The summary with the first table, the others without it. */
function onceText(
  figures: Figures,
  table: TableName,
  { columns, colors }: { columns: number; colors: boolean },
): string {
  const room = { connections: figures.connections, topics: figures.topics, queues: figures.queues };
  const rows = room[table].length + 40;
  const lines = drawTop(figures, { ...FIRST_STATE, table }, { columns, rows, colors }, {
    server: "",
    problem: "",
  });
  const from = table === TABLES[0] ? 1 : lines.indexOf("") + 1;
  return lines.slice(from, -1).join("\n").trimEnd() + "\n" + (table === TABLES.at(-1) ? "" : "\n");
}

function jsonOf({ rates, stats, noted, connections, topics, queues, beyond }: Figures) {
  return { rates, stats, noted, connections, topics, queues, not_looked_at: beyond };
}

/** Looks again and again until it is over. */
async function watch(
  client: Client,
  { options, figures, terminal }: {
    options: TopOptions;
    figures: TopFigures;
    terminal: TopTerminal;
  },
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    if (!terminal.paused) {
      try {
        terminal.show(figures.add(await look(client)));
      } catch (error) {
        if (over.aborted) return;
        const { message, retryable } = ParleyError.from(error);
        if (!retryable) throw error;
        terminal.trouble(message);
      }
    }
    await pause(options.interval, over);
  }
}

/** Looks at everything at once. */
export async function look(client: Client): Promise<Look> {
  const [stats, { series }, connections, topics, queues] = await Promise.all([
    client.admin.stats(),
    client.server.history({ names: [...NOTED], limit: 1 }),
    firstOf<ConnectionLook>(client.admin.connections()),
    callMethod(client, Topics.method.list, {}),
    firstOf<QueueLook>(client.queues()),
  ]);
  const beyond = Math.max(0, (stats.connections_open ?? 0) - connections.length);
  return {
    seconds: performance.now() / 1000,
    stats,
    noted: Object.fromEntries(
      series.flatMap(({ name, values: [value] }) => Number.isFinite(value) ? [[name, value]] : []),
    ),
    connections,
    topics: topics.topics.map(({ topic, lastSeq, events, bytes }) => ({
      topic,
      lastSeq: Number(lastSeq),
      events: Number(events),
      bytes: Number(bytes),
    })),
    queues,
    beyond,
  };
}

async function firstOf<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) if (found.push(one) >= MAX_LOOKED) break;
  return found;
}

function pause(ms: number, over?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      over?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    over?.addEventListener("abort", end);
    if (over?.aborted) end();
  });
}
