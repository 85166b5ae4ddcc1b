/**
 * Sends what arguments or lines of standard input stand for, many at a time, for commands like `pub`.
 *
 * Everything sent is acknowledged, but nothing is waited for one by one: many are under way at once, in their
 * order. The first failure ends the run at once, also while the next line is waited for, names its line, and says how
 * many were sent.
 */
import { detached } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import type { ClientStatus } from "../../client/mod.ts";
import type { CliIo } from "../io.ts";
import { linesOf } from "./lines.ts";
import { Progress } from "./progress.ts";
import { count, countOf } from "./summary.ts";

/** Something to send, and what to call it when it fails: nothing, or its line. */
export interface Source<Item> {
  readonly item: Item;
  readonly place: string;
}

/** What a run sends and how. */
interface SendOptions {
  /** What one is called: `event`. */
  readonly noun: string;
  /** What has become of those that were sent: `published`. */
  readonly done: string;
  /** How long to wait between two of them. */
  readonly intervalMs?: number;
  /** Aborted when the user has enough. */
  readonly stop: AbortSignal;
}

// The largest frame that can be configured; a smaller limit is the server's to state.
const MAX_INPUT_BYTES = 64 * 1024 * 1024;
/** How many are under way at once: enough to fill any link, few enough to know soon that one failed. */
const MAX_UNDER_WAY = 1024;
/** A run shorter than this shows no progress. */
const QUIET_MS = 1000;
const SHOW_EVERY_MS = 200;

/** Gives one item, once or as often as `times` says. */
export function* repeated<Item>(item: Item, times = 1): Generator<Source<Item>> {
  for (let left = times; left > 0; left--) yield { item, place: "" };
}

/** What all of standard input stands for, once or as often as `times` says. */
export async function* fromWhole<Item>(
  io: CliIo,
  make: (bytes: Uint8Array) => Item,
  times = 1,
): AsyncGenerator<Source<Item>> {
  yield* repeated(make(await io.readStdin(MAX_INPUT_BYTES)), times);
}

/** What the lines of standard input stand for, as they arrive; what `parse` raises gets the line's number. */
export async function* fromLines<Item>(
  io: CliIo,
  defaults: Item,
  parse: (line: Uint8Array, defaults: Item) => Item,
  options: { readonly most?: number; readonly skipBlank?: boolean },
): AsyncGenerator<Source<Item>> {
  let left = options.most ?? Infinity;
  for await (const { number, bytes } of linesOf(io.stdin.chunks(), MAX_INPUT_BYTES)) {
    if (options.skipBlank && isBlank(bytes)) continue;
    const place = `line ${number} of standard input: `;
    let item: Item;
    try {
      item = parse(bytes, defaults);
    } catch (cause) {
      throw new Error(`${place}${(cause as Error).message}`, { cause });
    }
    yield { item, place };
    if (--left <= 0) return;
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** One run: counts what was acknowledged, and keeps the first failure. */
export class SendRun {
  /** How many were acknowledged. */
  sent = 0;
  readonly #io: CliIo;
  readonly #options: SendOptions;
  #underWay = 0;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  /** Ends what is being waited for: a line, or the time between two. */
  #interrupt: (() => void) | null = null;

  constructor(io: CliIo, options: SendOptions) {
    this.#io = io;
    this.#options = options;
    options.stop.addEventListener("abort", () => this.#interrupt?.(), { once: true });
  }

  /** The callback for the status of the client: a connection that is lost for good ends the run. */
  readonly onStatus = (status: ClientStatus, reason?: ParleyError): void => {
    if (status === "closed" && reason !== undefined) this.#fail(reason);
  };

  /**
   * Sends until the source ends, one fails or the user has enough; rejects with the failure. `send` resolves
   * with the acknowledgement.
   */
  async sendAll<Item>(
    sources: Iterable<Source<Item>> | AsyncIterable<Source<Item>>,
    send: (item: Item) => Promise<void>,
  ): Promise<void> {
    const { noun, intervalMs } = this.#options;
    const progress = new Progress(this.#io, QUIET_MS);
    const iterator = Symbol.asyncIterator in sources
      ? sources[Symbol.asyncIterator]()
      : sources[Symbol.iterator]();
    const shown = setInterval(() => progress.show(`${count(this.sent)} ${noun}s`), SHOW_EVERY_MS);
    try {
      for (let first = true; !this.#isOver(); first = false) {
        if (!first && intervalMs !== undefined) await this.#pause(intervalMs);
        const next = await this.#unlessOver(() => iterator.next());
        if (next === null || next.done) break;
        this.#send(send(next.value.item), next.value.place);
        await this.#whenBelow(MAX_UNDER_WAY);
      }
    } catch (error) {
      this.#failure ??= error as Error;
    } finally {
      clearInterval(shown);
      progress.clear();
    }
    await this.#whenBelow(1);
    if (this.#failure !== null) throw this.#explained(this.#failure);
  }

  #isOver(): boolean {
    return this.#failure !== null || this.#options.stop.aborted;
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.#interrupt?.();
  }

  /** What `wait` gives; null as soon as one failed or the user has enough. */
  #unlessOver<Value>(wait: () => Value | Promise<Value>): Promise<Value | null> {
    return new Promise((resolve, reject) => {
      if (this.#isOver()) return resolve(null);
      this.#interrupt = () => resolve(null);
      detached(Promise.resolve(wait()).then(resolve, reject), "wait for what is sent next");
    });
  }

  #send(acknowledged: Promise<void>, place: string): void {
    this.#underWay++;
    const counted = acknowledged.then(() => void this.sent++, (error) => {
      const cause = ParleyError.from(error);
      const { code, accepted, retryable } = cause;
      this.#fail(new ParleyError(code, place + cause.reason, { accepted, retryable, cause }));
    }).finally(() => {
      this.#underWay--;
      this.#wake?.();
    });
    detached(counted, "count what is sent");
  }

  /** Waits until fewer than `most` are under way. */
  async #whenBelow(most: number): Promise<void> {
    while (this.#underWay >= most) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = null;
  }

  async #pause(intervalMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await this.#unlessOver(() => new Promise((resolve) => timer = setTimeout(resolve, intervalMs)));
    clearTimeout(timer);
  }

  /** The failure with what went well before it, for runs of more than one. */
  #explained(failure: Error): Error {
    if (this.sent === 0) return failure;
    const { noun, done } = this.#options;
    const before = `; ${countOf(this.sent, noun)} ${done} all the same`;
    if (!(failure instanceof ParleyError)) {
      return new Error(failure.message + before, { cause: failure });
    }
    const { code, accepted, retryable } = failure;
    const message = failure.reason + (accepted === "" ? "" : `; accepted: ${accepted}`) + before;
    return new ParleyError(code, message, { retryable, accepted, cause: failure });
  }
}
