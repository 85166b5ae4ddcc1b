/**
 * The window of message_ids: its exact end, how many it holds, and what is forgotten when there are more.
 */
import assert from "node:assert/strict";
import { DedupWindow } from "../../../lib/adapters/store/dedup_window.ts";

const WINDOW_MS = 120_000;

Deno.test("an id is remembered for the whole window, counted from the first one", () => {
  const window = new DedupWindow(WINDOW_MS, 10);
  window.add(1, "a", 7, 1000);
  assert.equal(window.find(1, "a", 1000 + WINDOW_MS - 1), 7);
  // Being found does not prolong it.
  assert.equal(window.find(1, "a", 1000 + WINDOW_MS), 7);
  assert.equal(window.find(1, "a", 1000 + WINDOW_MS + 1), 0);
  assert.equal(window.size, 0);
});

Deno.test("ids are apart by topic and byte for byte", () => {
  const window = new DedupWindow(WINDOW_MS, 100);
  const keys: [number, string][] = [
    [1, "a"],
    [11, "a"],
    [1, "1 a"],
    [1, " a"],
    [1, "\ufeffa"],
    [1, "A"],
    [1, "a\0"],
  ];
  for (const [index, [topic, id]] of keys.entries()) window.add(topic, id, index + 1, 0);
  assert.deepEqual(keys.map(([topic, id]) => window.find(topic, id, 0)), [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("as many are remembered as may be, and the oldest is forgotten for one more", () => {
  const window = new DedupWindow(WINDOW_MS, 3);
  for (const seq of [1, 2, 3]) window.add(1, `id ${seq}`, seq, 0);
  assert.deepEqual([1, 2, 3].map((seq) => window.find(1, `id ${seq}`, 0)), [1, 2, 3]);
  window.add(1, "id 4", 4, 0);
  assert.deepEqual([1, 2, 3, 4].map((seq) => window.find(1, `id ${seq}`, 0)), [0, 2, 3, 4]);
});

Deno.test("an id that was taken back is not remembered, and added again it counts anew", () => {
  const window = new DedupWindow(WINDOW_MS, 10);
  window.add(1, "a", 1, 0);
  window.remove(1, "a");
  assert.equal(window.find(1, "a", 0), 0);
  window.add(1, "a", 2, 50);
  assert.equal(window.find(1, "a", WINDOW_MS + 1), 2, "the entry of before does not end it");
  assert.equal(window.find(1, "a", WINDOW_MS + 51), 0);
});
