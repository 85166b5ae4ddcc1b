/**
 * Tests what grows with the jobs of a queue: columns keep what they hold and grow one at a time, lists of slots
 * and lines of ready jobs keep their order over many pages, and what left them takes no room for ever.
 */
import assert from "node:assert/strict";
import { JobTable } from "../../../lib/logic/queues/job_table.ts";
import { NONE } from "../../../lib/logic/queues/slot_list.ts";
import { ReadyLine } from "../../../lib/logic/queues/ready_line.ts";
import { SlotList } from "../../../lib/logic/queues/slot_list.ts";

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

Deno.test("a slot's value stays its own over many pages", () => {
  const list = new SlotList<number>();
  for (let slot = 0; slot < 100_000; slot++) list.set(slot, slot);
  for (let slot = 0; slot < 100_000; slot += 3) list.set(slot, -slot);
  assert.equal(list.length, 100_000);
  for (let slot = 0; slot < 100_000; slot++) {
    assert.equal(list.get(slot), slot % 3 === 0 ? -slot : slot);
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
