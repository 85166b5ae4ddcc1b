/**
 * Random histories of subscribe, unsubscribe, disconnect and publish on the trie, with and without its
 * cache, against a list that is looked through.
 */
import assert from "node:assert/strict";
import type { Match, Subscription } from "../../../lib/logic/topics/subscription.ts";
import { TopicTrie } from "../../../lib/logic/topics/trie.ts";
import { Random } from "../../support/random.ts";
import { NaiveBus, type NaiveMatch } from "./naive_bus.ts";

const LITERALS = ["a", "b", "é"];
const TYPES = ["", "", "T", "U", "V"];
const GROUPS = ["", "", "", "g", "h"];

function randomTopic(random: Random): string {
  const levels = 1 + random.below(3);
  return Array.from({ length: levels }, () => random.pick(LITERALS)).join(".");
}

function randomPattern(random: Random): string {
  const levels = Array.from(
    { length: random.below(4) },
    () => random.pick([...LITERALS, "*", "*"]),
  );
  if (levels.length === 0 || random.below(4) === 0) levels.push(">");
  return levels.join(".");
}

function byOrder(list: readonly Subscription[]): Subscription[] {
  return [...list].sort((a, b) => a.order - b.order);
}

/** Compares by identity: equal fields are not enough. */
function assertSame(actual: readonly Subscription[], expected: Subscription[], what: string): void {
  const sorted = byOrder(actual);
  assert.equal(sorted.length, expected.length, what);
  expected.forEach((one, i) => assert.equal(sorted[i], one, what));
}

function assertMatch(match: Match<Subscription>, expected: NaiveMatch, what: string): void {
  assertSame(match.receivers, byOrder(expected.receivers), `${what}: receivers`);
  assertSame(match.all ?? match.receivers, byOrder(expected.all), `${what}: all`);
  assert.equal(match.groups.length, expected.groups.size, `${what}: groups`);
  for (const group of match.groups) {
    const members = expected.groups.get(`${group.name} ${group.pattern}`) ?? [];
    assertSame(group.members, byOrder(members), `${what}: members of ${group.name}`);
  }
}

/** One history. What stays subscribed at its end leaves, and then the tries are empty. */
class History {
  readonly #random: Random;
  readonly #naive = new NaiveBus();
  readonly #tries: TopicTrie<Subscription>[];
  readonly #owners = [{}, {}, {}];
  #live: Subscription[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#tries = [4096, 8, 0].map((maxCachedMatches) =>
      new TopicTrie<Subscription>({ maxCachedMatches, maxCachedPlaces: 24 })
    );
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const dice = this.#random.below(20);
      if (dice < 7) this.#subscribe();
      else if (dice < 10) this.#unsubscribe();
      else if (dice < 11) this.#disconnect(this.#random.pick(this.#owners));
      else this.#publish();
    }
    for (const owner of this.#owners) this.#disconnect(owner);
    for (const trie of this.#tries) {
      assert.equal(trie.size, 0);
      assert.equal(trie.nodeCount, 1, "nothing empty stays");
      assert.equal(trie.worstVisits, 1, "nothing is left to visit");
    }
  }

  #subscribe(): void {
    const random = this.#random;
    const [pattern, type] = [randomPattern(random), random.pick(TYPES)];
    const owner = random.pick(this.#owners);
    const added = { pattern, type, group: random.pick(GROUPS), owner, order: 0 };
    const former = this.#naive.add(added);
    for (const trie of this.#tries) {
      const before = trie.version;
      assert.equal(trie.add(added), former);
      assert(trie.version > before);
      assert.equal(trie.find(owner, pattern, type, added.group), added);
    }
    this.#live = [...this.#live.filter((one) => one !== former), added];
  }

  #unsubscribe(): void {
    if (this.#live.length > 0) this.#remove(this.#random.pick(this.#live));
  }

  #disconnect(owner: object): void {
    for (const one of this.#live.filter((live) => live.owner === owner)) this.#remove(one);
  }

  #remove(removed: Subscription): void {
    this.#naive.remove(removed);
    this.#live = this.#live.filter((one) => one !== removed);
    for (const trie of this.#tries) {
      assert.equal(trie.remove(removed), true);
      assert.equal(trie.remove(removed), false, "a subscription leaves once");
      assert.equal(trie.size, this.#live.length);
    }
  }

  #publish(): void {
    const topic = randomTopic(this.#random);
    const type = this.#random.pick(["", "T", "U", "X"]);
    const expected = this.#naive.match(topic, type);
    for (const trie of this.#tries) {
      const what = `${topic} of type "${type}"`;
      const match = trie.match(topic, type);
      assertMatch(match, expected, what);
      // Once more, so that what the cache now holds is looked at too.
      assertMatch(trie.match(topic, type), expected, `${what}, again`);
    }
  }
}

Deno.test("10,000 histories agree with a list that is looked through", () => {
  for (let seed = 0; seed < 10_000; seed++) {
    try {
      new History(seed).run(20);
    } catch (error) {
      throw new Error(`history ${seed} failed`, { cause: error });
    }
  }
});

Deno.test("long histories agree too", () => {
  for (let seed = 0; seed < 20; seed++) new History(1_000_000 + seed).run(1000);
});
