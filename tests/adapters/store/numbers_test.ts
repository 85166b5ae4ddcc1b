/**
 * Numbers of topics: given in order, given again after a rest, and no more than there are.
 */
import assert from "node:assert/strict";
import { TopicNumbers } from "../../../lib/adapters/store/numbers.ts";
import { StoredLog } from "../../../lib/adapters/store/stored_log.ts";

const WINDOW_MS = 100_000;
const make = (id: number) => new StoredLog(id, "topic", `t${id}`);

Deno.test("numbers begin with 1 and come in order", () => {
  const numbers = new TopicNumbers(3, WINDOW_MS);
  for (const id of [1, 2, 3]) {
    const topic = numbers.take(0, make);
    assert.equal(topic?.id, id);
    assert.equal(numbers.of(id), topic);
  }
  assert.equal(numbers.take(0, make), null, "there are no more");
});

Deno.test("a number that was let go rests, and then is given again", () => {
  const numbers = new TopicNumbers(2, WINDOW_MS);
  const [one, two] = [numbers.take(0, make)!, numbers.take(0, make)!];
  numbers.release(one, 1000);
  numbers.release(two, 2000);
  assert.equal(numbers.of(1), one, "who walks over its batch still finds it");
  assert.equal(numbers.take(1000 + WINDOW_MS - 1, make), null);
  assert.equal(numbers.take(1000 + WINDOW_MS, make)?.id, 1);
  assert.equal(numbers.take(1000 + WINDOW_MS, make), null);
  assert.equal(numbers.take(2000 + WINDOW_MS, make)?.id, 2);
});

Deno.test("a short window does not make the rest shorter than what a read may take", () => {
  const numbers = new TopicNumbers(1, 1);
  numbers.release(numbers.take(0, make)!, 0);
  assert.equal(numbers.take(59_999, make), null);
  assert.equal(numbers.take(60_000, make)?.id, 1);
});

Deno.test("after a start the gaps are given first, but for those whose message_ids are remembered", () => {
  const numbers = new TopicNumbers(6, WINDOW_MS);
  numbers.enter(make(2));
  numbers.fill(new Set([2, 3, 5]), 0);
  const ids = () => numbers.take(0, make)?.id;
  assert.deepEqual([ids(), ids(), ids(), ids()], [4, 1, 6, undefined]);
  const rested = () => numbers.take(WINDOW_MS, make)?.id;
  assert.deepEqual(new Set([rested(), rested()]), new Set([3, 5]));
  assert.equal(rested(), undefined);
});

Deno.test("many that come and go need few numbers", () => {
  const numbers = new TopicNumbers(100, WINDOW_MS);
  for (let round = 0; round < 10_000; round++) {
    const topic = numbers.take(round * WINDOW_MS, make);
    assert(topic !== null && topic.id <= 2, `round ${round}`);
    numbers.release(topic, round * WINDOW_MS);
  }
});
