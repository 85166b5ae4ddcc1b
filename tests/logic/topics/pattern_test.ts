/**
 * Tests the grammar at, below and above every limit, the agreement of text and bytes, and the matcher
 * against one that is obviously right.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import {
  checkGroup,
  checkMessageType,
  checkPattern,
  checkSubscription,
  checkTopic,
  isTypeBytes,
  isValidTopicBytes,
  levelsOf,
  matchesPattern,
  patternFault,
  patternsMeet,
  topicBytesError,
  topicFault,
} from "../../../lib/logic/topics/pattern.ts";
import { naiveMatch } from "./naive_bus.ts";

const utf8 = new TextEncoder();
const levels = (count: number) => Array.from({ length: count }, () => "a").join(".");

/** What a check raises; fails when it raises nothing or something else. */
function refusalOf(check: () => unknown): ParleyError {
  try {
    check();
  } catch (error) {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.notEqual(error.accepted, "");
    return error;
  }
  assert.fail("nothing was refused");
}

const goodNames = [
  "a",
  "orders.eu.created",
  "A-Z_0.9/x",
  "größe.wert",
  "注文.作成",
  "emoji.😀",
  "a".repeat(255),
  "a".repeat(256),
  "é".repeat(128),
  levels(15),
  levels(16),
  "$sys",
  "a\u200Db",
];
const badNames: [string, RegExp][] = [
  ["", /is not empty/],
  ["a".repeat(257), /at most 256 bytes/],
  ["é".repeat(128) + "a", /at most 256 bytes/],
  ["x".repeat(1_000_000), /at most 256 bytes/],
  [levels(17), /at most 16 levels, this one has 17/],
  [".", /no empty level/],
  [".a", /no empty level/],
  ["a.", /no empty level/],
  ["a..b", /no empty level/],
  ["a b", /this one has U\+0020/],
  ["a\tb", /U\+0009/],
  ["a\nb", /U\+000A/],
  ["a\0b", /U\+0000/],
  ["a\x7fb", /U\+007F/],
  ["a\u0085b", /U\+0085/],
  ["a\u00a0b", /U\+00A0/],
  ["a\u3000b", /U\+3000/],
  ["a\u2028b", /U\+2028/],
  ["a\u200bb", /U\+200B/],
  ["\ufeffa", /U\+FEFF/],
  ["a\u202eb", /U\+202E/],
  ["a\u2066b", /U\+2066/],
  ["a\u200fb", /U\+200F/],
  ["a\ud800b", /U\+D800/],
];

Deno.test("topics and patterns that follow the rules", () => {
  for (const name of goodNames) {
    assert.equal(topicFault(name), null, name);
    assert.equal(patternFault(name), null, name);
    const bytes = utf8.encode(`..${name}..`);
    assert.equal(isValidTopicBytes(bytes, 2, bytes.length - 2), true, name);
  }
  for (const pattern of ["*", ">", "a.*", "*.a", "a.*.b", "*.*", "a.>", "*.>", `${levels(15)}.>`]) {
    assert.equal(patternFault(pattern), null, pattern);
  }
});

Deno.test("topics and patterns that break a rule say which", () => {
  for (const [name, rule] of badNames) {
    assert.match(refusalOf(() => checkTopic(name)).message, rule);
    assert.match(refusalOf(() => checkPattern(name)).message, rule);
    if (!name.isWellFormed()) continue;
    const bytes = utf8.encode(name);
    assert.equal(isValidTopicBytes(bytes, 0, bytes.length), false, name);
    assert.match(topicBytesError(bytes, 0, bytes.length).message, rule);
  }
});

Deno.test("wildcards stand only where they may", () => {
  for (const topic of ["*", ">", "a.*", "a.>", "a*b", "a>b", "a.*.b"]) {
    const { message } = refusalOf(() => checkTopic(topic));
    assert.equal(message, `cannot publish to "${topic}": a topic has no wildcards`);
    assert.equal(isValidTopicBytes(utf8.encode(topic), 0, topic.length), false);
  }
  for (const pattern of ["a*", "*a.b", "a.**", "a.b*c"]) {
    assert.match(refusalOf(() => checkPattern(pattern)).message, /"\*" is a whole level$/);
  }
  for (const pattern of ["a>", ">.a", "a.>.b", ">.>", "a.>>"]) {
    assert.match(refusalOf(() => checkPattern(pattern)).message, /">" is the whole last level$/);
  }
});

Deno.test("limits that are configured count", () => {
  const limits = { maxTopicBytes: 5, maxTopicLevels: 2 };
  for (
    const [topic, good] of [["abcde", true], ["abcdef", false], ["a.b", true], ["a.b.c", false]]
  ) {
    assert.equal(topicFault(topic as string, limits) === null, good);
    assert.equal(
      isValidTopicBytes(utf8.encode(topic as string), 0, `${topic}`.length, limits),
      good,
    );
  }
});

Deno.test("bytes that are not UTF-8 are no topic", () => {
  for (const bytes of [[0x61, 0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0x80]]) {
    const topic = new Uint8Array(bytes);
    assert.equal(isValidTopicBytes(topic, 0, topic.length), false);
    assert.match(topicBytesError(topic, 0, topic.length).message, /a topic is valid UTF-8$/);
  }
});

Deno.test("text and bytes are judged alike", () => {
  const unit = fc.constantFrom("a", ".", ".", "*", ">", " ", "é", "\u202e", "\u3000", "😀", "\x1f");
  const text = fc.oneof(
    fc.array(unit, { maxLength: 40 }).map((units) => units.join("")),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  fc.assert(
    fc.property(text, (topic) => {
      const bytes = utf8.encode(topic);
      assert.equal(isValidTopicBytes(bytes, 0, bytes.length), topicFault(topic) === null);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a refused value is shown escaped and shortened", () => {
  const { message } = refusalOf(() => checkTopic('a"\u001b]52;\u202e' + "b".repeat(1000)));
  assert.match(
    message,
    /^cannot publish to "a\\"\\u\{1b\}\]52;\\u\{202e\}b+…": a topic has at most 256 bytes/,
  );
  assert(message.length < 250);
  const bytes = utf8.encode("\x1b".repeat(100_000));
  assert(topicBytesError(bytes, 0, bytes.length).message.length < 600);
});

Deno.test("message types", () => {
  for (const type of ["a", "acme.v1.OrderCreated", "a/b-c_d.9", "T".repeat(256)]) {
    checkMessageType(type);
    assert.equal(isTypeBytes(utf8.encode(type), 0, type.length), true, type);
  }
  for (
    const type of [
      "T".repeat(257),
      "a b",
      "a*",
      ">",
      "é",
      "a\n",
      "a:b",
      "a@",
      "a[",
      "a`",
      "a{",
      "a,",
    ]
  ) {
    refusalOf(() => checkMessageType(type));
    const bytes = utf8.encode(type);
    assert.equal(isTypeBytes(bytes, 0, bytes.length), false, type);
  }
  refusalOf(() => checkMessageType(""));
});

Deno.test("group names", () => {
  for (const group of ["g", "billing workers".replace(" ", "-"), "g".repeat(256)]) {
    checkGroup(group);
  }
  for (const group of ["", "g".repeat(257), "a b", "a\u202e"]) refusalOf(() => checkGroup(group));
});

Deno.test("a subscription names a pattern, a type, or both", () => {
  assert.equal(checkSubscription({ pattern: "a.*", type: "", group: "" }), "a.*");
  assert.equal(checkSubscription({ pattern: "", type: "T", group: "g" }), ">");
  assert.equal(checkSubscription({ pattern: "a", type: "T", group: "g" }), "a");
  assert.match(
    refusalOf(() => checkSubscription({ pattern: "", type: "", group: "g" })).message,
    /^cannot subscribe to "": /,
  );
  refusalOf(() => checkSubscription({ pattern: "a.>.b", type: "", group: "" }));
  refusalOf(() => checkSubscription({ pattern: "a", type: "T T", group: "" }));
  refusalOf(() => checkSubscription({ pattern: "a", type: "", group: "g g" }));
  const limits = { ...DEFAULT_LIMITS, maxTopicLevels: 1 };
  const { message } = refusalOf(() =>
    checkSubscription({ pattern: "a.b", type: "", group: "" }, limits, "unsubscribe from")
  );
  assert.match(message, /^cannot unsubscribe from "a\.b": a pattern has at most 1 levels/);
});

Deno.test("which patterns match which topics", () => {
  const table: [string, string, boolean][] = [
    ["a.b", "a.b", true],
    ["a.b", "a", false],
    ["a.b", "a.b.c", false],
    ["a.b", "ab", false],
    ["a", "ab", false],
    ["ab", "a.b", false],
    ["a.c", "ab.c", false],
    ["*", "a", true],
    ["*", "a.b", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*.c", "a.b.c", true],
    ["a.*.c", "a.b.d", false],
    ["*.b", "a.b", true],
    ["*.*", "a.b", true],
    [">", "a", true],
    [">", "a.b.c", true],
    ["a.>", "a", false],
    ["a.>", "a.b", true],
    ["a.>", "a.b.c", true],
    ["a.>", "ab.c", false],
    ["*.>", "a", false],
    ["*.>", "a.b", true],
    ["", "a.b", true],
  ];
  for (const [pattern, topic, expected] of table) {
    assert.equal(matchesPattern(pattern, topic), expected, `${pattern} and ${topic}`);
    if (pattern !== "") {
      assert.equal(naiveMatch(pattern, topic), expected, `naive: ${pattern} and ${topic}`);
    }
  }
});

Deno.test("the matcher agrees with the naive one", () => {
  const level = fc.constantFrom("a", "b", "ab");
  const topic = fc.array(level, { minLength: 1, maxLength: 5 });
  const pattern = fc.tuple(
    fc.array(fc.oneof(level, fc.constant("*")), { maxLength: 5 }),
    fc.boolean(),
  )
    .map(([some, tail]) => tail || some.length === 0 ? [...some, ">"] : some);
  fc.assert(
    fc.property(pattern, topic, (p, t) => {
      assert.equal(matchesPattern(p.join("."), t.join(".")), naiveMatch(p.join("."), t.join(".")));
      assert.deepEqual(levelsOf(t.join(".")), t);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("patterns meet when some name matches both", () => {
  const level = fc.constantFrom("a", "b", "*");
  const pattern = fc.tuple(fc.array(level, { maxLength: 3 }), fc.constantFrom("a", "b", "*", ">"))
    .map(([levels, last]) => [...levels, last].join("."));
  const names: string[] = [];
  for (let depth = 1, some = [""]; depth <= 5; depth++) {
    some = some.flatMap((name) =>
      ["a", "b", "c"].map((each) => name === "" ? each : `${name}.${each}`)
    );
    names.push(...some);
  }
  fc.assert(fc.property(pattern, pattern, (one, other) => {
    const meet = names.some((name) => naiveMatch(one, name) && naiveMatch(other, name));
    assert.equal(patternsMeet(one, other), meet, `${one} ${other}`);
  }));
});
