/**
 * How far one subscription has come in each kept topic, so that it goes on from there after a reconnect and
 * gets each event once.
 *
 * A connection gets an event once for all its subscriptions, and gets it again when one of them reads
 * history: each subscription keeps to its own place in the order. Nothing of a kept topic counts between
 * asking the server and its answer, because that says where this subscription begins. Bounded: the places
 * of at most 1,000 topics are known; when there are more, resuming is not exact any more, and that is told.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StartSchema } from "../../gen/parley/v1/event_pb.ts";
import type { Ack } from "../../gen/parley/v1/session_pb.ts";
import { FROM_ALL, FROM_NEW, type StartSince } from "./since.ts";

/** The most that one Subscribe may carry. */
const MAX_POSITIONS = 1000;
/** What a position takes on the wire besides its topic. */
const POSITION_BYTES = 16;

/** How a subscription came through a reconnect. */
type Resumption =
  /** Every event will come. */
  | "whole"
  /** Events of topics that are not kept, or whose place was not known, may be missing. */
  | "partly"
  /** The server has another history than before. */
  | "history_lost";

/** The places of one subscription. */
export class Positions {
  #since: StartSince;
  /** The history that the places are of; empty when there is none. */
  #epoch = "";
  /** Whether the server has said where it begins. */
  #begun = false;
  /** Whether the server is being asked: nothing counts until it answers. */
  #asking = true;
  /** Whether topics without a place had no events when it began. */
  #complete = false;
  #allKept = false;
  /** Whether places were forgotten for want of room. */
  #forgot = false;
  readonly #last = new Map<string, bigint>();

  constructor(since: StartSince) {
    this.#since = since;
  }

  /** Whether every topic that can match is kept. */
  get allKept(): boolean {
    return this.#allKept;
  }

  /** Whether kept topics matter to it at all: otherwise there is nothing to resume. */
  get kept(): boolean {
    return this.#allKept || this.#last.size > 0 || this.#since.case !== undefined;
  }

  /** Whether it gets the event with this seq; `took` says that it has got it. */
  takes(topic: string, seq: bigint, timeMicros: bigint): boolean {
    if (this.#asking) return false;
    const last = this.#last.get(topic);
    if (last !== undefined) return seq > last;
    const since = this.#since;
    // The server looks in whole milliseconds.
    return since.case !== "timeUnixMicros" || timeMicros / 1000n >= since.value / 1000n;
  }

  /** The event with this seq was given to the program, or dropped with a word. */
  took(topic: string, seq: bigint): void {
    if (!this.#last.has(topic) && this.#last.size >= MAX_POSITIONS) this.#forgetOne();
    this.#last.set(topic, seq);
  }

  /** Whether the subscription resumes though the program did not ask for history: a server may refuse that. */
  get resumesUnasked(): boolean {
    return this.#begun && this.#since.case === undefined;
  }

  /** Counts no event until the server has been asked anew, and has answered. */
  hold(): void {
    this.#asking = true;
  }

  /** Says how the subscription goes on over a new connection, to a server with the history `epoch`. */
  reopened(epoch: string): Resumption {
    this.#asking = true;
    if (!this.kept) {
      // What is kept by now begins with its next event.
      this.forget();
      return "partly";
    }
    if (epoch !== this.#epoch) {
      this.forget();
      return "history_lost";
    }
    return this.#allKept && this.#others.case !== undefined ? "whole" : "partly";
  }

  /** Begins anew, as it began at first; a seq of another history means nothing. */
  forget(): void {
    this.#last.clear();
    this.#begun =
      this.#complete =
      this.#allKept =
      this.#forgot =
        false;
    if (this.#since.case === "seq") this.#since = FROM_ALL;
  }

  /** What the server is asked for; undefined for what is new. At most `maxBytes` long. */
  start(maxBytes: number): MessageInitShape<typeof StartSchema> | undefined {
    if (!this.#begun) {
      return this.#since.case === undefined ? undefined : { since: this.#since };
    }
    if (!this.kept) return undefined;
    let bytes = 0;
    for (const topic of this.#last.keys()) bytes += topic.length + POSITION_BYTES;
    while (bytes > maxBytes && this.#last.size > 0) {
      bytes -= this.#forgetOne().length + POSITION_BYTES;
    }
    const positions = Array.from(this.#last, ([topic, seq]) => ({ topic, seq }));
    return { since: this.#others, positions, historyEpoch: this.#epoch };
  }

  /** The server has answered: what comes from now on counts. Gives whether history was lost unexpectedly. */
  acknowledged(ack: Ack, epoch: string): boolean {
    this.#asking = false;
    this.#allKept = ack.allKept;
    if (!this.#begun) {
      this.#begun = true;
      this.#epoch = epoch;
      this.#complete = ack.positionsComplete;
      for (const { topic, seq } of ack.positions) this.#begin(topic, seq);
      return false;
    }
    if (!ack.historyLost) return false;
    // What it got is gone from the server's history, whose seqs will be given out again.
    const now = new Map(ack.positions.map(({ topic, seq }) => [topic, seq]));
    for (const [topic, seq] of this.#last) {
      const end = now.get(topic);
      if (end === undefined) this.#last.delete(topic);
      else if (seq > end) this.#last.set(topic, end);
    }
    return true;
  }

  /** Where topics without a place begin after a reconnect; with what is new when that is not known. */
  get #others(): StartSince {
    const { case: began } = this.#since;
    if (this.#forgot) return FROM_NEW;
    if (began === "timeUnixMicros" || began === "all") return this.#since;
    return this.#complete ? FROM_ALL : FROM_NEW;
  }

  /** The place of a topic whose last event had the seq `end` when the subscription began. */
  #begin(topic: string, end: bigint): void {
    const since = this.#since;
    if (since.case === undefined) this.#last.set(topic, end);
    else if (since.case === "seq") this.#last.set(topic, since.value > 0n ? since.value - 1n : 0n);
    else if (since.case === "last") {
      const from = end - BigInt(since.value);
      this.#last.set(topic, from > 0n ? from : 0n);
    }
  }

  #forgetOne(): string {
    const [oldest] = this.#last.keys();
    this.#last.delete(oldest);
    this.#forgot = true;
    return oldest;
  }
}
