/**
 * The queues of one server: their names, the batches that their changes leave with, and their timer.
 *
 * Jobs are handed out at the end of a turn. Decisions leave with the batch that gathers and are answered when it
 * is committed, in order. After a batch that failed for want of room, pushes are refused for a moment, so that
 * acknowledgements, which make room, do not fail with them again.
 */
import { guard } from "../../base/defects.ts";
import { ErrorCode, type ParleyError } from "../../base/errors.ts";
import { DEAD_SUFFIX, isDeadName, type QueuePolicies } from "../../logic/queues/policies.ts";
import { quote } from "../../base/quote.ts";
import { shareOf } from "../../logic/access/guest_share.ts";
import { makerOf, makerOfPolicy } from "../access/kept_bytes.ts";
import { countMade } from "../access/usage.ts";
import type { Store, StoreBatch } from "../../ports/store.ts";
import { BodyRing } from "../../wire/body_ring.ts";
import { LEASED_AT_ONCE, Queue, type QueueOwner } from "./queue.ts";
import { hasWildcard } from "../../logic/topics/pattern.ts";
import { BoundQueues } from "./bindings.ts";
import { endPulls, queuesOf } from "./peer_queues.ts";
import { checkQueueName, elsewhere, noRoom, pausedKey, tooManyQueues } from "./queue_name.ts";
import { SlotBlocks } from "./slot_blocks.ts";
import { NOTHING_SEALED, type Sealed, type Settlement, tellAll } from "./settlements.ts";
import type { EventTaker } from "../topics/hooks.ts";
import type { Bus } from "../topics/bus.ts";
import { LaterTurns } from "../connection/later_turns.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";

/** The bytes of the ring for bodies that are about to be handed out, for all queues together. */
const RING_BYTES = 16 * 1024 * 1024;
/** The pause of deliveries after a batch failed, and of pushes when that was for want of room. */
const REST_MS = 500;
/** The longest time for which a timer is set. */
const MAX_TIMER_MS = 3600 * 1000;

/** The queues of a server. */
export class Queues implements QueueOwner {
  readonly context: ServerContext;
  readonly #bus: Bus;
  readonly store: Store;
  readonly ring = new BodyRing(RING_BYTES);
  blocks = new SlotBlocks();
  #policies: QueuePolicies;
  readonly #byName = new Map<string, Queue>();
  #living = 0;
  #touched: Queue[] = [];
  /** Queues that had more to hand out than one turn may. */
  readonly #unfinished = new Set<Queue>();
  readonly #later: LaterTurns;
  #changed: Queue[] = [];
  #settlements: Settlement[] = [];
  readonly #sealed: Sealed[] = [];
  #taken: Settlement[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerMs = Infinity;
  #fullUntilMs = 0;
  #restsUntilMs = 0;
  #stopping = false;
  #watcher: (queue: Queue) => void = () => {};

  constructor(context: ServerContext, bus: Bus, store: Store, policies: QueuePolicies) {
    this.context = context;
    this.#bus = bus;
    this.store = store;
    this.#policies = policies;
    this.#later = new LaterTurns(context.turns, LEASED_AT_ONCE, () => this.#dispatchMore());
    // Of nodes that share a log, only who writes has queues.
    const found = store.replica === null ? [...store.jobs.queues()] : [];
    for (const { name } of found) this.#open(name);
  }

  /** Raises UNAVAILABLE while another node has the queues. */
  checkHere(action: string): void {
    const refusal = this.store.replica?.refusal ?? null;
    if (refusal !== null) throw elsewhere(action, refusal);
  }

  /** Takes up all queues as the store has them, since this node has come to write. Nothing is handed over meanwhile. */
  async takeUp(): Promise<void> {
    await this.store.jobs.reload();
    const turn = this.context.turns.join();
    for (const { name } of [...this.store.jobs.queues()]) {
      await turn.did(1 + this.#open(name).machine.jobs);
    }
  }

  /** Lets go of all queues, since another node has them from now on; who pulls from them has to connect again. */
  layDown(): void {
    const queues = [...this.#byName.values()];
    this.#byName.clear();
    this.#living = 0;
    this.#unfinished.clear();
    this.#touched = [];
    this.#changed = [];
    this.blocks = new SlotBlocks();
    for (const queue of queues) {
      queue.letGo();
      this.#watcher(queue);
      endPulls(queue);
    }
  }

  /** All queues. */
  all(): IterableIterator<Queue> {
    return this.#byName.values();
  }

  /** The queue `name`; null when there is none. */
  find(name: string): Queue | null {
    return this.#byName.get(name) ?? null;
  }

  /**
   * Sets queues up by other policies, but for whether they are ordered. Who publishes has to look up bindings anew.
   */
  follow(policies: QueuePolicies): void {
    this.#policies = policies;
    this.openMade();
    for (const queue of this.#byName.values()) {
      queue.machine.configure(policies.optionsOf(queue.name));
      this.#watcher(queue);
      this.touch(queue);
    }
    this.endTurn();
  }

  /** Tells `watcher` of each queue now, and when one is made, set up otherwise, or forgotten. */
  watch(watcher: (queue: Queue) => void): void {
    this.#watcher = watcher;
    for (const queue of this.#byName.values()) watcher(queue);
  }

  /** The policies that set queues up. */
  get policies(): QueuePolicies {
    return this.#policies;
  }

  /** The topics that the queue `name` is bound to. */
  bindingsOf(name: string): readonly string[] {
    return this.#policies.bindingsOf(name);
  }

  /** The taker of events on `topic`, for all queues that are bound to it; null when there are none. */
  boundTo(topic: string): EventTaker | null {
    if (!this.#policies.bindsAny) return null;
    const names = this.#policies.boundTo(topic);
    if (names.length === 0) return null;
    return new BoundQueues(this.store, names.map((name) => this.get(name, "publish to")));
  }

  /** Makes the queues that were made at run time, as far as they are not there. */
  openMade(): void {
    if (this.store.replica?.refusal) return;
    for (const { name, origin } of this.#policies.all()) {
      if (hasWildcard(name) || !this.#policies.makes(name)) continue;
      const maker = makerOfPolicy(origin);
      guard("make a queue that was set up", () => this.get(name, "make", null, maker));
    }
  }

  /** The queue `name`, made if need be, by `by` or the server, for `maker`. Raises INVALID_ARGUMENT and RESOURCE_EXHAUSTED. */
  get(name: string, action: string, by: Peer | null = null, maker = makerOf(by)): Queue {
    const present = this.#byName.get(name);
    if (present !== undefined) return present;
    this.checkHere(`${action} ${quote(name)}`);
    const { limits } = this.context;
    checkQueueName(name, limits, action);
    if (isDeadName(name)) {
      // Queues of dead letters are bounded in number by the queues that they belong to.
      const living = name.slice(0, -DEAD_SUFFIX.length);
      maker = this.get(living, action, by).holder?.name ?? "";
    } else {
      const most = shareOf(limits.maxQueues, limits, this.#policies.names(name));
      if (this.#living >= most) throw tooManyQueues(name, action, this.#living, most);
      if (by !== null) countMade(by, "queues", name, (one) => this.#byName.has(one));
    }
    return this.#open(name, maker);
  }

  deadOf({ name }: Queue): Queue {
    return this.get(name + DEAD_SUFFIX, "move a job to");
  }

  /** Raises when jobs cannot be pushed at all for the moment. */
  checkRoom(): void {
    if (this.#fullUntilMs === 0) return;
    if (this.context.clock.monotonicMs() >= this.#fullUntilMs) this.#fullUntilMs = 0;
    else throw noRoom();
  }

  touch(queue: Queue): void {
    if (queue.isTouched) return;
    queue.isTouched = true;
    this.#touched.push(queue);
  }

  hasChanges(queue: Queue): void {
    // What goes on in a queue that was let go of is no longer this node's to decide.
    if (queue.isChanged || queue.isForgotten) return;
    queue.isChanged = true;
    this.#changed.push(queue);
    this.store.jobs.want();
  }

  /** Adds a settlement, which is told of the outcome of the batch that gathers. */
  settle(settlement: Settlement): void {
    this.#settlements.push(settlement);
    this.store.jobs.want();
  }

  /** Hands out jobs of the queues that the turn touched. */
  dispatch(): void {
    if (this.#touched.length === 0) return;
    const hands = !this.#stopping && !this.#rests() && !this.store.replica?.refusal;
    const touched = this.#touched;
    this.#touched = [];
    let nextMs = Infinity;
    for (const queue of touched) {
      queue.isTouched = false;
      if (hands && queue.dispatch()) this.#unfinished.add(queue);
      nextMs = Math.min(nextMs, queue.machine.nextMs);
    }
    if (this.#unfinished.size > 0) this.#later.begin();
    this.#arm(nextMs);
  }

  /** Goes on with queues that had more to hand out than one turn may; gives whether there is still more. */
  #dispatchMore(): boolean {
    for (const queue of this.#unfinished) this.touch(queue);
    this.#unfinished.clear();
    this.endTurn();
    return this.#unfinished.size > 0;
  }

  endTurn(): void {
    this.#bus.endTurn();
  }

  /** Puts what queues have decided into the batch that gathers, which is about to leave. */
  leaving(): void {
    const queues = this.#changed;
    const settlements = this.#settlements;
    if (queues.length === 0 && settlements.length === 0) {
      return void this.#sealed.push(NOTHING_SEALED);
    }
    this.#changed = [];
    this.#settlements = [];
    const wallMs = this.context.clock.wallMs();
    for (const queue of queues) {
      queue.isChanged = false;
      queue.seal(wallMs);
    }
    this.#sealed.push({ queues, settlements });
  }

  /** Answers settlements at once, since there was nothing to commit and no batch left. */
  stayed(): void {
    const { settlements } = this.#sealed.pop()!;
    tellAll(settlements);
    if (settlements.length > 0) this.endTurn();
  }

  /** Carries out the oldest batch that left, which is committed; its jobs were told of. */
  committed(): void {
    const { queues, settlements } = this.#sealed.shift()!;
    for (const queue of queues) {
      guard("hand out what was committed", () => queue.committed());
      this.touch(queue);
    }
    tellAll(settlements);
  }

  /** Takes back all that was not committed, since its batches have failed. */
  fellBack(): void {
    const queues = new Set(this.#changed);
    for (const sealed of this.#sealed) {
      for (const queue of sealed.queues) queues.add(queue);
      this.#taken.push(...sealed.settlements);
    }
    this.#taken.push(...this.#settlements);
    this.#sealed.length = 0;
    this.#settlements = [];
    for (const queue of queues) guard("take back what was not committed", () => queue.failed());
    // Taking back leaves nothing to be written.
    for (const queue of this.#changed) queue.isChanged = false;
    this.#changed = [];
  }

  /** Tells settlements why their batches failed, and pauses deliveries for a moment. */
  failed(error: ParleyError): void {
    this.#restsUntilMs = this.context.clock.monotonicMs() + REST_MS;
    if (error.code === ErrorCode.RESOURCE_EXHAUSTED) this.#fullUntilMs = this.#restsUntilMs;
    this.#arm(this.#restsUntilMs);
    for (const settlement of this.#taken.splice(0)) {
      guard("tell that jobs were not settled", () => settlement.failed(error));
    }
  }

  /** Hands a job of a committed batch to its queue. */
  stored(batch: StoreBatch): void {
    const queue = this.#byName.get(batch.queue!.name)!;
    queue.stored(batch.bytes, batch.start, batch.end, batch.duplicate);
  }

  /** Lets queues act on the time, as the timer does. */
  tick(): void {
    const nowMs = this.context.clock.monotonicMs();
    this.#rests();
    for (const queue of this.#byName.values()) {
      if (queue.machine.nextMs <= nowMs) queue.tick(nowMs);
    }
    this.endTurn();
  }

  /** Whether the queue of that name is paused, or about to be. */
  isPaused(name: string): boolean {
    return this.store.revision(pausedKey(name)) > 0;
  }

  /** Removes the consumers of a session that is gone, or can settle nothing any more. */
  leave(session: Peer): void {
    const own = queuesOf(session);
    if (own.pulls === null) return;
    for (const { queue, consumer } of own.pulls.values()) queue.removeConsumer(consumer);
    own.pulls = null;
    this.endTurn();
  }

  /** Stops handing out jobs, since the server stops; jobs that are held can still be settled. */
  stop(): void {
    this.#stopping = true;
  }

  /** Stops the timer for good. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timerMs = -Infinity;
  }

  /**
   * Forgets a queue that is unused: not in the store, without consumers and bindings, and not paused. Its queue of
   * dead letters goes first; as long as that one is used, the queue stays.
   */
  forget({ name }: Queue): void {
    const living = isDeadName(name) ? name.slice(0, -DEAD_SUFFIX.length) : name;
    this.#forgetUnused(living + DEAD_SUFFIX);
    if (!this.#byName.has(living + DEAD_SUFFIX)) this.#forgetUnused(living);
  }

  #forgetUnused(name: string): void {
    const queue = this.#byName.get(name);
    if (queue === undefined || queue.isStored || queue.pulling > 0) return;
    if (this.#policies.makes(name)) return;
    if (this.bindingsOf(name).length > 0 || this.isPaused(name)) return;
    this.#byName.delete(name);
    queue.letGo();
    this.#watcher(queue);
    if (!isDeadName(name)) this.#living--;
  }

  /** Whether deliveries pause for a moment, so that a store that fails is not asked all the time. */
  #rests(): boolean {
    if (this.#restsUntilMs === 0) return false;
    if (this.context.clock.monotonicMs() < this.#restsUntilMs) return true;
    this.#restsUntilMs = 0;
    // Queues that were touched meanwhile were passed over.
    for (const queue of this.#byName.values()) this.touch(queue);
    return false;
  }

  #open(name: string, maker = ""): Queue {
    const { holders, jobs } = this.store;
    const holder = holders.refer(jobs.queue(name)?.holder?.name ?? maker);
    const queue = new Queue(this, name, this.#policies.optionsOf(name), holder);
    this.#byName.set(name, queue);
    if (!isDeadName(name)) this.#living++;
    queue.load();
    if (this.isPaused(name)) queue.machine.pause();
    this.#watcher(queue);
    this.touch(queue);
    return queue;
  }

  /** Sets the timer for the earliest time that anything is due. */
  #arm(nextMs: number): void {
    if (nextMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = nextMs;
    const inMs = Math.max(1, Math.ceil(nextMs - this.context.clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      this.#timerMs = Infinity;
      const went = guard("let time pass in the queues", () => this.tick());
      let next = this.#restsUntilMs || Infinity;
      for (const queue of this.#byName.values()) next = Math.min(next, queue.machine.nextMs);
      // A tick that failed is not tried again at once.
      this.#arm(went ? next : Math.max(next, this.context.clock.monotonicMs() + REST_MS));
    }, Math.min(inMs, MAX_TIMER_MS));
  }
}
