/**
 * What it costs to be looked at: the profiles of the bus against ours, with and without a Prometheus that scrapes the
 * metrics each second.
 */
import { detached } from "../lib/base/detached.ts";
import { busProfiles, measureBus } from "./bus.ts";
import { type BenchContext, busyNotes, startAll } from "./harness/context.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { startParley, type Subject } from "./harness/subjects.ts";

const METRICS: readonly Metric[] = [
  { key: "rate", label: "10⁶ deliveries a second", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 3 },
];
const ALONE = "not scraped";
const SCRAPED = "scraped each second";
const SCRAPE_INTERVAL_MS = 1000;
/** What may be lost by it. */
const AT_LEAST = 0.98;

/** Scrapes a server until it is disposed of; the first time at once. */
class Scraper implements AsyncDisposable {
  readonly #url: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #last: Promise<void>;

  constructor({ webSocketPort }: Subject) {
    this.#url = `http://127.0.0.1:${webSocketPort}/metrics`;
    this.#last = this.#scrape();
    this.#timer = setInterval(() => {
      this.#last = this.#last.then(() => this.#scrape());
      detached(this.#last, "scrape a server");
    }, SCRAPE_INTERVAL_MS);
  }

  async #scrape(): Promise<void> {
    const response = await fetch(this.#url);
    const text = await response.text();
    if (!response.ok) throw new Error(`${this.#url} answers ${response.status}: ${text}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
  }
}

/** Measures all profiles. */
export async function benchMonitoring({ options, progress }: BenchContext): Promise<Case[]> {
  await using stack = new AsyncDisposableStack();
  const starts = [ALONE, SCRAPED].map((name) => () => startParley(name));
  const subjects = await startAll(starts, stack);
  const checks: Check[] = [
    { metric: "rate", subject: SCRAPED, against: ALONE, atLeast: AT_LEAST },
    { metric: "cpu", subject: SCRAPED, against: ALONE },
  ];
  const cases: Case[] = [];
  for (const { publishers, subscribers, payloadBytes } of busProfiles) {
    const name = `${publishers} → ${subscribers}, ${payloadBytes} B`;
    progress.begin(`monitoring, ${name}`);
    const { seconds } = options;
    const shape = { publishers, subscribers, payloadBytes, seconds, topics: 1 };
    const measure = async (subject: Subject): Promise<Sample> => {
      if (subject.name === ALONE) return await measureBus(subject, shape);
      await using _scraper = new Scraper(subject);
      return await measureBus(subject, shape);
    };
    const samples = await paired(subjects, options.runs, progress, measure);
    const notes = busyNotes(samples);
    cases.push({ benchmark: "monitoring", name, metrics: METRICS, checks, samples, notes });
  }
  return cases;
}
