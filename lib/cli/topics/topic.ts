/**
 * `parley topic hz|bw|delay PATTERN` (`ls`, `info` and `trim` are in kept.ts): how often, and how much, is published on
 * topics, measured by the server, and how long events are under way, measured as they arrive here.
 *
 * A report a second: on a terminal it is drawn over the one before, elsewhere each adds its lines. Of delays, what the
 * server had to drop because this side was too slow is said.
 */
import type { Command } from "commander";
import { ParleyError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { callMethod, type Client } from "../../client/mod.ts";
import { Topics } from "../../gen/parley/v1/topic_pb.ts";
import {
  type CliContext,
  interval,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { LinkNotices } from "../terminal/link_notices.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { addKeep } from "./keep.ts";
import { addKeptTopic } from "./kept.ts";
import type { TopicReport } from "./figures.ts";
import { MeasuredTopics } from "./measured.ts";
import { TopicMeter } from "./meter.ts";
import { type Measure, plainLines, reportJson, tableRows } from "./table.ts";

interface TopicOptions extends ServerOptions {
  readonly type?: string;
  readonly window: number;
  readonly interval: number;
  readonly count?: number;
}

const DEFAULT_WINDOW = 1000;
const MAX_WINDOW = 100_000;

const ABOUT = {
  hz: "measure how many events a second are published, and how regularly",
  bw: "measure how many bytes a second are published",
  delay: "measure how long events take from the server to here",
} as const;

const BY_SERVER =
  `The server counts and times events as they are published, so every one is in the figures, however many there are and
however slow this connection is. The window is that many events or, since reports come whole, a few more.`;

const MORE = {
  hz: BY_SERVER,
  bw: `${BY_SERVER} Sizes are those of payloads.`,
  delay:
    `From the moment in which the server took an event, which is its time, to its arrival here. Between two machines that is
as right as their clocks are alike.`,
} as const;

/** Adds the commands. */
export function addTopic(program: Command, context: CliContext): void {
  const topic = program.command("topic").description("look at topics");
  addKeptTopic(topic, context);
  addKeep(topic, context);
  for (const measure of ["hz", "bw", "delay"] as const) {
    withServerOptions(topic.command(measure))
      .description(ABOUT[measure])
      .argument("<pattern>", "which topics, like 'orders.>'")
      .option("--type <type>", "only events of this type")
      .option(
        "--window <n>",
        "of how many events of a topic the figures are",
        wholeNumber(2, MAX_WINDOW),
        DEFAULT_WINDOW,
      )
      .option("--interval <duration>", "how often to report, like 1s", interval, 1000)
      .option("-n, --count <n>", "stop after so many reports", wholeNumber(1))
      .addHelpText(
        "after",
        `\nExample:\n  parley topic ${measure} 'sensors.>' --window 100\n\n${MORE[measure]}`,
      )
      .action((pattern: string, options: TopicOptions) =>
        measureTopics(pattern, measure, options, context)
      );
  }
}

/** What gives reports. */
interface Source {
  /** Ends when there is nothing to measure any more. */
  readonly closed: Promise<unknown>;
  /** What is told now; null while the server cannot be asked. */
  report(): TopicReport | null | Promise<TopicReport | null>;
}

async function measureTopics(
  pattern: string,
  measure: Measure,
  options: TopicOptions,
  { io }: CliContext,
): Promise<void> {
  using signals = new StopSignals();
  const notices = new LinkNotices(io);
  const reports = new Reports(io, measure, options.json ?? false, notices);
  await withClient(options, io, async (client) => {
    const source = measure === "delay"
      ? await delaysOf(client, pattern, options, notices)
      : await measuredBy(client, pattern, options);
    notices.say(`measuring ${printable(pattern)}`);
    const stopped = new Promise<"over">((resolve) => signals.onFirst(() => resolve("over")));
    const over = Promise.race([stopped, source.closed.then(() => "over" as const)]);
    for (let left = options.count ?? Infinity; left > 0; left--) {
      if (await within(options.interval, over) !== undefined) break;
      const report = await Promise.race([source.report(), over]);
      if (report === "over") break;
      if (report !== null) reports.show(report);
    }
    notices.close();
  }, {
    reconnect: {},
    onStatus: notices.onStatus,
    onError: notices.onError,
    signal: signals.signal,
  });
}

/** What the server measures: every event counts, however fast this side is. */
async function measuredBy(
  client: Client,
  pattern: string,
  { type = "", window }: TopicOptions,
): Promise<Source> {
  const measured = new MeasuredTopics(window);
  const ask = () => callMethod(client, Topics.method.measure, { pattern, type });
  measured.report(await ask());
  return {
    closed: new Promise(() => {}),
    report: async () => {
      try {
        return measured.report(await ask());
      } catch (reason) {
        // The connection is made again; the notices say so.
        if (client.status !== "closed" && ParleyError.from(reason).retryable) return null;
        throw reason;
      }
    },
  };
}

/** What can only be measured where events arrive. */
async function delaysOf(
  client: Client,
  pattern: string,
  { type, window }: TopicOptions,
  notices: LinkNotices,
): Promise<Source> {
  const meter = new TopicMeter(window);
  const { closed } = await client.subscribe(pattern, {
    type,
    overflow: "drop_newest",
    onGap: (gap) => notices.onGap(gap),
  }, ({ topic, payload, timeMicros }) => {
    const delaySeconds = Date.now() / 1e3 - Number(timeMicros) / 1e6;
    meter.record(topic, payload.length, performance.now() / 1000, delaySeconds);
  });
  return { closed, report: () => meter.report(performance.now() / 1000) };
}

/** Waits so long, or for `earlier`, and gives what that gave. */
async function within<T>(milliseconds: number, earlier: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([passed, earlier]);
  } finally {
    clearTimeout(timer);
  }
}

/** Writes one report after the other, on a terminal one over the other. */
class Reports {
  readonly #io: CliIo;
  readonly #measure: Measure;
  readonly #json: boolean;
  readonly #notices: LinkNotices;
  #drawn = 0;
  #noticed = 0;

  constructor(io: CliIo, measure: Measure, json: boolean, notices: LinkNotices) {
    this.#notices = notices;
    this.#io = io;
    this.#measure = measure;
    this.#json = json;
  }

  show(report: TopicReport): void {
    const { stdout } = this.#io;
    if (this.#json) {
      stdout.write(jsonLine(reportJson(report, this.#measure, new Date().toISOString())));
      return;
    }
    const empty = report.topics.length === 0 && report.others === 0;
    if (!stdout.isTerminal) {
      const time = new Date().toISOString();
      const lines = empty ? ["no events"] : plainLines(report, this.#measure);
      stdout.write(lines.map((line) => `${time}  ${line}\n`).join(""));
      return;
    }
    const lines = empty
      ? ["no events yet"]
      : tableRows(report, this.#measure, stdout.columns, stdout.rows);
    // A notice stands below the last table: that one stays, and a new one begins.
    if (this.#notices.lines !== this.#noticed) this.#drawn = 0;
    this.#noticed = this.#notices.lines;
    const back = this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A`;
    stdout.write(`${back}\r\x1b[J${lines.join("\n")}\n`);
    this.#drawn = lines.length;
  }
}
