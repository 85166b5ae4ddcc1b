/**
 * Many in one room: each receives each message, all in the same order, over every listener.
 */
import assert from "node:assert/strict";
import { range, storeTest } from "../kept/kept_support.ts";
import { startServer } from "../../support/server.ts";
import { Person, type PersonKind } from "./rooms_support.ts";

const PEOPLE = 200;
const KINDS: PersonKind[] = ["tcp", "unix", "ws"];

storeTest("200 people in a room receive each message in the same order", async (data) => {
  await using server = await startServer({ data });
  await using stack = new AsyncDisposableStack();
  const people: Person[] = [];
  for (const number of range(1, PEOPLE)) {
    const kind = KINDS[number % KINDS.length];
    people.push(stack.use(await Person.connect(server, `p${number}`, kind)));
  }
  await Promise.all(people.map((person) => person.enter("tea")));
  // All speak at once.
  const rounds = 3;
  for (const round of range(1, rounds)) {
    await Promise.all(people.map((person, index) => person.say("tea", `${index}/${round}`)));
  }
  const said = (person: Person) => person.seen.filter((each) => each.includes(": "));
  const expected = PEOPLE * rounds;
  for (const person of people) {
    await person.client.when(() => said(person).length >= expected, "every message");
  }
  const order = said(people[0]);
  assert.equal(order.length, expected);
  assert.equal(new Set(order).size, expected);
  for (const person of people) assert.deepEqual(said(person), order);
  for (const [index, person] of people.entries()) {
    // From one's own coming on, without a gap.
    const seqs = person.client.events.map(({ seq }) => Number(seq));
    assert.deepEqual(seqs, range(seqs[0], PEOPLE + expected), `person ${index}`);
  }
});
