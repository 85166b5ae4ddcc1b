/**
 * Pages of names agree with sorting all of them, whatever there are, and leave others their turn.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FairTurns, TURN_MS } from "../../../../lib/services/connection/fair_turns.ts";
import { firstNames, madeLater } from "../../../../lib/services/handlers/own/name_page.ts";
import { FakePoll } from "../../../support/fake_poll.ts";

Deno.test("a page of names is what sorting all of them gives", async () => {
  const turn = new FairTurns(new FakePoll(), () => 0).join();
  const names = fc.array(fc.string({ maxLength: 2 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(
      names,
      fc.string({ maxLength: 2 }),
      fc.integer({ min: 1, max: 8 }),
      async (all, after, most) => {
        const sorted = [...new Set(all)].filter((name) => name > after).sort();
        const page = await firstNames(all, { after, most, turn });
        assert.deepEqual(page, { names: sorted.slice(0, most), more: sorted.length > most });
      },
    ),
  );
});

Deno.test("of a hundred thousand names others have their turn in between", async () => {
  const poll = new FakePoll();
  let looked = 0;
  const turns = new FairTurns(poll, () => looked * TURN_MS / 1000);
  function* names(): Generator<string> {
    for (; looked < 100_000; looked++) yield `room-${(looked * 7919) % 100_000}`;
  }
  const page = await firstNames(names(), { after: "", most: 1000, turn: turns.join() });
  assert.equal(page.names.length, 1000);
  assert(poll.polls >= 50, `${poll.polls} polls`);
});

Deno.test("what is gone when its turn comes is left out", () => {
  const list = madeLater(["a", "b", "c"], (name) => name === "b" ? null : name.toUpperCase());
  assert.deepEqual([list.length, list.slice(0, 2), list.slice(2, 4)], [3, ["A"], ["C"]]);
});
