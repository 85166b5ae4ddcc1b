/**
 * The roster of a room tells who is there, by name, whatever has changed since it was asked last.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { MemberSchema } from "../../../lib/gen/parley/v1/room_pb.ts";
import { Room } from "../../../lib/logic/rooms/room.ts";
import { FairTurns } from "../../../lib/services/connection/fair_turns.ts";
import type { Peer } from "../../../lib/services/connection/peer.ts";
import { Roster } from "../../../lib/services/rooms/roster.ts";
import { FakePoll } from "../../support/fake_poll.ts";

const PEOPLE = 300;

Deno.test("a roster is what a list made anew would be, after any coming, going and renaming", async () => {
  const change = fc.record({
    who: fc.nat(PEOPLE - 1),
    what: fc.constantFrom("come", "come", "come", "go", "rename", "idle"),
    name: fc.integer({ min: 0, max: 99_999 }),
  });
  const rounds = fc.array(fc.array(change, { maxLength: 400, size: "max" }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(rounds, async (all) => {
      // Every look at the clock finds a turn over, so that others could change the room in between.
      let nowMs = 0;
      const turns = new FairTurns(new FakePoll(), () => nowMs += 5);
      const people = Array.from({ length: PEOPLE }, () => ({} as Peer));
      const names = new Map(people.map((one, index) => [one, `n${index}`]));
      const idle = new Set<Peer>();
      const room = new Room<Peer>("r", Infinity);
      const roster = new Roster(room, {
        nameOf: (one) => names.get(one)!,
        isIdle: (one) => idle.has(one),
      });
      for (const changes of all) {
        for (const { who, what, name } of changes) {
          const one = people[who];
          if (what === "come") room.join(one, name);
          else if (what === "go") room.leave(one);
          else if (what === "idle") idle.has(one) ? idle.delete(one) : idle.add(one);
          else names.set(one, `m${name}-${who}`);
        }
        const told = await Promise.all([
          roster.members(turns.join()),
          roster.members(turns.join()),
        ]);
        const expected = [...room.members].map(([one, { joinedMs }]) => ({
          name: names.get(one)!,
          idle: idle.has(one),
          joinedUnixMicros: BigInt(joinedMs) * 1000n,
        })).sort((one, other) => one.name < other.name ? -1 : 1);
        for (const members of told) {
          const found = members.map((bytes) => fromBinary(MemberSchema, bytes));
          assert.deepEqual(
            found.map(({ name, idle, joinedUnixMicros }) => ({ name, idle, joinedUnixMicros })),
            expected,
          );
        }
      }
    }),
    { numRuns: 40 },
  );
});
