/**
 * What `parley pub` makes of standard input: lines, and lines of JSON, without a server.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { layOutJson, parseExactly } from "../../../lib/cli/terminal/json_text.ts";
import { linesOf } from "../../../lib/cli/terminal/lines.ts";
import { parsePublication, type Publication } from "../../../lib/cli/topics/pub_input.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array | string) =>
  typeof payload === "string" ? payload : new TextDecoder().decode(payload);

async function* inPieces(input: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const cut of [...cuts, input.length].sort((a, b) => a - b)) {
    const end = Math.min(Math.max(cut, at), input.length);
    yield await input.slice(at, end);
    at = end;
  }
}

async function collect(input: Uint8Array, cuts: readonly number[], maxBytes = 1000) {
  const lines: Uint8Array[] = [];
  for await (const line of linesOf(inPieces(input, cuts), maxBytes)) {
    assert.equal(line.number, lines.push(line.bytes));
  }
  return lines;
}

Deno.test("lines are the same wherever the input is cut", async () => {
  const input = fc.array(fc.constantFrom(0x0a, 0x0d, 0x00, 0x61, 0xff), { maxLength: 40 });
  await fc.assert(fc.asyncProperty(
    input.map((each) => new Uint8Array(each)),
    fc.array(fc.nat(40)),
    async (input, cuts) => {
      const lines = await collect(input, cuts);
      const expected = [...input].join().split("10").length;
      assert(lines.length <= expected);
      const joined = lines.flatMap((line) => [...line, 0x0a]);
      const whole = input.length === 0 || input.at(-1) === 0x0a ? [...input] : [...input, 0x0a];
      assert.deepEqual(joined, whole);
      for (const line of lines) assert(!line.includes(0x0a));
    },
  ));
});

Deno.test("a line that is too long is refused, with its number", async () => {
  assert.equal((await collect(bytes("1234\n1234"), [], 4)).length, 2);
  for (const cuts of [[], [3, 7]]) {
    await assert.rejects(collect(bytes("1234\n12345"), cuts, 4), {
      name: "RangeError",
      message: "line 2 has more than 4 bytes",
    });
  }
});

const defaults: Publication = {
  topic: "a.b",
  payload: "",
  type: "acme.T",
  headers: { kept: "1", other: "2" },
  messageId: "",
};

Deno.test("a line of JSON says what it says, and the arguments the rest", () => {
  const parse = (line: string) => parsePublication(bytes(line), defaults);
  assert.deepEqual(parse("{}"), defaults);
  assert.deepEqual(
    parse('{"topic":"c","type":"","payload":"x","headers":{"other":"3"},"message_id":"m"}'),
    { topic: "c", type: "", payload: "x", headers: { kept: "1", other: "3" }, messageId: "m" },
  );
  assert.equal(text(parse('{"payload_base64":"AP//"}').payload).length, 3);
  assert.deepEqual(parse('{"payload_base64":"AP//"}').payload, new Uint8Array([0, 255, 255]));
  const own = parse('{"headers":{"__proto__":"x"}}').headers;
  assert.deepEqual(Object.entries(own).at(-1), ["__proto__", "x"]);
});

Deno.test("what sub --json prints can be published: stamps are passed over", () => {
  const line = '{"time":"2026-01-01T00:00:00Z","sender":"s","seq":1,"group":"g","topic":"t"}';
  assert.equal(parsePublication(bytes(line), defaults).topic, "t");
});

Deno.test("JSON in a payload keeps its numbers as they were written", () => {
  const exact = '{"id":12345678901234567890,"price":1.10,"tiny":1e-400,"list":[0,-0]}';
  const { payload } = parsePublication(bytes(`{"payload_json": ${exact}}`), defaults);
  assert.equal(payload, exact);
  for (const [json, payload] of [["null", "null"], ["7", "7"], ['"x"', '"x"'], ["[]", "[]"]]) {
    assert.equal(
      parsePublication(bytes(`{"payload_json": ${json}}`), defaults).payload,
      payload,
    );
  }
});

Deno.test("JSON that is laid out means the same", () => {
  fc.assert(fc.property(fc.json(), (json) => {
    for (const indent of [null, "  "]) {
      assert.deepEqual(JSON.parse(layOutJson(json, indent)), JSON.parse(json));
    }
    assert.equal(layOutJson(JSON.stringify(JSON.parse(json), null, 2), null), compact(json));
    assert.equal(JSON.stringify(parseExactly(json)).length, compact(json).length);
  }));
  assert.equal(
    layOutJson('{"a":[1,{}],"b":[]}', "  "),
    '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
  );
  function compact(json: string) {
    return JSON.stringify(JSON.parse(json));
  }
});

Deno.test("a line that is wrong is refused with what would be accepted", () => {
  const cases: [line: string, message: RegExp][] = [
    ["{", /^it is no JSON: /],
    ["7", /^it is no JSON object; accepted: \{"topic"/],
    ["[]", /^it is no JSON object/],
    ['{"topik":"a"}', /^unknown key "topik"; did you mean topic\?$/],
    ['{"zzz":1}', /^unknown key "zzz"; accepted: topic, type, headers/],
    ['{"payload":{}}', /^"payload" must be a text; payload_json takes any JSON$/],
    ['{"payload":7}', /^"payload" must be a text/],
    ['{"type":7}', /^"type" must be a text$/],
    ['{"headers":{"a":1}}', /^"headers" must be an object of texts/],
    ['{"headers":[]}', /^"headers" must be an object of texts/],
    ['{"headers":7}', /^"headers" must be an object of texts/],
    ['{"payload_base64":"*"}', /^"payload_base64" is not Base64$/],
    ['{"payload":"a","payload_json":1}', /^it has both payload and payload_json/],
    ['{"topic":""}', /^it has no "topic"/],
  ];
  for (const [line, message] of cases) {
    assert.throws(() => parsePublication(bytes(line), defaults), { message }, line);
  }
  assert.throws(() => parsePublication(new Uint8Array([0x22, 0xff]), defaults), {
    message: /it is not valid UTF-8$/,
  });
  assert.throws(() => parsePublication(bytes("{}"), { ...defaults, topic: "" }), {
    message: 'it has no "topic", and none was given as an argument',
  });
});
