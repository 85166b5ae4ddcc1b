/**
 * A link without a socket: the test is the peer. It feeds bytes and sees every single write.
 *
 * Reads and writes settle as the link port promises. Writes can be held back, as a peer that does not
 * read would, and then let go one by one.
 */
import type { Link, ListenerKind } from "../../lib/ports/link.ts";
import { join } from "./frames.ts";
import { until } from "./until.ts";

/** A connection whose peer is the test. */
export class MemoryLink implements Link {
  readonly kind: ListenerKind;
  readonly peer = "memory";
  readonly address = "";
  answersProbes = false;
  signs = 0;
  bytesWritten = 0;
  /** The silence that each probe was told of, in milliseconds. */
  readonly probes: number[] = [];
  /** Copies of all batches, in order. */
  readonly writes: Uint8Array[] = [];
  /** Whether our side finished sending, or ended the link. */
  writeClosed = false;
  closed = false;
  /** The size of the last buffer that a read was given. */
  lastReadSpace = 0;

  #input: Uint8Array[] = [];
  #inputEnded = false;
  #failure: Error | null = null;
  #wakeRead: (() => void) | null = null;
  #held: { go: () => void; fail: (reason: Error) => void }[] = [];
  #holding = false;

  constructor(kind: ListenerKind = "tcp") {
    this.kind = kind;
  }

  /** Everything that was written so far. */
  get written(): Uint8Array<ArrayBuffer> {
    return join(...this.writes);
  }

  /** How many writes wait to be let go. */
  get heldWrites(): number {
    return this.#held.length;
  }

  /** Whether a read waits for bytes. */
  get reading(): boolean {
    return this.#wakeRead !== null;
  }

  /** How many bytes were fed that no read has taken. */
  get unreadBytes(): number {
    return this.#input.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Sends bytes to the link; they come with one read if there is room. */
  feed(...chunks: Uint8Array[]): void {
    this.#input.push(...chunks.filter((chunk) => chunk.length > 0).map((chunk) => chunk.slice()));
    this.#wakeRead?.();
  }

  /** Finishes sending. */
  end(): void {
    this.#inputEnded = true;
    this.#wakeRead?.();
  }

  /** Breaks the connection as a reset does. */
  reset(): void {
    this.#fail(new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"));
  }

  /** Lets every write from now on wait. */
  hold(): void {
    this.#holding = true;
  }

  /** Lets the oldest write that waits go. */
  release(): void {
    this.#held.shift()?.go();
  }

  /** Lets all writes go, now and from now on. */
  releaseAll(): void {
    this.#holding = false;
    for (const held of this.#held.splice(0)) held.go();
  }

  /** Resolves when `done` holds. */
  when(done: () => boolean, what: string): Promise<void> {
    return until(done, what);
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.lastReadSpace = into.length;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const chunk = this.#input[0];
      if (chunk !== undefined) {
        const count = Math.min(chunk.length, into.length);
        into.set(chunk.subarray(0, count));
        if (count === chunk.length) this.#input.shift();
        else this.#input[0] = chunk.subarray(count);
        return count;
      }
      if (this.#inputEnded) return null;
      const waits = new Promise<void>((resolve) => {
        this.#wakeRead = () => {
          this.#wakeRead = null;
          resolve();
        };
      });
      await waits;
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const copy = batch.slice();
    if (this.#holding) {
      const gone = new Promise<void>((go, fail) => this.#held.push({ go, fail }));
      await gone;
    }
    this.writes.push(copy);
    this.bytesWritten += copy.length;
  }

  probe(idleMs: number): void {
    this.probes.push(idleMs);
  }

  closeWrite(): void {
    this.writeClosed = true;
  }

  close(): void {
    this.closed = true;
    this.#fail(new Deno.errors.Interrupted("operation canceled"));
  }

  whenReleased(): Promise<void> {
    return Promise.resolve();
  }

  #fail(reason: Error): void {
    this.#failure ??= reason;
    this.#wakeRead?.();
    for (const held of this.#held.splice(0)) held.fail(this.#failure);
  }
}
