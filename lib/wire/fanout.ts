/**
 * Hands events to those who want them: one encode an event, one copy a connection, one write a
 * connection a turn.
 *
 * Successive events of one publisher nearly always go to the same receivers. They are encoded one
 * behind the other into a run, and the run is copied into each receiver's outbox as one piece. A run
 * ends when the receivers change, when it is full, when another kind of message needs its place in the
 * order, and with the turn. Outboxes that got something are flushed when the turn ends; of very many, the others
 * are flushed in further turns.
 *
 * A run that is large is copied once for all who get it when they are many: each has a reference.
 *
 * A receiver whose outbox may not hold the run is left to `overflow`, which decides by its policy. Those who
 * read are never held up by those who do not.
 */
import { type Outbox } from "./outbox.ts";
import { type OutboxBudget, SharedBytes } from "./outbox_budget.ts";
import { copyBytes, MAX_PREFIX_BYTES } from "./frame_writer.ts";
import { putVarint, varintSize } from "./varint.ts";
import type { Buffers } from "./slab_pool.ts";
import type { WorkMeter } from "./work_meter.ts";

/** Tag of ServerMessage.event: field 3, length-delimited. */
export const EVENT_TAG = 0x1a;
const NOBODY: readonly never[] = [];

/** Lists up to this length are compared one by one. */
const SHORT_LIST = 4;

/** The number of outboxes that are flushed with the end of a turn; a write costs some microseconds. */
export const FLUSHED_AT_ONCE = 256;
/** The number of bytes that are flushed with it, and one more outbox: the system copies a gigabyte a second. */
export const FLUSHED_BYTES = 4 * 1024 * 1024;

/** A run that reaches this length is handed out. */
const RUN_BYTES = 64 * 1024;

/** From this length on a run is shared by all who get it when they are so many; fewer are written to in fewer writes. */
const SHARED_RUN_BYTES = 16 * 1024;
const SHARED_BY = 8;

/** Handing out costs as much as one small message for each so many receivers and bytes, as powers of two. */
const UNIT_RECEIVERS_LOG2 = 2;
const UNIT_BYTES_LOG2 = 13;

/** A receiver of events. */
export interface Receiver {
  /** The connection; compared by identity. */
  readonly owner: object;
  /** The outbox in which the receiver's messages gather. */
  readonly outbox: Outbox;
  /** Whether it also gets what its own connection publishes. */
  readonly echo: boolean;
  /** The policy that `overflow` applies to events that do not fit: receivers of different policies share no run. */
  readonly overflow: unknown;
  /** Whether publishers are to wait for it when it is behind. */
  readonly waitedFor: boolean;
}

/**
 * Decides about whole frames that do not fit: the first `length` bytes of `frames`. Gives whether any of
 * them were put into the receiver's outbox after all.
 */
type Overflow<R> = (receiver: R, frames: Uint8Array, length: number) => boolean;

/** Hands events out. One serves all publishers of a server, since turns do not overlap. */
export class Fanout<R extends Receiver> {
  /** The number of events that were put into outboxes; those that `overflow` kept are not among them. */
  deliveredEvents = 0;
  /** The number of bytes of these events. */
  deliveredBytes = 0;

  readonly #limits: { readonly maxOutboxBytes: number };
  readonly #budget: OutboxBudget;
  readonly #pool: Buffers;
  readonly #meter: WorkMeter;
  readonly #overflow: Overflow<R>;
  readonly #flushLater: () => void;
  /** Outboxes that got something; those before `#flushed` were flushed. */
  #dirty: Outbox[] = [];
  #flushed = 0;
  #run = new Uint8Array(2 * RUN_BYTES);
  #length = 0;
  #events = 0;
  #receivers: readonly R[] = NOBODY;
  #publisher: object | null = null;
  /** Whether anybody was left to `overflow` since this was last set to false. */
  #overflowed = false;
  /** The receivers of this turn that are behind: whose outbox is more than half full. */
  #behind: R[] = [];

  /** `flushLater` is called when a turn has left outboxes that are not flushed yet: it has `flushSome` called. */
  constructor(
    { limits, budget, pool, turns }: {
      readonly limits: { readonly maxOutboxBytes: number };
      readonly budget: OutboxBudget;
      readonly pool: Buffers;
      readonly turns: WorkMeter;
    },
    overflow: Overflow<R>,
    flushLater: () => void,
  ) {
    this.#limits = limits;
    this.#budget = budget;
    this.#pool = pool;
    this.#meter = turns;
    this.#overflow = overflow;
    this.#flushLater = flushLater;
  }

  /**
   * Puts the event whose bytes lie from `start` to `end` into the run for `receivers`. Gives false, and does
   * nothing of it, when handing out the run before left somebody to `overflow`, which may have ended or
   * diverted a receiver: the caller then looks anew at who gets the event.
   */
  add(
    receivers: readonly R[],
    publisher: object | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamps: Uint8Array,
    stampsLength: number,
  ): boolean {
    const isOther = publisher !== this.#publisher || !areSame(receivers, this.#receivers);
    // Not right behind the event that filled it: whoever asks how many got that event asks flushRun.
    if (isOther || this.#length >= RUN_BYTES) {
      this.#overflowed = false;
      this.flushRun();
      if (this.#overflowed) return false;
      this.#receivers = receivers;
      this.#publisher = publisher;
    }
    this.#encode(bytes, start, end, stamps, stampsLength, null);
    this.#events++;
    return true;
  }

  /** Hands the run out and gives the number of connections that it went to. */
  flushRun(): number {
    const length = this.#length;
    if (length === 0) return 0;
    const events = this.#events;
    this.#length = this.#events = 0;
    const view = this.#run.subarray(0, length);
    const publisher = this.#publisher;
    const receivers = this.#receivers;
    let reached = 0;
    let bytes = length;
    let shared: SharedBytes | null = null;
    for (let index = 0; index < receivers.length; index++) {
      const receiver = receivers[index];
      if (receiver.owner === publisher && !receiver.echo) continue;
      let whole: SharedBytes | null = null;
      if (length >= SHARED_RUN_BYTES && maySharePiece(receiver.outbox, receivers.length)) {
        whole = shared ??= new SharedBytes(this.#pool, this.#budget, view, length);
      } else bytes += length;
      if (this.#give(receiver, view, length, events, whole)) reached++;
    }
    shared?.release();
    this.#meter.spend((receivers.length >>> UNIT_RECEIVERS_LOG2) + bytes / 2 ** UNIT_BYTES_LOG2);
    return reached;
  }

  /** Hands one event to one member of a group, with the group's stamp; gives whether it was taken. */
  addForMember(
    receiver: R,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamps: Uint8Array,
    stampsLength: number,
    group: Uint8Array,
  ): boolean {
    this.flushRun();
    this.#encode(bytes, start, end, stamps, stampsLength, group);
    const length = this.#length;
    this.#length = 0;
    return this.#give(receiver, this.#run.subarray(0, length), length, 1);
  }

  /** Hands one whole frame, encoded before, to one receiver; gives whether it was taken. */
  addFrame(receiver: R, frame: Uint8Array): boolean {
    this.flushRun();
    return this.#give(receiver, frame, frame.length, 1);
  }

  /** Ends the turn: what waits leaves. Gives the receivers that are behind and to be waited for. */
  endTurn(): readonly R[] {
    this.flushRun();
    this.#publisher = null;
    this.#receivers = NOBODY;
    if (this.flushSome()) this.#flushLater();
    const behind = this.#behind;
    if (behind.length === 0) return NOBODY;
    this.#behind = [];
    for (const receiver of behind) receiver.outbox.behind = false;
    return behind;
  }

  /** Flushes outboxes that got something, the longest waiting first; gives whether there are more. */
  flushSome(): boolean {
    const dirty = this.#dirty;
    const end = Math.min(dirty.length, this.#flushed + FLUSHED_AT_ONCE);
    let bytes = 0;
    let index = this.#flushed;
    while (index < end && bytes < FLUSHED_BYTES) {
      const outbox = dirty[index++];
      if (!outbox.writing) bytes += outbox.waitingBytes;
      outbox.dirty = false;
      outbox.flush();
    }
    this.#flushed = index;
    if (index < dirty.length) return true;
    dirty.length = this.#flushed = 0;
    return false;
  }

  /** Marks an outbox that got something, so that the end of the turn flushes it. */
  touch(outbox: Outbox): void {
    if (outbox.dirty) return;
    outbox.dirty = true;
    this.#dirty.push(outbox);
  }

  /** Gives a run to one receiver: `shared`, or else a copy; gives whether it was taken. */
  #give(
    receiver: R,
    frames: Uint8Array,
    length: number,
    events: number,
    shared: SharedBytes | null = null,
  ): boolean {
    const outbox = receiver.outbox;
    const limit = Math.min(this.#limits.maxOutboxBytes, this.#budget.thresholdBytes);
    if (outbox.failure !== null || outbox.size + length > limit) {
      this.#overflowed = true;
      return this.#overflow(receiver, frames, length);
    }
    if (shared === null) outbox.append(frames, length);
    else outbox.share(shared);
    this.deliveredEvents += events;
    this.deliveredBytes += length;
    if (!outbox.dirty) {
      outbox.dirty = true;
      this.#dirty.push(outbox);
    }
    if (outbox.size > limit >>> 1 && receiver.waitedFor && !outbox.behind) {
      outbox.behind = true;
      this.#behind.push(receiver);
    }
    return true;
  }

  /** Appends the frame of one event to the run. */
  #encode(
    bytes: Uint8Array,
    start: number,
    end: number,
    stamps: Uint8Array,
    stampsLength: number,
    group: Uint8Array | null,
  ): void {
    const event = end - start + stampsLength + (group === null ? 0 : group.length);
    const message = 1 + varintSize(event) + event;
    let at = this.#length;
    if (at + message + MAX_PREFIX_BYTES > this.#run.length) this.#grow(message + MAX_PREFIX_BYTES);
    const run = this.#run;
    at = putVarint(run, at, message);
    run[at++] = EVENT_TAG;
    at = putVarint(run, at, event);
    at = copyBytes(run, at, bytes, start, end);
    for (let index = 0; index < stampsLength; index++) run[at++] = stamps[index];
    if (group !== null) at = copyBytes(run, at, group, 0, group.length);
    this.#length = at;
  }

  /** Makes room for `count` more bytes. At most a frame over the usual size is kept for ever. */
  #grow(count: number): void {
    const larger = new Uint8Array(this.#length + count);
    larger.set(this.#run.subarray(0, this.#length));
    this.#run = larger;
  }
}

/** Whether an outbox gets a large run for so many receivers as a piece that others have, too. */
function maySharePiece(outbox: Outbox, receivers: number): boolean {
  return receivers >= SHARED_BY && !outbox.keepUnsent && !outbox.dropsOldest;
}

/**
 * Whether two lists mean the same receivers. Long lists are compared by identity only; short ones one by
 * one, so that the many topics of a single subscriber gather in one run.
 */
function areSame<R extends Receiver>(one: readonly R[], other: readonly R[]): boolean {
  if (one === other) return true;
  if (one.length !== other.length || one.length > SHORT_LIST) return false;
  for (let index = 0; index < one.length; index++) {
    if (one[index].outbox !== other[index].outbox || one[index].echo !== other[index].echo) {
      return false;
    }
    if (one[index].overflow !== other[index].overflow) return false;
  }
  return one.length > 0;
}
