/**
 * The shares of queues in what all webhooks of a server may use: bounded, fair, and something for the next one.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { mayHold, mayPost } from "../../../lib/logic/webhooks/shares.ts";

/** Lets queues begin in turn, as many requests as they may, and gives how many each has. */
function filled(queues: number, most: number, order: (round: number) => number): number[] {
  const own = new Array<number>(queues).fill(0);
  let all = 0;
  for (let round = 0, refused = 0; refused < queues; round++) {
    const index = order(round) % queues;
    if (mayPost(own[index], all, most)) {
      own[index]++;
      all++;
      refused = 0;
    } else refused++;
  }
  return own;
}

Deno.test("requests are bounded, whoever asks in which order, and no queue that has none waits while any is free", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 1, max: 100 }),
    (most, queues) => {
      // The greediest order: each takes all that it may before the next comes.
      const own: number[] = [];
      for (let index = 0; index < queues; index++) {
        const all = own.reduce((sum, one) => sum + one, 0);
        let mine = 0;
        while (mayPost(mine, all + mine, most)) mine++;
        assert.equal(mine > 0, all < most);
        own.push(mine);
      }
      assert(own.reduce((sum, one) => sum + one, 0) <= most);
    },
  ));
});

Deno.test("one queue alone gets a part, and several in turn get equal ones", () => {
  assert.deepEqual(filled(1, 64, () => 0), [24]);
  assert.deepEqual(filled(3, 64, (round) => round), [12, 12, 12]);
  const many = filled(64, 64, (round) => round);
  assert(many.every((one) => one === 1));
});

Deno.test("a queue whose requests end gives up what is more than its share", () => {
  let [first, second] = [24, 0];
  // Whenever a request of the first ends, both would like to begin.
  for (let count = 0; count < 100; count++) {
    first--;
    for (let begun = true; begun;) {
      begun = mayPost(second, first + second, 64) || mayPost(first, first + second, 64);
      if (!begun) break;
      if (second <= first && mayPost(second, first + second, 64)) second++;
      else if (mayPost(first, first + second, 64)) first++;
      else second++;
    }
  }
  assert(Math.abs(first - second) <= 1, `${first} ${second}`);
});

Deno.test("bytes are shared likewise, and a queue that holds nothing may take a job beyond that", () => {
  assert(mayHold(0, 0, 100) && mayHold(49, 49, 100) && !mayHold(50, 50, 100));
  assert(mayHold(0, 199, 100) && !mayHold(0, 200, 100) && !mayHold(1, 199, 100));
});
