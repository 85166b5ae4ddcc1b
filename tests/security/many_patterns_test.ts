/**
 * A hundred thousand patterns and a hundred thousand topics: what a match costs, and how those who ask for something else are
 * served meanwhile by a server that has them.
 */
import assert from "node:assert/strict";
import type { Subscription } from "../../lib/logic/topics/subscription.ts";
import { TopicTrie } from "../../lib/logic/topics/trie.ts";
import { BusClient } from "../support/bus_client.ts";
import { bytesOf, publish, subscribe } from "../support/bus_messages.ts";
import { frame, join } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { Random } from "../support/random.ts";

const PATTERNS = 100_000;
const TOPICS = 100_000;
/** So many of them are published on a whole server. */
const PUBLISHED = 20_000;
const SUBSCRIBERS = 100;
const TOPICS_A_WRITE = 1000;
const WORDS = 200;

/** A pattern or a topic of 2 to 5 levels; of `stars` of a hundred levels are wildcards. */
function someName(random: Random, stars: number): string {
  const levels = 2 + random.below(4);
  const words = Array.from(
    { length: levels },
    () => random.below(100) < stars ? "*" : `w${random.below(WORDS)}`,
  );
  if (stars > 0 && random.below(50) === 0) words[levels - 1] = ">";
  return words.join(".");
}

const names = (random: Random, count: number, stars: number) =>
  Array.from({ length: count }, () => someName(random, stars));

Deno.test(`${PATTERNS} patterns: each of ${TOPICS} topics is matched`, () => {
  const random = new Random(7);
  const trie = new TopicTrie<Subscription>();
  const patterns = names(random, PATTERNS, 5);
  for (const pattern of patterns) {
    trie.add({ owner: {}, pattern, type: "", group: "", order: 0 });
  }
  const tookMs: number[] = [];
  let found = 0;
  for (const topic of names(random, TOPICS, 0)) {
    const startedMs = performance.now();
    found += trie.match(topic, "").receivers.length;
    tookMs.push(performance.now() - startedMs);
  }
  tookMs.sort((one, other) => one - other);
  const at = (share: number) => tookMs[Math.floor(share * TOPICS)].toFixed(3);
  console.log(
    `# ${PATTERNS} patterns, ${TOPICS} topics: a match took ${at(0.5)} ms, p99 ${
      at(0.99)
    } ms, and found ${Math.round(found / TOPICS)} receivers`,
  );
  assert(found > 0);
});

Deno.test(`a server with ${PATTERNS} patterns serves those who publish on ${PUBLISHED} topics, and others`, async () => {
  const random = new Random(8);
  await using server = await MeasuredServer.start();
  const dial = () => Deno.connect({ hostname: "127.0.0.1", port: server.ports.tcp });
  await server.innocents.during(`${PATTERNS} patterns and ${PUBLISHED} topics`, async () => {
    await using stack = new AsyncDisposableStack();
    const each = PATTERNS / SUBSCRIBERS;
    for (let count = 0; count < SUBSCRIBERS; count++) {
      const client = stack.use(new BusClient(await dial()));
      client.startReading();
      // Below a level that nobody publishes on, but for a few: deliveries are not what is tried here.
      const patterns = names(random, each, 5).map((pattern) => `quiet.${pattern}`);
      patterns[0] = `loud.${patterns[0]}`;
      await client.sendBytes(
        join(...patterns.map((pattern) => frame(subscribe(pattern)))),
      );
    }
    const publisher = stack.use(new BusClient(await dial()));
    publisher.startReading();
    const payload = bytesOf("x");
    let receivers = 0;
    for (let sent = 0; sent < PUBLISHED; sent += TOPICS_A_WRITE) {
      const topics = names(random, TOPICS_A_WRITE, 0).map((name) =>
        `${random.below(10) === 0 ? "quiet" : "other"}.${name}`
      );
      await publisher.sendBytes(
        join(...topics.map((topic) => frame(publish({ topic, payload })))),
      );
      receivers += await publisher.acknowledged(publish({ topic: "other.end" }));
    }
    assert.equal(receivers, 0);
    const { subscriptions, internalErrors } = await server.stats();
    assert(subscriptions > PATTERNS * 0.9, `${subscriptions} subscriptions`);
    assert.equal(internalErrors, 0);
    return `${subscriptions} subscriptions, ${server.mostAboveQuietMiB} MiB above quiet`;
  });
});
