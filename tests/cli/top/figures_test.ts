/**
 * Rates out of looks: the first look, a server that was started anew, topics and queues that come, and a bounded past.
 */
import assert from "node:assert/strict";
import { type Look, MAX_HISTORY, RATES, TopFigures } from "../../../lib/cli/top/figures.ts";

const QUEUE = {
  name: "q",
  ready: 1,
  delayed: 0,
  leased: 0,
  blocked: 0,
  dead: 0,
  consumers: 0,
  paused: false,
  pushed: 10,
  done: 5,
};

function look(seconds: number, value: number, more: Partial<Look> = {}): Look {
  const stats = Object.fromEntries(RATES.map((name) => [name, value]));
  return { seconds, stats, noted: {}, connections: [], topics: [], queues: [], beyond: 0, ...more };
}

Deno.test("rates are differences by time; the first look has none", () => {
  const figures = new TopFigures();
  assert.equal(figures.add(look(10, 500)).rates.messages_in, 0);
  const next = figures.add(look(12, 700));
  assert.equal(next.rates.messages_in, 100);
  assert.deepEqual(next.history.events_out, [100]);
  assert.deepEqual(figures.add(look(13, 700)).history.events_out, [100, 0]);
});

Deno.test("topics and queues have rates from their second look on", () => {
  const figures = new TopFigures();
  const topic = { topic: "a", lastSeq: 10, events: 1, bytes: 1 };
  figures.add(look(0, 0, { topics: [topic], queues: [QUEUE] }));
  const { topics, queues } = figures.add(look(2, 0, {
    topics: [{ ...topic, lastSeq: 30 }, { ...topic, topic: "b" }],
    queues: [{ ...QUEUE, pushed: 14, done: 6 }, { ...QUEUE, name: "new" }],
  }));
  assert.deepEqual(topics.map(({ topic, rate }) => [topic, rate]), [["a", 10], ["b", 0]]);
  assert.deepEqual(queues.map(({ name, inRate, outRate }) => [name, inRate, outRate]), [
    ["q", 2, 0.5],
    ["new", 0, 0],
  ]);
});

Deno.test("a server that counts from nothing again begins the past anew", () => {
  const figures = new TopFigures();
  figures.add(look(0, 0));
  figures.add(look(1, 1000));
  const anew = figures.add(look(2, 3));
  assert.equal(anew.rates.messages_in, 0);
  assert.deepEqual(anew.history.messages_in, []);
  assert.equal(figures.add(look(3, 13)).rates.messages_in, 10);
});

Deno.test("the past is bounded", () => {
  const figures = new TopFigures();
  let last = figures.add(look(0, 0));
  for (let second = 1; second <= MAX_HISTORY + 5; second++) {
    last = figures.add(look(second, second));
  }
  assert.equal(last.history.jobs_in.length, MAX_HISTORY);
});
