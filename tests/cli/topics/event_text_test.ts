/**
 * How events and payloads are shown, whatever is in them, without a server.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { eventJson, eventText, type ShownEvent } from "../../../lib/cli/topics/event_text.ts";
import { payloadJson, payloadText, textOf } from "../../../lib/cli/terminal/payload_text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const line = { lines: false, full: false };
const lines = { lines: true, full: false };

const event: ShownEvent = {
  topic: "orders.eu",
  type: "acme.v1.Order",
  payload: bytes("hello"),
  headers: {},
  messageId: "",
  sender: "s-1",
  seq: 0n,
  timeMicros: 1_700_000_000_123_456n,
  group: "",
};

/** What no terminal may get: everything it could obey. Line feeds end lines, and nothing else. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

Deno.test("a payload is shown as what it is", () => {
  const cases: [payload: Uint8Array, shown: string][] = [
    [bytes("plain text, 世界 🦀"), "plain text, 世界 🦀"],
    [bytes("two\nlines\n"), "two\\nlines\\n"],
    [bytes("\x1b[31mred"), "\\x1b[31mred"],
    [bytes('{ "id" : 12345678901234567890 }'), '{"id":12345678901234567890}'],
    [bytes("{not json}"), "{not json}"],
    [bytes('"just a text"'), '"just a text"'],
    [new Uint8Array([0xff, 0x00]), "hex:ff00"],
    [new Uint8Array([0x0a, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f]), "hex:0a0568656c6c6f"],
    [new Uint8Array(), ""],
  ];
  for (const [payload, shown] of cases) assert.equal(payloadText(payload, line), shown);
});

Deno.test("a terminal gets JSON and hex dumps over several lines", () => {
  assert.equal(payloadText(bytes('{"a":[1]}'), lines), '{\n  "a": [\n    1\n  ]\n}');
  assert.equal(payloadText(bytes("two\nlines\n"), lines), "two\nlines");
  const dump = payloadText(
    new Uint8Array(18).map((_, index) => index === 0 ? 0xff : 0x3f + index),
    lines,
  );
  assert.equal(
    dump,
    "00000000  ff 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e  |.@ABCDEFGHIJKLMN|\n" +
      "00000010  4f 50                                            |OP|",
  );
});

Deno.test("what is long is shortened, and says so", () => {
  const binary = new Uint8Array(1000);
  assert.match(payloadText(binary, line), /^hex:0{512}… 744 more bytes \(--full shows them\)$/);
  assert.equal(payloadText(binary, { ...line, full: true }).length, 4 + 2000);
  const text = bytes("ü".repeat(6000));
  const shown = payloadText(text, line);
  assert.match(shown, /^ü{4096}… 3,808 more bytes \(--full shows them\)$/);
  assert.equal(payloadText(text, { ...line, full: true }), "ü".repeat(6000));
  const split = payloadText(bytes("x" + "ü".repeat(6000)), line);
  assert(!split.includes("\ufffd"), "no half of a character");
  // Deep JSON would be mostly indentation.
  const deep = "[".repeat(30_000) + "]".repeat(30_000);
  assert(payloadText(bytes(deep), lines).length < 70_000);
});

Deno.test("an event is one line in a pipe", () => {
  const view = { lines: false, colors: false, full: false };
  assert.equal(
    eventText(event, view),
    "2023-11-14T22:13:20.123Z  orders.eu  acme.v1.Order  s-1  hello\n",
  );
  assert.equal(
    eventText({ ...event, type: "", headers: { a: "1" } }, view),
    '2023-11-14T22:13:20.123Z  orders.eu  -  s-1  {"headers":{"a":"1"}}  hello\n',
  );
});

Deno.test("an event has a heading on a terminal, in colours if it takes them", () => {
  const view = { lines: true, colors: false, full: false };
  const shown = eventText({ ...event, headers: { a: "1\n2" } }, view);
  assert.match(
    shown,
    /^\d\d:\d\d:\d\d\.123 {2}orders\.eu {2}acme\.v1\.Order {2}from s-1\n {2}a: 1\\n2\n {2}hello\n$/,
  );
  assert.match(eventText({ ...event, payload: new Uint8Array() }, view), /\n {2}\(empty\)\n$/);
  assert(eventText(event, { ...view, colors: true }).includes("\x1b[1morders.eu\x1b[0m"));
});

Deno.test("JSON tells all that is known, and bytes that are no text as Base64", () => {
  assert.deepEqual(JSON.parse(eventJson(event)), {
    time: "2023-11-14T22:13:20.123Z",
    topic: "orders.eu",
    type: "acme.v1.Order",
    sender: "s-1",
    payload: "hello",
  });
  const rich = {
    ...event,
    seq: 7n,
    group: "g",
    messageId: "m",
    headers: { h: "v" },
    payload: new Uint8Array([0xff]),
  };
  const { seq, group, message_id, headers, payload_base64, payload } = JSON.parse(eventJson(rich));
  assert.deepEqual([seq, group, message_id, headers, payload_base64, payload], [
    7,
    "g",
    "m",
    { h: "v" },
    "/w==",
    undefined,
  ]);
  fc.assert(fc.property(fc.uint8Array(), (payload) => {
    const json = payloadJson(payload);
    const back = "payload" in json
      ? bytes(json.payload)
      : Uint8Array.from(atob(json.payload_base64), (each) => each.charCodeAt(0));
    assert.deepEqual(back, payload);
  }));
});

Deno.test("nothing that a terminal obeys gets through, in any part, in any form", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "\x1b]52;c;aGk=\x07",
      "\x1b[2J",
      "\x9b2J",
      "\x1bP+q\x1b\\",
      "\u202eabc",
      '{"a":"\u202e\x1b"}',
      "\r\x08",
    ),
  );
  fc.assert(
    fc.property(
      fc.array(hostile, { minLength: 5, maxLength: 5 }),
      fc.oneof(hostile.map(bytes), fc.uint8Array()),
      fc.boolean(),
      fc.boolean(),
      ([topic, type, sender, name, value], payload, lines, full) => {
        const odd = { ...event, topic, type, sender, headers: { [name]: value }, payload };
        const shown = eventText(odd, { lines, colors: false, full });
        // Text on lines of its own may have tabs, which do no harm.
        assert.doesNotMatch(lines ? shown.replaceAll("\t", "") : shown, OBEYED);
        if (!lines) assert.equal(shown.indexOf("\n"), shown.length - 1);
        assert.doesNotMatch(eventJson(odd), OBEYED);
        JSON.parse(eventJson(odd));
      },
    ),
  );
});

Deno.test("text is told from other bytes", () => {
  for (const text of ["", "a\tb\r\n", "\x1b[1m", "ü"]) assert.equal(textOf(bytes(text)), text);
  for (const binary of [[0], [0xc3], [0x61, 0x07], [0x7f]]) {
    assert.equal(textOf(new Uint8Array(binary)), null);
  }
});
