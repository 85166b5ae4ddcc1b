/**
 * A work queue that can be asked whether all that it keeps of its jobs agrees: figures with states, heaps
 * with times, lists with holders, lines with keys.
 *
 * It looks and changes nothing, and costs as much as there is: for tests. What may be done next is not its
 * subject, that is the model's.
 */
import assert from "node:assert/strict";
import { JobState, type JobTable } from "../../../lib/logic/queues/job_table.ts";
import { NONE } from "../../../lib/logic/queues/slot_list.ts";
import type { TimeHeap } from "../../../lib/logic/queues/time_heap.ts";
import { type Consumer, WorkQueue } from "../../../lib/logic/queues/work_queue.ts";

/** Entries that may be kept of jobs that are no longer in a line, beside as many as there are. */
const SPARE_ENTRIES = 64;

/** A machine that can be walked. */
export class SoundQueue<T> extends WorkQueue<T> {
  get #table(): JobTable<T> {
    return this.look().table;
  }

  /** Raises when anything does not agree. `consumers` are all that were added and not removed. */
  assertSound(consumers: readonly Consumer<T>[]): void {
    this.#checkFigures();
    this.#checkHeap(this.look().leases, JobState.LEASED);
    this.#checkHeap(this.look().due, JobState.DELAYED);
    this.#checkLines();
    this.#checkConsumers(consumers);
    if (this.options.ordered) this.#checkKeys();
    else assert.equal(this.look().keys.lines().size, 0);
  }

  /** How many slots are in this state. */
  #count(state: number): number {
    let count = 0;
    for (let slot = 0; slot < this.#table.used; slot++) {
      if (this.#table.states[slot] === state) count++;
    }
    return count;
  }

  #checkFigures(): void {
    const { states, bytes, used, links: { places } } = this.#table;
    let [jobs, allBytes, held, leased] = [0, 0, 0, 0];
    for (let slot = 0; slot < used; slot++) {
      const state = states[slot];
      const free = state === JobState.FREE;
      const leaving = state === JobState.DONE || state === JobState.MOVING ||
        state === JobState.DROPPING;
      const placed = state === JobState.READY || state === JobState.DELAYED ||
        state === JobState.BLOCKED;
      if (!free && !leaving) {
        jobs++;
        allBytes += bytes[slot];
        if (!placed) held += bytes[slot];
      }
      if (!free && !placed && state !== JobState.DROPPING) leased++;
      const timed = state === JobState.LEASED || state === JobState.DELAYED;
      assert.equal(places[slot] !== NONE, timed, `slot ${slot} of state ${state} has a time`);
    }
    assert.equal(this.jobs, jobs, "jobs");
    assert.equal(this.bytes, allBytes, "bytes");
    assert.equal(this.look().heldBytes, held, "held bytes");
    assert.equal(this.leased, leased, "leased");
    assert.equal(this.ready, this.#count(JobState.READY), "ready");
    assert.equal(this.delayed, this.#count(JobState.DELAYED), "delayed");
    assert.equal(this.blocked, this.#count(JobState.BLOCKED), "blocked");
  }

  #checkHeap(heap: TimeHeap<T>, state: number): void {
    const { times, states, links: { places } } = this.#table;
    assert.equal(heap.size, this.#count(state), "all that have a time are in their heap");
    for (let place = 0; place < heap.size; place++) {
      const slot = heap.at(place);
      assert.equal(states[slot], state);
      assert.equal(places[slot], place);
      const above = heap.at(Math.max(0, (place - 1) >> 1));
      assert(times[above] <= times[slot], "the sooner stand above the later");
    }
  }

  #checkLines(): void {
    const { ready, blocked } = this.look();
    const lines = [...ready.look(), blocked.look()];
    for (const [priority, { slots, entries }] of lines.entries()) {
      const isBlocked = priority === lines.length - 1;
      for (const slot of slots) {
        assert.equal(this.#table.states[slot], isBlocked ? JobState.BLOCKED : JobState.READY);
        if (!isBlocked) assert.equal(this.#table.priorities[slot], priority);
      }
      assert.equal(new Set(slots).size, slots.length, "a job stands in a line once");
      assert(entries <= 2 * slots.length + SPARE_ENTRIES, `${entries} entries`);
    }
    const count = lines.reduce((sum, { slots }) => sum + slots.length, 0);
    assert.equal(count, this.ready + this.blocked, "all that are ready or blocked are in a line");
  }

  #checkConsumers(consumers: readonly Consumer<T>[]): void {
    const { states, links: { next, previous } } = this.#table;
    let linked = 0;
    for (const consumer of consumers) {
      let before = NONE;
      let count = 0;
      for (let slot = consumer.first; slot !== NONE; slot = next[slot]) {
        assert.equal(previous[slot], before);
        assert.equal(this.views.holder(slot), consumer);
        assert(states[slot] === JobState.LEASING || states[slot] === JobState.LEASED);
        before = slot;
        count++;
      }
      assert.equal(consumer.inFlight, count);
      linked += count;
    }
    for (let slot = 0; slot < this.#table.used; slot++) {
      if (states[slot] !== JobState.LEASED && states[slot] !== JobState.LEASING) continue;
      if (this.views.holder(slot) !== null) linked--;
      else assert.equal(states[slot], JobState.LEASING, "only what is not durable has no holder");
    }
    assert.equal(linked, 0, "what is held is in the list of its holder");
  }

  #checkKeys(): void {
    const { ids, keys, states } = this.#table;
    let inLines = 0;
    for (const [key, line] of this.look().keys.lines()) {
      assert(line.length > 0, "a line that is empty is gone");
      inLines += line.length;
      for (const [index, slot] of line.entries()) {
        assert.equal(keys[slot], key);
        if (index === 0) {
          assert.notEqual(states[slot], JobState.BLOCKED, "the first is not blocked");
          continue;
        }
        assert(ids[line[index - 1]] < ids[slot], "a line is in the order of ids");
        assert(states[slot] === JobState.BLOCKED || states[slot] === JobState.DROPPING);
      }
    }
    for (let slot = 0; slot < this.#table.used; slot++) {
      if (states[slot] !== JobState.FREE && keys[slot] !== 0) inLines--;
    }
    assert.equal(inLines, 0, "all that have a key are in a line");
  }
}
