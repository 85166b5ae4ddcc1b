/**
 * The web console in a real browser: what it costs a server that is loaded fully to be looked at, how soon its first view is
 * there and what it weighs, a live tail of 10⁵ events a second, and lists of 10⁵ topics and 10⁴ queues.
 *
 * The browser runs on the machine that is measured. For the first cost it has the lowest priority, so that it draws in the time
 * that server and clients leave, and what the server computes is told as well. A long task is what keeps the page from answering to a click, as the browser
 * itself tells it (the Long Tasks API): 0 where there was none of 50 ms.
 */
/// <reference lib="dom" />
import type { Browser, Page } from "playwright-core";
import { connect } from "../../lib/client/mod.ts";
import { detached } from "../../lib/base/detached.ts";
import { CONSOLE_ASSETS } from "../../lib/server/console/assets.ts";
import { CHROMIUM, NO_CHROMIUM, openChromium } from "../../tests/support/chromium.ts";
import { busProfiles, measureBus } from "../bus.ts";
import { type BenchContext, busyNotes, startAll } from "../harness/context.ts";
import { paired } from "../harness/paired.ts";
import type { Case, Check, Metric, Sample } from "../harness/result.ts";
import { startParley, type Subject } from "../harness/subjects.ts";
import { fields, frame } from "../load/dialect_parley.ts";

const ALONE = "nobody looks";
const OPEN = "console open";
/** What may be lost by an open console. */
const AT_LEAST = 0.97;
const CPU_AT_MOST = 1.03;
const FIRST_VIEW_MS = 300;
const WEIGHT_KIB = 150;
const LONG_TASK_MS = 50;
const SIZE = { width: 1440, height: 900 };

/** The field of ClientMessage that publishes. */
const EVENT = 3;
const EVENTS_A_SECOND = 100_000;
const BATCH_EVENTS = 1000;
const TAIL_PAYLOAD_BYTES = 128;

const TOPICS = 100_000;
const QUEUES = 10_000;
/** Names are made so many at a time. */
const MADE_AT_ONCE = 1000;
const PAGES_SCROLLED = 60;

/** Measures all of it. */
export async function benchConsole(context: BenchContext): Promise<Case[]> {
  if (NO_CHROMIUM !== "") throw new Error(`cannot bench the console${NO_CHROMIUM}`);
  const cost = await measureCost(context);
  await using stack = new AsyncDisposableStack();
  const browser = await openChromium();
  stack.defer(() => browser.close());
  return [
    ...cost,
    await measureFirstView(context, browser),
    await measureTail(context, browser),
    await measureLists(context, browser),
  ];
}

/** An open page of the console, which notes its long tasks. */
class OpenPage implements AsyncDisposable {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(browser: Browser, subject: Subject, place = ""): Promise<OpenPage> {
    const context = await browser.newContext({ viewport: SIZE });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const longest = { ms: 0 };
      Object.assign(globalThis, { longestOf: () => longest });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest.ms = Math.max(longest.ms, duration);
      }).observe({ type: "longtask" });
    });
    await page.goto(`http://127.0.0.1:${subject.webSocketPort}/#${place}`);
    await page.waitForSelector("h1");
    return new OpenPage(page);
  }

  /** Forgets the long tasks so far. */
  async forget(): Promise<void> {
    await this.page.evaluate(() => longestOf().ms = 0);
  }

  /** The longest task since then, in milliseconds. */
  async longestMs(): Promise<number> {
    return await this.page.evaluate(() => longestOf().ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}

/** The longest task, as the page notes it; there alone. */
declare function longestOf(): { ms: number };

/** Starts a browser that has the cores when nobody else wants them. */
async function openYieldingChromium(stack: AsyncDisposableStack): Promise<Browser> {
  const program = await Deno.makeTempFile({ prefix: "parley-chromium-" });
  stack.defer(() => Deno.remove(program));
  await Deno.writeTextFile(program, `#!/bin/sh\nexec nice -n 19 ${CHROMIUM} "$@"\n`);
  await Deno.chmod(program, 0o700);
  const browser = await openChromium(program);
  stack.defer(() => browser.close());
  return browser;
}

async function measureCost({ options, progress }: BenchContext): Promise<Case[]> {
  await using stack = new AsyncDisposableStack();
  const browser = await openYieldingChromium(stack);
  const subjects = await startAll([ALONE, OPEN].map((name) => () => startParley(name)), stack);
  const metrics: readonly Metric[] = [
    { key: "rate", label: "10⁶ deliveries a second", digits: 2 },
    { key: "cpu", label: "server CPU s per million", digits: 3 },
  ];
  const checks: Check[] = [
    { metric: "rate", subject: OPEN, against: ALONE, atLeast: AT_LEAST },
    { metric: "cpu", subject: OPEN, against: ALONE, atMost: CPU_AT_MOST },
  ];
  const cases: Case[] = [];
  for (const { publishers, subscribers, payloadBytes } of busProfiles) {
    const name = `overview open, ${publishers} → ${subscribers}, ${payloadBytes} B`;
    progress.begin(`console, ${name}`);
    const { seconds } = options;
    const shape = { publishers, subscribers, payloadBytes, seconds, topics: 1 };
    const samples = await paired(subjects, options.runs, progress, async (subject) => {
      if (subject.name === ALONE) return await measureBus(subject, shape);
      await using _open = await OpenPage.open(browser, subject);
      return await measureBus(subject, shape);
    });
    const notes = [
      ...busyNotes(samples),
      "The browser draws on the same machine, with the lowest priority.",
    ];
    cases.push({ benchmark: "console", name, metrics, checks, samples, notes });
  }
  return cases;
}

async function measureFirstView({ options, progress }: BenchContext, browser: Browser) {
  await using subject = await startParley();
  progress.begin("console, first view");
  const weightKib = CONSOLE_ASSETS.reduce((sum, { gzip }) => sum + atob(gzip).length, 0) / 1024;
  const samples = await paired([subject], options.runs, progress, async (): Promise<Sample> => {
    await using opened = await OpenPage.open(browser, subject);
    const viewMs = await opened.page.evaluate(() => {
      const [document] = performance.getEntriesByType("navigation");
      const [paint] = performance.getEntriesByName("first-contentful-paint");
      return paint.startTime - (document as PerformanceNavigationTiming).responseEnd;
    });
    return { viewMs, weightKib };
  });
  const metrics: readonly Metric[] = [
    { key: "viewMs", label: "ms from the answer to the first view", digits: 0 },
    { key: "weightKib", label: "KiB compressed", digits: 1 },
  ];
  const checks: Check[] = [
    { metric: "viewMs", subject: subject.name, atMost: FIRST_VIEW_MS },
    { metric: "weightKib", subject: subject.name, atMost: WEIGHT_KIB },
  ];
  return made("first view", metrics, checks, samples);
}

/** Publishes events at an even rate until it is disposed of. */
class EvenLoad implements AsyncDisposable {
  readonly #connection: Deno.Conn;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #batch: Uint8Array;
  readonly #startMs = performance.now();
  #writing = false;
  sent = 0;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
    const event = frame(EVENT, fields("load.even", new Uint8Array(TAIL_PAYLOAD_BYTES)), 0);
    this.#batch = new Uint8Array(BATCH_EVENTS * event.length);
    for (let count = 0; count < BATCH_EVENTS; count++) this.#batch.set(event, count * event.length);
    this.#timer = setInterval(() => detached(this.#write(), "publish evenly"), 2);
  }

  static async open({ port }: Subject): Promise<EvenLoad> {
    return new EvenLoad(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    const due = (performance.now() - this.#startMs) / 1000 * EVENTS_A_SECOND;
    while (this.sent + BATCH_EVENTS <= due) {
      for (let at = 0; at < this.#batch.length;) {
        at += await this.#connection.write(this.#batch.subarray(at));
      }
      this.sent += BATCH_EVENTS;
    }
    this.#writing = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    while (this.#writing) await pause(1);
    this.#connection.close();
  }
}

async function measureTail({ options, progress }: BenchContext, browser: Browser) {
  await using subject = await startParley();
  progress.begin("console, live tail");
  const samples = await paired([subject], options.runs, progress, async (): Promise<Sample> => {
    await using opened = await OpenPage.open(browser, subject, "/topics?view=live&pattern=load.>");
    await using load = await EvenLoad.open(subject);
    await opened.page.getByRole("row").nth(5).waitFor();
    await opened.forget();
    const before = await cameIn(opened.page);
    const [sentBefore, startMs] = [load.sent, performance.now()];
    await pause(options.seconds * 1000);
    const seconds = (performance.now() - startMs) / 1000;
    return {
      sent: (load.sent - sentBefore) / seconds,
      came: (await cameIn(opened.page) - before) / seconds,
      longestMs: await opened.longestMs(),
    };
  });
  const metrics: readonly Metric[] = [
    { key: "sent", label: "events a second published", digits: 0 },
    { key: "came", label: "counted by the tail", digits: 0 },
    { key: "longestMs", label: "longest task, ms", digits: 0 },
  ];
  const checks: Check[] = [
    { metric: "longestMs", subject: subject.name, atMost: LONG_TASK_MS },
  ];
  return made(
    `live tail of 10⁵ events a second, ${TAIL_PAYLOAD_BYTES} B`,
    metrics,
    checks,
    samples,
  );
}

/** The number of events that the page says came. */
async function cameIn(page: Page): Promise<number> {
  const text = await page.getByText(/events? came/).first().textContent();
  return Number((text ?? "").replace(/ events? came.*/, "").replaceAll(/\D/g, ""));
}

async function measureLists({ options, progress }: BenchContext, browser: Browser) {
  const limits = [`store.max_kept_topics=${2 * TOPICS}`, `limits.max_queues=${2 * QUEUES}`];
  const more = [...limits, "keep=t.>"].flatMap((each) => ["--set", each]);
  await using subject = await startParley("parley", more);
  progress.begin("console, many topics and queues");
  await makeMany(subject);
  const samples = await paired([subject], options.runs, progress, async (): Promise<Sample> => {
    await using opened = await OpenPage.open(browser, subject);
    const topics = await scroll(opened, "/topics", "topic");
    const tree = await scroll(opened, "/topics?view=tree&open=t+t.0", "topic");
    const queues = await scroll(opened, "/queues", "queue");
    return {
      topicsMs: topics.longestMs,
      treeMs: tree.longestMs,
      queuesMs: queues.longestMs,
      frameMs: Math.max(topics.frameMs, tree.frameMs, queues.frameMs),
    };
  });
  const metrics: readonly Metric[] = [
    { key: "topicsMs", label: "longest task, ms: list of topics", digits: 0 },
    { key: "treeMs", label: "tree of topics", digits: 0 },
    { key: "queuesMs", label: "list of queues", digits: 0 },
    { key: "frameMs", label: "99th of 100 frames, ms", digits: 0 },
  ];
  const checks: Check[] = metrics.slice(0, 3).map(({ key }) => ({
    metric: key,
    subject: subject.name,
    atMost: LONG_TASK_MS,
  }));
  return made("10⁵ topics and 10⁴ queues, opened and scrolled through", metrics, checks, samples);
}

async function makeMany({ port }: Subject): Promise<void> {
  await using client = await connect(`parley://127.0.0.1:${port}`);
  for (let from = 0; from < TOPICS; from += MADE_AT_ONCE) {
    await Promise.all(Array.from({ length: MADE_AT_ONCE }, (_, index) => {
      const number = from + index;
      return client.publish(`t.${number % 100}.${number}`, "one");
    }));
  }
  for (let from = 0; from < QUEUES; from += MADE_AT_ONCE) {
    await Promise.all(
      Array.from(
        { length: MADE_AT_ONCE },
        (_, index) => client.queue(`q.${from + index}`).push("one"),
      ),
    );
  }
}

/** Opens a list and scrolls through it: the longest task, and how long all but the slowest frames took. */
async function scroll(opened: OpenPage, place: string, noun: string) {
  const { page } = opened;
  await opened.forget();
  await page.evaluate((to) => location.hash = to, `#${place}`);
  await page.getByText(new RegExp(`\\d ${noun}s?`)).first().waitFor();
  const frameMs = await page.evaluate(async (steps) => {
    const table = document.querySelector(".table-scroll")!;
    const frames: number[] = [];
    let last = await new Promise<number>(requestAnimationFrame);
    for (let step = 0; step < steps; step++) {
      table.scrollTop += table.clientHeight;
      const now = await new Promise<number>(requestAnimationFrame);
      frames.push(now - last);
      last = now;
      if (step % 10 < 9) continue;
      // Time for the next page to come.
      await new Promise((resolve) => setTimeout(resolve, 200));
      last = await new Promise<number>(requestAnimationFrame);
    }
    frames.sort((one, other) => one - other);
    return frames[Math.floor(frames.length * 0.99)];
  }, PAGES_SCROLLED);
  return { frameMs, longestMs: await opened.longestMs() };
}

function made(
  name: string,
  metrics: readonly Metric[],
  checks: readonly Check[],
  samples: Map<string, Sample[]>,
): Case {
  return { benchmark: "console", name, metrics, checks, samples, notes: [] };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
