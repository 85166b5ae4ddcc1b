/**
 * Tests of the trie that the model cannot show: what is shared, what comes first, what a change leaves
 * alone, and the bounds.
 *
 * Non-goal: who matches what; the model holds that.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { NO_MATCH, type Subscription, TopicTrie } from "../../../lib/logic/topics/trie.ts";

function subscription(pattern: string, owner: object = {}, type = "", group = ""): Subscription {
  return { pattern, type, group, owner, order: 0 };
}

function filled(...patterns: string[]): TopicTrie<Subscription> {
  const trie = new TopicTrie<Subscription>();
  for (const pattern of patterns) trie.add(subscription(pattern));
  return trie;
}

Deno.test("a topic that nobody wants has the one empty match", () => {
  assert.equal(filled("a.b").match("a.c", ""), NO_MATCH);
});

Deno.test("an owner gets an event once, by what it added first", () => {
  const trie = new TopicTrie<Subscription>();
  const owner = {};
  const [second, first] = [subscription("a.b", owner), subscription("a.*", owner)];
  trie.add(first);
  trie.add(second);
  const match = trie.match("a.b", "");
  assert.deepEqual(match.receivers, [first]);
  assert.equal(match.all?.length, 2);
  // The one put in the place of the first is the first.
  const replacing = subscription("a.*", owner);
  assert.equal(trie.add(replacing), first);
  assert.equal(trie.match("a.b", "").receivers[0], replacing);
  assert.equal(trie.remove(first), false);
  assert.equal(trie.size, 2);
});

Deno.test("one group of a pattern, whatever types its members want; another pattern is another group", () => {
  const trie = new TopicTrie<Subscription>();
  const [any, typed, other] = [{}, {}, {}];
  trie.add(subscription("a", any, "", "g"));
  trie.add(subscription("a", typed, "T", "g"));
  trie.add(subscription("a", any, "T", "g"));
  trie.add(subscription("*", other, "", "g"));
  const owners = (type: string) =>
    trie.match("a", type).groups.map((group) => group.members.map((one) => one.owner));
  assert.deepEqual(owners("T"), [[any, typed], [other]]);
  assert.deepEqual(owners("U"), [[any], [other]]);
});

Deno.test("a list that a match gave stays as it was", () => {
  const trie = new TopicTrie<Subscription>();
  const some = [1, 2, 3].map(() => subscription("a"));
  for (const one of some) trie.add(one);
  const { receivers } = trie.match("a", "");
  for (const one of some) trie.remove(one);
  assert.deepEqual(receivers, some);
});

Deno.test("topics that match the same one pattern share its list", () => {
  const trie = filled("a.>", "a.>");
  assert.equal(trie.match("a.b", "").receivers, trie.match("a.c", "").receivers);
});

Deno.test("a change leaves alone the cached topics that it cannot concern", () => {
  const trie = filled("hot.a", "hot.*", ">");
  const cached = trie.match("hot.a", "");
  const unrelated = [subscription("cold.b"), subscription("cold.*"), subscription("cold.*.>")];
  // A neighbour by hash would be a miss: with a few of them, no one hash seed can fail this.
  const kept = unrelated.filter((one) => {
    trie.add(one);
    const isKept = trie.match("hot.a", "") === cached;
    trie.remove(one);
    return isKept;
  });
  assert(kept.length > 0);
  for (const pattern of ["hot.a", "hot.*", "hot.>", "*.a", ">"]) {
    const before = trie.match("hot.a", "");
    const added = subscription(pattern);
    trie.add(added);
    assert(trie.match("hot.a", "").receivers.includes(added), `${pattern} makes it stale`);
    assert.notEqual(trie.match("hot.a", ""), before);
  }
});

Deno.test("a publisher's own types fill no cache", () => {
  const trie = new TopicTrie<Subscription>({ maxCachedMatches: 8 });
  trie.add(subscription("a", {}, "T"));
  const match = trie.match("a", "X0");
  for (let i = 1; i < 100; i++) assert.equal(trie.match("a", `X${i}`), match);
});

Deno.test("everybody leaves a crowded pattern, and nothing stays", () => {
  for (const pattern of ["a.b", "a.*", ">"]) {
    const trie = new TopicTrie<Subscription>();
    const crowd = Array.from({ length: 20_000 }, () => subscription(pattern));
    for (const one of crowd) trie.add(one);
    assert.equal(trie.match("a.b", "").receivers.length, crowd.length);
    for (const one of crowd) trie.remove(one);
    assert.equal(trie.nodeCount, 1);
    assert.equal(trie.match("a.b", ""), NO_MATCH);
  }
});

Deno.test("no set of patterns makes a match visit more than the bound", () => {
  const trie = new TopicTrie<Subscription>({ maxVisits: 100 });
  const added: Subscription[] = [];
  let refused = 0;
  for (let bits = 0; bits < 4096; bits++) {
    const levels = Array.from({ length: 12 }, (_, i) => (bits >> i) & 1 ? "*" : "a");
    const one = subscription(`${levels.join(".")}.x`);
    const { nodeCount, version, size } = trie;
    try {
      trie.add(one);
      added.push(one);
    } catch (error) {
      refused++;
      assert(error instanceof ParleyError);
      assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
      if (one.pattern.includes("*")) {
        assert.deepEqual([trie.nodeCount, trie.version, trie.size], [nodeCount, version, size]);
      }
    }
    assert(trie.worstVisits <= 100);
  }
  assert(added.length > 1 && refused > 0);
  // Those elsewhere, and those without wildcards, are not refused for it.
  trie.add(subscription("b.*.c"));
  trie.add(subscription("a.a.a"));
  for (const one of added) trie.remove(one);
  assert.equal(trie.worstVisits, 4);
});

Deno.test("patterns of up to 12 levels are never refused", () => {
  const trie = new TopicTrie<Subscription>();
  for (let bits = 0; bits < 4096; bits++) {
    const levels = Array.from({ length: 12 }, (_, i) => (bits >> i) & 1 ? "*" : "a");
    trie.add(subscription(levels.join(".")));
  }
  assert.equal(trie.match(Array(12).fill("a").join("."), "").receivers.length, 4096);
  assert.equal(trie.worstVisits, 8190);
});

Deno.test("subscriptions are bounded", () => {
  const trie = new TopicTrie<Subscription>({ maxSubscriptions: 2 });
  const owner = {};
  trie.add(subscription("a", owner));
  trie.add(subscription("*"));
  assert.throws(
    () => trie.add(subscription("b")),
    (error) =>
      error instanceof ParleyError && error.code === ErrorCode.RESOURCE_EXHAUSTED &&
      error.retryable,
  );
  assert.equal(trie.size, 2);
  assert.notEqual(
    trie.add(subscription("a", owner)),
    null,
    "one in the place of another is no more",
  );
});
