/**
 * Output that nobody may wait for: lines gather in a bounded queue and leave as fast as the stream takes them.
 *
 * Invariants: adding never waits and never raises; lines leave in their order and whole, unless the stream itself
 * fails in the middle of one; past the bound the oldest are dropped, so that what was said last is there when
 * somebody reads again; what was dropped is counted, and told in its place as soon as there is room.
 * A stream that fails loses what it was given, and is tried again with what comes next.
 */
import { MAX_WAITING_OUTPUT_CHARACTERS } from "../../base/limits.ts";
import { Fifo } from "../../client/fifo.ts";

/** Takes some of the bytes: resolves with how many. Rejects with `Deno.errors.WouldBlock` when it takes none now. */
type WriteSome = (bytes: Uint8Array) => Promise<number>;

/** About what one write is given, in characters. */
const BATCH_CHARACTERS = 64 * 1024;
/** A stream that does not block is asked again after so long, and then ever more rarely. */
const FIRST_PAUSE_MS = 2;
const LAST_PAUSE_MS = 100;

/** One stream's queue. */
export class OutputQueue {
  /** Says in one line that so many lines were dropped. */
  droppedText = (lines: number): string => `parley: ${lines} lines of output were dropped\n`;
  readonly #writeSome: WriteSome;
  readonly #maxCharacters: number;
  readonly #encoder = new TextEncoder();
  readonly #waiting = new Fifo<string>();
  #characters = 0;
  #dropped = 0;
  #untold = 0;
  /** Whether what was written last stopped inside of a line. */
  #midLine = false;
  #pump: Promise<void> | null = null;

  constructor(writeSome: WriteSome, maxCharacters = MAX_WAITING_OUTPUT_CHARACTERS) {
    this.#writeSome = writeSome;
    this.#maxCharacters = maxCharacters;
  }

  /** How many lines were dropped, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds whole lines. */
  add(lines: string): void {
    this.#waiting.push(lines);
    this.#characters += lines.length;
    while (this.#characters > this.#maxCharacters) this.#drop(this.#take());
    this.#pump ??= this.#run();
  }

  /** Resolves when everything was written, or after `withinMs`; with whether it was. */
  async flush(withinMs: number): Promise<boolean> {
    if (this.#pump === null) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => timer = setTimeout(resolve, withinMs, false));
    const done = await Promise.race([this.#pump.then(() => true), late]);
    clearTimeout(timer);
    return done;
  }

  async #run(): Promise<void> {
    // What is added in one turn is written together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      if (this.#untold > 0 && !await this.#tell()) {
        this.#drop(this.#batch());
        continue;
      }
      const batch = this.#batch();
      const lost = await this.#write(batch);
      if (lost !== "") this.#drop(lost);
    }
    this.#pump = null;
  }

  /** Tells what was dropped. Gives whether that was written. */
  async #tell(): Promise<boolean> {
    const count = this.#untold;
    if (await this.#write(this.droppedText(count)) !== "") return false;
    this.#untold -= count;
    return true;
  }

  #batch(): string {
    let batch = this.#take();
    while (this.#waiting.length > 0 && batch.length < BATCH_CHARACTERS) batch += this.#take();
    return batch;
  }

  #take(): string {
    const lines = this.#waiting.shift()!;
    this.#characters -= lines.length;
    return lines;
  }

  #drop(lines: string): void {
    const count = lines.split("\n").length - (lines.endsWith("\n") ? 1 : 0);
    this.#dropped += count;
    this.#untold += count;
  }

  /** Writes all of `text`; gives what was lost because the stream failed. */
  async #write(text: string): Promise<string> {
    const bytes = this.#encoder.encode(this.#midLine ? `\n${text}` : text);
    let pauseMs = FIRST_PAUSE_MS;
    let at = 0;
    while (at < bytes.length) {
      try {
        at += await this.#writeSome(bytes.subarray(at));
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) {
          if (at > 0) this.#midLine = bytes[at - 1] !== LINE_FEED;
          return lossy.decode(bytes.subarray(at));
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS);
      }
    }
    this.#midLine = false;
    return "";
  }
}

const LINE_FEED = 0x0a;
/** What was lost is only counted. */
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
