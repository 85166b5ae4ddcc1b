/**
 * The sample of many events: whole while they are few, fair and bounded when they are many, with exact counts.
 */
import assert from "node:assert/strict";
import { EventSample } from "../../../lib/logic/topics/event_sample.ts";
import { Random } from "../../support/random.ts";

const bytesOf = (number: number) => new Uint8Array(new Uint32Array([number]).buffer);
const numberOf = (bytes: Uint8Array) => new Uint32Array(bytes.buffer)[0];

function offer(sample: EventSample, event: Uint8Array): void {
  const place = sample.offer();
  if (place >= 0) sample.put(place, event);
}

Deno.test("few events are given whole and in order, and answers begin anew", () => {
  const sample = new EventSample({ perSecond: 5, maxBytes: 1000 }, 0, Math.random);
  for (const number of [1, 2, 3]) offer(sample, bytesOf(number));
  assert.deepEqual(sample.take(500).events.map(numberOf), [1, 2, 3]);
  assert.deepEqual(sample.take(600), { events: [], offered: 0 });
  offer(sample, bytesOf(4));
  const { events, offered } = sample.take(1000);
  assert.deepEqual([events.map(numberOf), offered], [[4], 1]);
});

Deno.test("no more are given than the rate allows, over any number of answers", () => {
  const sample = new EventSample({ perSecond: 10, maxBytes: 1000 }, 0, Math.random);
  let given = 0;
  for (let nowMs = 100; nowMs <= 10_000; nowMs += 100) {
    for (let count = 0; count < 50; count++) offer(sample, bytesOf(count));
    const { events, offered } = sample.take(nowMs);
    assert.equal(offered, 50);
    given += events.length;
  }
  // At first there are as many as of a whole second.
  assert(given >= 100 && given <= 110, `${given}`);
});

Deno.test("each event has the same chance", () => {
  const source = new Random(7);
  const random = () => source.uint32() / 2 ** 32;
  const chosen = new Array(20).fill(0);
  const rounds = 4000;
  for (let round = 0; round < rounds; round++) {
    const sample = new EventSample({ perSecond: 5, maxBytes: 1000 }, 0, random);
    for (let number = 0; number < 20; number++) offer(sample, bytesOf(number));
    const { events } = sample.take(0);
    assert.equal(events.length, 5);
    assert.deepEqual(events.map(numberOf), events.map(numberOf).toSorted((a, b) => a - b));
    for (const event of events) chosen[numberOf(event)]++;
  }
  for (const count of chosen) assert(Math.abs(count / rounds - 5 / 20) < 0.04, `${chosen}`);
});

Deno.test("what would hold too many bytes is left out, and counted", () => {
  const sample = new EventSample({ perSecond: 100, maxBytes: 100 }, 0, Math.random);
  for (let count = 0; count < 50; count++) offer(sample, new Uint8Array(30));
  const { events, offered } = sample.take(1000);
  assert.deepEqual([events.length, offered], [3, 50]);
});
