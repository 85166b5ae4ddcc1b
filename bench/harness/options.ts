/**
 * The command line of `deno task bench`: which benchmarks, how often, how long, and what to print.
 *
 * Raises UsageError, with what would be accepted, for anything that it does not know.
 */

import { type FloodName, FLOODS } from "../load/flood_kinds.ts";

/** The benchmarks, in the order in which all of them run. */
export const BENCHMARKS = [
  "start",
  "echo",
  "conns",
  "bus",
  "bus-subs",
  "call",
  "kept",
  "queue",
  "room",
  "trim",
  "http",
  "fairness",
  "tls",
  "slow-tls",
  "access",
  "monitoring",
  "console",
  "cluster",
] as const;
/** The name of a benchmark. */
export type BenchmarkName = typeof BENCHMARKS[number];

/** What to do. */
export interface BenchOptions {
  readonly benchmarks: readonly BenchmarkName[];
  /** How often each server is measured, at least 1. */
  readonly runs: number;
  /** How long each measurement loads a server, in seconds. */
  readonly seconds: number;
  /** Idle connections of `conns`. */
  readonly connections: number;
  /** The most subscriptions of `bus-subs`. */
  readonly subscriptions: number;
  /** The most jobs that wait in `queue`, and those that `fairness` peeks at. */
  readonly jobs: number;
  /** Members of the room of `room`. */
  readonly members: number;
  /** What is said in it. */
  readonly messages: number;
  /** Events that `trim` has trimmed, and those of the history that `fairness` reads. */
  readonly events: number;
  /** The most flooders of `fairness`. */
  readonly flooders: number;
  /** Streams of events of `http`. */
  readonly readers: number;
  /** The slow handshakes of `slow-tls`. */
  readonly slow: number;
  /** How often `cluster` kills the node that writes. */
  readonly kills: number;
  /** The floods of `fairness`. */
  readonly floods: readonly FloodName[];
  readonly json: boolean;
  readonly writeDocs: boolean;
  readonly requirePeers: boolean;
}

/** What is wrong with a command line. */
export class UsageError extends Error {}

/** What `--help` prints. */
export const HELP = `deno task bench [${BENCHMARKS.join("|")}]... [options]

  --runs <n>            measurements of each server, in turn (5)
  --seconds <s>         how long each measurement takes (3)
  --connections <n>     idle connections of conns (15000)
  --subscriptions <n>   the most subscriptions of bus-subs (1000000)
  --jobs <n>            the most jobs that wait in queue, and in that of fairness (1000000)
  --members <n>         members of the room of room (1000)
  --messages <n>        what is said in it (1000)
  --events <n>          events that trim has trimmed, and that fairness reads (1000000)
  --flooders <n>        the most flooders of fairness (10)
  --readers <n>         streams of events of http (1000)
  --slow <n>            slow handshakes of slow-tls (2000)
  --kills <n>           how often cluster kills the node that writes (20)
  --floods <names>      which floods of fairness, with commas between (all of them)
  --json                print JSON
  --write-docs          put the tables into docs/performance.md, too
  --require-peers       exit code 1 when a peer of these benchmarks is missing
`;

type Numbers = {
  -readonly [key in keyof BenchOptions as BenchOptions[key] extends number ? key : never]: number;
};
type Switches = {
  -readonly [key in keyof BenchOptions as BenchOptions[key] extends boolean ? key : never]: boolean;
};

const numbers: Record<string, { key: keyof Numbers; least: number; whole: boolean }> = {
  "--runs": { key: "runs", least: 1, whole: true },
  "--seconds": { key: "seconds", least: 0.01, whole: false },
  "--connections": { key: "connections", least: 1, whole: true },
  "--subscriptions": { key: "subscriptions", least: 1, whole: true },
  "--jobs": { key: "jobs", least: 1, whole: true },
  "--members": { key: "members", least: 1, whole: true },
  "--messages": { key: "messages", least: 1, whole: true },
  "--events": { key: "events", least: 1, whole: true },
  "--readers": { key: "readers", least: 1, whole: true },
  "--slow": { key: "slow", least: 1, whole: true },
  "--kills": { key: "kills", least: 1, whole: true },
  "--flooders": { key: "flooders", least: 1, whole: true },
};
const switches: Record<string, keyof Switches> = {
  "--json": "json",
  "--write-docs": "writeDocs",
  "--require-peers": "requirePeers",
};

/** Reads a command line; undefined when it asks for help. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const chosen = new Set<BenchmarkName>();
  const values: Numbers = {
    runs: 5,
    seconds: 3,
    connections: 15_000,
    subscriptions: 1_000_000,
    jobs: 1_000_000,
    members: 1000,
    messages: 1000,
    events: 1_000_000,
    flooders: 10,
    readers: 1000,
    slow: 2000,
    kills: 20,
  };
  let floods: readonly FloodName[] = FLOODS;
  const on: Switches = { json: false, writeDocs: false, requirePeers: false };
  for (let index = 0; index < args.length; index++) {
    const [word, joined] = splitOnce(args[index]);
    if (word === "--help" || word === "-h") return undefined;
    const number = numbers[word];
    if (number !== undefined) {
      values[number.key] = readNumber(word, joined ?? args[++index], number.least, number.whole);
    } else if (word === "--floods") {
      floods = readFloods(joined ?? args[++index]);
    } else if (switches[word] !== undefined && joined === undefined) {
      on[switches[word]] = true;
    } else if (isBenchmark(args[index])) {
      chosen.add(args[index] as BenchmarkName);
    } else {
      const known = [...BENCHMARKS, ...Object.keys(numbers), "--floods", ...Object.keys(switches)];
      throw new UsageError(`cannot bench "${args[index]}": one of ${known.join(", ")} is accepted`);
    }
  }
  const benchmarks = BENCHMARKS.filter((name) => chosen.size === 0 || chosen.has(name));
  return { benchmarks, ...values, floods, ...on };
}

/** The command line that gives these options, without what only chooses the form of the output. */
export function commandLine(options: BenchOptions, benchmark?: BenchmarkName): string {
  const all = options.benchmarks.length === BENCHMARKS.length;
  const names = benchmark !== undefined ? [benchmark] : all ? [] : options.benchmarks;
  const words = ["deno task bench", ...names];
  words.push(`--runs ${options.runs}`, `--seconds ${options.seconds}`);
  const shows = (name: BenchmarkName) =>
    (benchmark ?? name) === name && options.benchmarks.includes(name);
  if (shows("conns")) words.push(`--connections ${options.connections}`);
  if (shows("bus-subs")) words.push(`--subscriptions ${options.subscriptions}`);
  if (shows("queue")) words.push(`--jobs ${options.jobs}`);
  if (shows("room")) words.push(`--members ${options.members}`, `--messages ${options.messages}`);
  if (shows("trim")) words.push(`--events ${options.events}`);
  if (shows("http")) words.push(`--readers ${options.readers}`);
  if (shows("fairness")) {
    words.push(`--flooders ${options.flooders}`);
    if (options.floods.length < FLOODS.length) words.push(`--floods "${options.floods.join(",")}"`);
    if (!shows("queue")) words.push(`--jobs ${options.jobs}`);
    if (!shows("trim")) words.push(`--events ${options.events}`);
  }
  if (shows("cluster")) words.push(`--kills ${options.kills}`);
  if (shows("slow-tls")) words.push(`--slow ${options.slow}`);
  return words.join(" ");
}

function readFloods(text: string | undefined): FloodName[] {
  const names = (text ?? "").split(",").map((name) => name.trim());
  const unknown = names.find((name) => !(FLOODS as readonly string[]).includes(name));
  if (unknown === undefined) return FLOODS.filter((name) => names.includes(name));
  throw new UsageError(
    `cannot take the flood "${unknown}" of --floods: one of ${FLOODS.join(", ")} is accepted`,
  );
}

function isBenchmark(word: string): word is BenchmarkName {
  return (BENCHMARKS as readonly string[]).includes(word);
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function readNumber(name: string, text: string | undefined, least: number, whole: boolean): number {
  const value = Number(text);
  const good = text !== undefined && text.trim() !== "" && Number.isFinite(value) &&
    value >= least && (!whole || Number.isInteger(value));
  if (good) return value;
  const kind = whole ? "a whole number" : "a number";
  throw new UsageError(`cannot take ${name} "${text ?? ""}": ${kind} from ${least} on is accepted`);
}
