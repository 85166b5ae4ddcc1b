/**
 * Tests what grows with the jobs of a queue: columns keep what they hold and grow one at a time, lists of slots
 * and lines of ready jobs keep their order over many pages, blocks of slots are each chunk's own, and what left them
 * takes no room for ever.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { JobTable } from "../../../lib/logic/queues/job_table.ts";
import { NONE } from "../../../lib/logic/queues/slot_list.ts";
import { ReadyLine } from "../../../lib/logic/queues/ready_line.ts";
import { SlotList } from "../../../lib/logic/queues/slot_list.ts";
import { MAX_CHUNK_JOBS } from "../../../lib/ports/job_log.ts";
import { JobChunk } from "../../../lib/services/queues/chunks.ts";
import { SlotBlocks } from "../../../lib/services/queues/slot_blocks.ts";

const COLUMNS = [
  "ids",
  "keys",
  "bytes",
  "attempts",
  "states",
] as const;
const LINKS = ["next", "entries", "places"] as const;

function columnsOf(table: JobTable<unknown>): { length: number }[] {
  return [...COLUMNS.map((name) => table[name]), ...LINKS.map((name) => table.links[name])];
}

Deno.test("columns keep what they hold while they grow, and a slot that is taken replaces one at most", () => {
  const table = new JobTable<unknown>();
  let columns = columnsOf(table);
  let replaced = 0;
  for (let slot = 0; slot < 100_000; slot++) {
    assert.equal(table.take(), slot);
    const now = columnsOf(table);
    const others = now.filter((column, index) => column !== columns[index]).length;
    assert(others <= 1, `${others} columns grew with slot ${slot}`);
    replaced += others;
    columns = now;
    assert(columns.every(({ length }) => length > slot), `slot ${slot} has its place`);
    assert.equal(table.links.places[slot], NONE);
    assert.equal(table.bytes[slot], 0);
    table.ids[slot] = slot * 2 ** 30;
    table.bytes[slot] = table.links.places[slot] = slot;
    table.attempts[slot] = slot % 60_000;
  }
  assert(replaced >= columns.length * 10, "each was doubled again and again");
  for (let slot = 0; slot < 100_000; slot++) {
    const { ids, bytes, attempts, links: { places } } = table;
    const found = [ids[slot], bytes[slot], places[slot], attempts[slot]];
    assert.deepEqual(found, [slot * 2 ** 30, slot, slot, slot % 60_000]);
  }
});

Deno.test("what grows with the jobs is not counted by the collector", () => {
  const table = new JobTable<unknown>();
  const line = new ReadyLine(table);
  const before = Deno.memoryUsage().external;
  for (let job = 0; job < 300_000; job++) {
    const slot = table.take();
    table.ids[slot] = job + 1;
    line.push(slot);
  }
  const grown = Deno.memoryUsage().external - before;
  assert.equal(line.count, 300_000);
  assert(table.ids.byteLength > 2 ** 21);
  // The columns have more than 20 MB; what is counted are the first, small ones.
  assert(grown < 2 ** 20, `${grown} bytes are counted`);
});

Deno.test("a slot's value stays its own over many pages", () => {
  const list = new SlotList();
  for (let slot = 0; slot < 100_000; slot++) list.set(slot, slot);
  for (let slot = 0; slot < 100_000; slot += 3) list.set(slot, -slot - 1);
  assert.equal(list.length, 100_000);
  for (let slot = 0; slot < 100_000; slot++) {
    assert.equal(list.get(slot), slot % 3 === 0 ? -slot - 1 : slot);
  }
});

Deno.test("a long line of ready jobs keeps its order, and does not keep what has left it", () => {
  const table = new JobTable<unknown>();
  const line = new ReadyLine(table);
  const push = (id: number) => {
    const slot = table.take();
    table.ids[slot] = id;
    line.push(slot);
    return slot;
  };
  const first = push(1);
  const expected = [1];
  for (let id = 2; id <= 200_000; id++) {
    const slot = push(id);
    // All but every hundredth leave again, behind one that stays.
    if (id % 100 === 0) expected.push(id);
    else {
      line.leave(slot);
      table.give(slot);
    }
  }
  assert.equal(line.first(), first);
  const { slots, entries } = line.look();
  assert.deepEqual(slots.map((slot) => table.ids[slot]), expected);
  assert(entries <= 2 * line.count + 3 * 8192, `${entries} entries for ${line.count} jobs`);
  for (const id of expected) {
    const slot = line.first();
    assert.equal(table.ids[slot], id);
    line.leave(slot);
    table.give(slot);
  }
  assert.equal(line.first(), NONE);
  push(200_001);
  assert.equal(table.ids[line.first()], 200_001);
});

Deno.test("blocks keep what was written into them while others come, shrink and go", () => {
  const step = fc.record({
    jobs: fc.integer({ min: 1, max: MAX_CHUNK_JOBS }),
    close: fc.boolean(),
    release: fc.option(fc.nat(20)),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const blocks = new SlotBlocks();
    const chunks: { chunk: JobChunk; slots: number[] }[] = [];
    let next = 0;
    for (const { jobs, close, release } of steps) {
      const chunk = new JobChunk(blocks, next, 0, true);
      const slots = Array.from({ length: jobs }, () => next++);
      for (const slot of slots) chunk.push(slot);
      if (close) chunk.close();
      chunks.push({ chunk, slots });
      if (release !== null && release < chunks.length) {
        const [gone] = chunks.splice(release, 1);
        gone.chunk.release();
        assert(gone.chunk.slotAt(0) < 0, "a chunk that is gone has no job any more");
      }
      for (const { chunk, slots } of chunks) {
        assert.deepEqual(slots.map((_, index) => chunk.slotAt(index)), slots);
      }
    }
  }));
});

Deno.test("many chunks of one job take no more room than they need, and give it back", () => {
  const blocks = new SlotBlocks();
  const fill = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const chunk = new JobChunk(blocks, index, 0, true);
      chunk.push(index);
      chunk.close();
      return chunk;
    });
  const first = fill(50_000);
  const { places } = blocks;
  assert(places < 2 * 50_000, `${places} places for 50000 jobs`);
  for (const chunk of first) chunk.release();
  fill(50_000);
  assert.equal(blocks.places, places);
});

Deno.test("a chunk refuses a job that it has no room for", () => {
  const chunk = new JobChunk(new SlotBlocks(), 1, 0, true);
  for (let slot = 0; slot < MAX_CHUNK_JOBS; slot++) chunk.push(slot);
  assert.throws(() => chunk.push(MAX_CHUNK_JOBS));
});
