/**
 * A kept topic as the front of a store knows it: what is committed, and what was handed over beyond it.
 *
 * The committed figures change only when the backend says so. The tentative ones run ahead, and fall
 * back to the committed ones when a batch fails.
 */
import type { Retention, StoreTopic } from "../../ports/store.ts";

/** The figures of a topic as a backend gives them at start. */
export interface TopicFigures {
  readonly id: number;
  readonly name: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
}

/** A kept topic. */
export class TopicState implements StoreTopic {
  readonly id: number;
  readonly name: string;
  /** Under which name it is kept: that of a queue is none that a topic could have. */
  readonly storedName: string;
  order = 0;
  firstSeq = 1;
  lastSeq = 0;
  bytes = 0;
  firstTimeMs = 0;
  lastTimeMs = 0;
  retention: Retention = {};
  /** The seq of the newest event that was handed over. */
  tentativeSeq = 0;
  /** Its time. */
  tentativeTimeMs = 0;
  /** Whether an operation that names the topic was handed over, and none that forgets it since. */
  named = false;
  /** Whether what is committed holds the topic's name. */
  isStored = false;
  /** Whether it was forgotten for good: its number may be another's. */
  isReleased = false;
  /** The batch that has it among its topics, so that it is entered once; compared by identity. */
  batch: object | null = null;

  /** One that was there at start has `figures`; the first event of any other gets the seq behind `behindSeq`. */
  constructor(
    id: number,
    name: string,
    figures: TopicFigures | null,
    behindSeq = 0,
    storedName = name,
  ) {
    this.id = id;
    this.name = name;
    this.storedName = storedName;
    this.firstSeq = behindSeq + 1;
    this.lastSeq = this.tentativeSeq = behindSeq;
    if (figures === null) return;
    this.firstSeq = figures.firstSeq;
    this.lastSeq = this.tentativeSeq = figures.lastSeq;
    this.bytes = figures.bytes;
    this.firstTimeMs = figures.firstTimeMs;
    this.lastTimeMs = this.tentativeTimeMs = figures.lastTimeMs;
    this.named = this.isStored = true;
  }

  get events(): number {
    return this.lastSeq - this.firstSeq + 1;
  }

  /** Forgets what was handed over and is not committed. */
  fallBack(): void {
    this.tentativeSeq = this.lastSeq;
    this.tentativeTimeMs = this.lastTimeMs;
    // One that was not stored may be named on disk all the same; naming it again does no harm.
    if (!this.isStored) this.named = false;
  }
}
