/**
 * Fair turns: whoever has much to do lets the runtime look at all sockets in between, and the others work.
 *
 * A read of a socket that has data resolves at once, so one busy connection could go on in microtasks for
 * ever, and no other would even be seen. Work therefore goes in turns of the whole server: once a turn has
 * lasted long enough, whoever wants to go on waits until the runtime has polled its sockets (one poll for
 * all who wait), and is let on in order. The more are waiting, the shorter is the slice of each.
 *
 * Invariants: between two polls work goes on for little more than a turn, however many are busy; who has not
 * worked in the present turn goes before those who have, and of these at least one goes on in every other
 * turn, so nobody starves; who waits is let on in the order in which it came. A server with little to do
 * parks by itself, and then nobody waits: a new turn begins for free.
 *
 * The clock is read once a piece of work (a read of a socket, a page), not once a message: between two looks
 * at it units of work are counted down in `left`, as many as took a small part of a turn before. What
 * costs more than a small message calls `spend`. Non-goals: priorities; work that goes on for long without
 * asking.
 */
import { BucketCounts, TIME_BOUNDS_MS } from "../../ports/bucket_counts.ts";
import { detached } from "../../base/detached.ts";
import type { IoPoll } from "../../ports/io_poll.ts";
import type { WorkMeter } from "../../wire/work_meter.ts";

/** The time for which work may go on before the sockets are polled, in milliseconds. */
export const TURN_MS = 2;
/** The part of a turn after which the poll behind it begins, in milliseconds. */
const POLL_AFTER_MS = TURN_MS / 2;
/** The shortest slice of one who works while many want to. */
export const SHORTEST_SLICE_MS = 0.1;
/** A pause of this length with next to nothing done before it may have been the runtime's parking: then it has polled. */
const PARKED_MS = 0.2;
/** The most units of work that are done within such a pause. */
const FEW_UNITS = 32;
/**
 * For so long after a poll, or a pause of a whole turn, such a pause is taken for parking, in milliseconds: it can also be
 * work that nobody counts, such as that of a library which parses what comes, one small piece behind the other.
 */
export const BELIEVED_MS = 2 * TURN_MS;
/** After so many pauses that were taken for parking, one real poll is made: also a long pause can be a slow write. */
const MAX_PARKS = 32;
/** The most units between two looks at the clock. */
const MAX_UNITS = 256;
/** Units that took less than this are doubled the next time; those that took more than twice of it, halved. */
const LOOK_AFTER_MS = TURN_MS / 40;

/** One who takes turns: a connection's read loop, all its calls together, a walk over a batch, a feed. */
export class TurnTaker {
  /** The number of the last turn that it worked in. */
  turn = 0;
  /** The time at which the taker began to work, or was let on. */
  sinceMs = 0;
  /** The number of units that the taker does between two looks at the clock. */
  units = 1;
  /** The time at which the taker came to wait. */
  waitsSinceMs = 0;
  /** The taker that waits behind this one, and the function that lets this one on. */
  next: TurnTaker | null = null;
  letOn: (() => void) | null = null;
  /** The functions that wait behind `letOn` where several share it, such as the calls of one connection. */
  readonly sharers: (() => void)[] = [];
  readonly #turns: FairTurns;

  constructor(turns: FairTurns) {
    this.#turns = turns;
  }

  /** Says that there is work; gives whether it may be begun now, or else after `wait`. */
  begin(): boolean {
    return this.#turns.begin(this);
  }

  /** Resolves when a piece of work may be begun: at once while there is time. */
  async admit(): Promise<void> {
    if (!this.begin()) await this.wait();
  }

  /** Counts work of so many units that was done, and resolves when there may be more. */
  async did(units: number): Promise<void> {
    this.#turns.spend(units);
    if (this.#turns.left <= 0 && !this.goOn()) await this.wait();
  }

  /** Says that the work in hand is done: what passes until the next piece is begun is a pause. */
  rest(): void {
    this.#turns.rest();
  }

  /** Whether work may go on. To be asked whenever `left` of the turns has come down to nothing. */
  goOn(): boolean {
    return this.#turns.goOn(this);
  }

  /** Resolves when it may work, or go on working. Await the promise itself: it is let on step by step. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#turns.queue(this, resolve));
  }
}

/** The turns of one server. */
export class FairTurns implements WorkMeter {
  /** Units until the clock is to be looked at. */
  left = 0;
  /** The longest turn since the start, in milliseconds. */
  longestTurnMs = 0;
  /** The longest turn since whoever shows it set this to 0, in milliseconds. */
  peakTurnMs = 0;
  /** The longest that anybody who was ready had to wait for others, in milliseconds. */
  longestWaitMs = 0;
  /** The lengths of all turns in which anything was done, in milliseconds. */
  readonly turnsMs = new BucketCounts(TIME_BOUNDS_MS);
  /** How long those who were ready had to wait for others, in milliseconds. */
  readonly waitsMs = new BucketCounts(TIME_BOUNDS_MS);
  /** The number of times that the runtime was made to poll its sockets. */
  polls = 0;

  readonly #io: IoPoll;
  readonly #nowMs: () => number;
  #number = 1;
  #startMs: number;
  #lookedMs: number;
  /** The value of `left` at the last look. */
  #granted = 0;
  #parks = 0;
  /** The time of the last poll, or of the end of a pause that cannot have been anything else. */
  #polledMs: number;
  #sliceMs = TURN_MS;
  /** The waiting takers that have not worked in the turn that they came in, and those that have. */
  readonly #fresh = new Line();
  readonly #worked = new Line();
  /** Whether one of those who had worked was let on in this turn, and whether one must be now. */
  #letWorkedOn = true;
  #owesWorked = false;
  #pumping = false;
  /** Whether a poll is under way, and whether those who wait are let on with its end. */
  #polling = false;
  #closed = false;
  #waitsForPoll = false;
  readonly #pump = (): void => this.#letNextOn();

  constructor(io: IoPoll, nowMs: () => number) {
    this.#io = io;
    this.#nowMs = nowMs;
    this.#startMs = this.#lookedMs = this.#polledMs = nowMs();
  }

  /** The monotonic time at which the clock was last looked at: when the piece of work in hand was begun, or later. */
  get lookedMs(): number {
    return this.#lookedMs;
  }

  /** The number of takers that wait for a turn. */
  get waiting(): number {
    return this.#fresh.size + this.#worked.size;
  }

  /** Counts work that costs as much as that many small messages. */
  spend(units: number): void {
    this.left -= units;
  }

  /** One who takes turns from now on. */
  join(): TurnTaker {
    return new TurnTaker(this);
  }

  /** Lets go of the sockets that polls stand on. Who waits is let on all the same. */
  close(): void {
    this.#closed = true;
    this.#io.close();
  }

  /** Does what `begin` of the taker says. */
  begin(taker: TurnTaker): boolean {
    if (taker.letOn !== null) return false;
    const nowMs = this.#nowMs();
    const pauseMs = nowMs - this.#lookedMs;
    if (pauseMs > PARKED_MS && this.#granted - this.left <= FEW_UNITS) this.#paused(nowMs, pauseMs);
    this.#look(taker, nowMs);
    if (this.#turnIsOver(nowMs)) return false;
    if (taker.turn === this.#number) return nowMs - taker.sinceMs < this.#sliceMs;
    taker.turn = this.#number;
    taker.sinceMs = nowMs;
    return true;
  }

  /** Does what `rest` of the taker says. */
  rest(): void {
    this.#lookedMs = this.#nowMs();
  }

  /** Does what `goOn` of the taker says. */
  goOn(taker: TurnTaker): boolean {
    const nowMs = this.#nowMs();
    const tookMs = nowMs - this.#lookedMs;
    if (tookMs < LOOK_AFTER_MS) taker.units = Math.min(2 * taker.units, MAX_UNITS);
    else if (tookMs > 2 * LOOK_AFTER_MS) taker.units = Math.max(taker.units >>> 1, 1);
    this.#look(taker, nowMs);
    return !this.#turnIsOver(nowMs) && nowMs - taker.sinceMs < this.#sliceMs;
  }

  /** Does what `wait` of the taker says. */
  queue(taker: TurnTaker, letOn: () => void): void {
    // Whoever shares one stands in line once, however much there is to do.
    if (taker.letOn !== null) return void taker.sharers.push(letOn);
    this.#enter(taker, letOn);
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(this.#pump);
  }

  /**
   * Whether the turn has lasted long enough. The poll behind it begins before its end: a server that is busy with many
   * small requests, and parks between them, then never waits for one.
   */
  #turnIsOver(nowMs: number): boolean {
    const lastedMs = nowMs - this.#startMs;
    const afterMs = this.#closed ? TURN_MS : POLL_AFTER_MS;
    if (lastedMs >= afterMs && !this.#polling) detached(this.#poll(), "look at the sockets");
    return lastedMs >= TURN_MS;
  }

  #enter(taker: TurnTaker, letOn: () => void): void {
    taker.letOn = letOn;
    taker.waitsSinceMs = this.#lookedMs;
    (taker.turn === this.#number ? this.#worked : this.#fresh).push(taker);
  }

  /** Begins a turn after a pause, if it can be taken for parking. */
  #paused(nowMs: number, pauseMs: number): void {
    if (this.#pumping || this.#parks >= MAX_PARKS) return;
    if (pauseMs >= TURN_MS) this.#polledMs = nowMs;
    if (nowMs - this.#polledMs < BELIEVED_MS) this.#begin(nowMs);
  }

  /** Begins a turn: the sockets were just polled. */
  #begin(nowMs: number): void {
    const tookMs = this.#lookedMs - this.#startMs;
    if (tookMs > 0) this.turnsMs.add(tookMs);
    if (tookMs > this.peakTurnMs) this.peakTurnMs = tookMs;
    this.longestTurnMs = Math.max(this.longestTurnMs, tookMs);
    this.#parks++;
    this.#number++;
    this.#startMs = nowMs;
    this.#owesWorked = !this.#letWorkedOn;
    this.#letWorkedOn = this.#worked.size === 0;
    const waiting = this.#fresh.size + this.#worked.size;
    this.#sliceMs = waiting <= 1 ? TURN_MS : Math.max(TURN_MS / waiting, SHORTEST_SLICE_MS);
  }

  #look(taker: TurnTaker, nowMs: number): void {
    this.#lookedMs = nowMs;
    this.left = this.#granted = taker.units;
  }

  /**
   * Lets the next one on who waits, and comes back when that one has worked: its part runs before the
   * microtask that is queued here.
   */
  #letNextOn(): void {
    const nowMs = this.#nowMs();
    this.#lookedMs = nowMs;
    if (this.#fresh.size + this.#worked.size === 0) {
      this.#pumping = false;
      return;
    }
    if (this.#turnIsOver(nowMs)) {
      this.#waitsForPoll = true;
      return;
    }
    const taker = this.#take();
    taker.turn = this.#number;
    taker.sinceMs = nowMs;
    const waitedMs = nowMs - taker.waitsSinceMs;
    this.waitsMs.add(waitedMs);
    this.longestWaitMs = Math.max(this.longestWaitMs, waitedMs);
    this.#look(taker, nowMs);
    const { letOn } = taker;
    taker.letOn = null;
    const next = taker.sharers.shift();
    if (next !== undefined) this.#enter(taker, next);
    letOn?.();
    queueMicrotask(this.#pump);
  }

  async #poll(): Promise<void> {
    this.polls++;
    this.#polling = true;
    await this.#io.poll();
    this.#polling = false;
    const nowMs = this.#nowMs();
    this.#begin(nowMs);
    this.#lookedMs = this.#polledMs = nowMs;
    this.#parks = 0;
    if (!this.#waitsForPoll) return;
    this.#waitsForPoll = false;
    this.#letNextOn();
  }

  #take(): TurnTaker {
    const worked = this.#fresh.size === 0 || this.#owesWorked && this.#worked.size > 0;
    if (!worked) return this.#fresh.shift()!;
    this.#letWorkedOn = true;
    this.#owesWorked = false;
    return this.#worked.shift()!;
  }
}

/** The takers that wait, in the order in which they came. */
class Line {
  size = 0;
  #first: TurnTaker | null = null;
  #last: TurnTaker | null = null;

  push(taker: TurnTaker): void {
    if (this.#last === null) this.#first = taker;
    else this.#last.next = taker;
    this.#last = taker;
    this.size++;
  }

  shift(): TurnTaker | null {
    const taker = this.#first;
    if (taker === null) return null;
    this.#first = taker.next;
    if (this.#first === null) this.#last = null;
    taker.next = null;
    this.size--;
    return taker;
  }
}
