/**
 * Heads of requests: what is one, what is none, and that pieces do not matter.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  emptyLines,
  headEnd,
  HttpFault,
  isUpgrade,
  MAX_EMPTY_LINES,
  MAX_HEAD_BYTES,
  MAX_HEADERS,
  parseHead,
  type RequestHead,
} from "../../../lib/adapters/http/head.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Reads a head as a connection would that gets all of it at once. */
function read(text: string): RequestHead {
  const bytes = latin1(text);
  const end = headEnd(bytes, bytes.length, 0);
  assert(end > 0, "the head is whole");
  return parseHead(bytes.subarray(0, end));
}

function faultOf(text: string): number {
  try {
    read(text);
  } catch (reason) {
    assert(reason instanceof HttpFault, `${reason}`);
    return reason.status;
  }
  return 0;
}

Deno.test("a head is taken apart", () => {
  const head = read(
    "GET /ws?a=b HTTP/1.1\r\nHost: localhost:7380\r\nX-Two: a\r\nx-two:b \t\r\nEmpty:\r\n\r\nrest",
  );
  assert.deepEqual([head.method, head.target, head.path], ["GET", "/ws?a=b", "/ws"]);
  assert.deepEqual({ ...head.headers }, { host: "localhost:7380", "x-two": "a, b", empty: "" });
  assert.deepEqual([head.count("host"), head.count("x-two"), head.count("y")], [1, 2, 0]);
  assert.deepEqual([head.keepAlive, head.hasBody], [true, false]);
});

Deno.test("what the connection is to become is read from its headers", () => {
  const head = (version: string, ...lines: string[]) =>
    read(`GET / HTTP/${version}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  assert.equal(head("1.0").keepAlive, false);
  assert.equal(head("1.1", "Connection: Close").keepAlive, false);
  assert.equal(head("1.1", "Content-Length: 0").hasBody, true);
  assert.equal(head("1.1", "Transfer-Encoding: chunked").hasBody, true);
  assert.equal(
    isUpgrade(head("1.1", "Upgrade: websocket", "Connection: keep-alive, UPGRADE")),
    true,
  );
  assert.equal(isUpgrade(head("1.1", "Upgrade: websocket")), false);
  assert.equal(isUpgrade(head("1.1", "Connection: Upgrade")), false);
});

Deno.test("a target is a path, or a URL whose host counts instead of the header", () => {
  const head = (target: string, method = "GET") =>
    read(`${method} ${target} HTTP/1.1\r\nHost: header.example\r\n\r\n`);
  const paths: Record<string, [string, string]> = {
    "/healthz?a=b": ["header.example", "/healthz"],
    "http://url.example:7380/healthz?a=/b": ["url.example:7380", "/healthz"],
    "HTTPS://url.example": ["url.example", "/"],
    "http://[::1]:1?x": ["[::1]:1", "/"],
  };
  for (const [target, expected] of Object.entries(paths)) {
    const { headers, path } = head(target);
    assert.deepEqual([headers["host"], path], expected, target);
  }
  assert.equal(head("*", "OPTIONS").path, "*");
  assert.equal(head("a.example:1", "CONNECT").path, "a.example:1");
  for (const target of ["*", "a.example:1", "healthz", "ftp://a/b", "http://", "http://u@a/"]) {
    assert.equal(faultOf(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`), 400, target);
  }
});

Deno.test("HTTP/1.0 becomes no other protocol", () => {
  const upgrade = (version: string) =>
    read(`GET /ws HTTP/${version}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`);
  assert.deepEqual([upgrade("1.0").isOld, isUpgrade(upgrade("1.0"))], [true, false]);
  assert.deepEqual([upgrade("1.1").isOld, isUpgrade(upgrade("1.1"))], [false, true]);
});

Deno.test("empty lines before a request are passed over, a few of them", () => {
  const count = (text: string, before = 0) => emptyLines(latin1(text), text.length, before);
  assert.equal(count(""), 0);
  assert.equal(count("\r"), 0, "the rest of the line has not come");
  assert.equal(headEnd(latin1("\r"), 1, 0), 0, "and is waited for");
  assert.equal(count("\r\n"), 2);
  assert.equal(count("\r\n\rG"), 2);
  assert.equal(count("GET"), 0);
  assert.equal(count("\n\n"), 0);
  const most = "\r\n".repeat(MAX_EMPTY_LINES);
  assert.equal(count(`${most}GET`), most.length);
  assert.equal(count("\r\n", most.length - 2), 2);
  assert.throws(() => count(`${most}\r\n`), HttpFault);
  assert.throws(() => count("\r\n", most.length), HttpFault);
});

Deno.test("a header may have the name of what every object has", () => {
  const head = read("GET / HTTP/1.1\r\n__proto__: a\r\nconstructor: b\r\n\r\n");
  assert.equal(head.count("constructor"), 1);
  assert.equal(head.headers["constructor"], "b");
  assert.equal(head.headers["host"], undefined);
  assert.equal(head.headers["toString"], undefined);
});

Deno.test("what two readers could read differently is refused", () => {
  const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  assert.equal(faultOf(good), 0);
  const bad: Record<string, string> = {
    "a bare line feed": "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "a bare line feed between headers": "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare carriage return": "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a line that goes on": "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a header without a name": "GET / HTTP/1.1\r\n: a\r\n\r\n",
    "a header without a colon": "GET / HTTP/1.1\r\nHost\r\n\r\n",
    "a zero byte": "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "a letter outside ASCII in a name": "GET / HTTP/1.1\r\nH\u00e4: a\r\n\r\n",
    "two spaces": "GET  / HTTP/1.1\r\n\r\n",
    "no target": "GET HTTP/1.1\r\n\r\n",
    "no version": "GET /\r\n\r\n",
    "a lower-case method": "gET / HTTP/1.1\r\n\r\n",
    "a space in the target": "GET /a b HTTP/1.1\r\n\r\n",
    "an empty line first": "\r\nGET / HTTP/1.1\r\n\r\n",
    "another protocol": "HTTP/1.1 200 OK\r\n\r\n",
  };
  for (const [name, text] of Object.entries(bad)) assert.equal(faultOf(text), 400, name);
  assert.equal(faultOf("GET / HTTP/2.0\r\n\r\n"), 505);
});

Deno.test("a head has at most so many headers and bytes, and exactly as many are taken", () => {
  const withHeaders = (count: number) => `GET / HTTP/1.1\r\n${"a: b\r\n".repeat(count)}\r\n`;
  assert.equal(faultOf(withHeaders(MAX_HEADERS - 1)), 0);
  assert.equal(faultOf(withHeaders(MAX_HEADERS)), 0);
  assert.equal(faultOf(withHeaders(MAX_HEADERS + 1)), 431);
  assert.equal(MAX_HEADERS, 100);
  const ofBytes = (count: number) =>
    latin1(`GET / HTTP/1.1\r\na: ${"b".repeat(count - 23)}\r\n\r\n`);
  for (const length of [MAX_HEAD_BYTES - 1, MAX_HEAD_BYTES]) {
    const bytes = ofBytes(length);
    assert.equal(bytes.length, length);
    // As it comes: all but the last byte, then the last.
    assert.equal(headEnd(bytes, length - 1, 0), 0);
    assert.equal(headEnd(bytes, length, length - 1), length);
    assert.equal(parseHead(bytes).count("a"), 1);
  }
  const more = ofBytes(MAX_HEAD_BYTES + 1);
  assert.throws(() => headEnd(more, MAX_HEAD_BYTES, 0), HttpFault);
  assert.equal(MAX_HEAD_BYTES, 16_384);
});

Deno.test("bytes that begin no request are refused before more of them come", () => {
  for (const first of ["\0", "\n", "a", "\x16", "1", " "]) {
    assert.throws(() => headEnd(latin1(first), 1, 0), HttpFault);
  }
  const long = latin1("A".repeat(MAX_HEAD_BYTES));
  assert.equal(headEnd(long, MAX_HEAD_BYTES - 1, 0), 0);
  assert.throws(() => headEnd(long, MAX_HEAD_BYTES, 0), HttpFault);
});

Deno.test("pieces do not matter, and anything is either a head or a fault", () => {
  const piece = fc.constantFrom(
    ..."GET|POST| |/|/ws|HTTP/1.1|\r\n|\r\n\r\n|\n|\r|:|Host: a|Upgrade: x|\0|\xff|,".split("|"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(9)), (pieces, cuts) => {
      const bytes = latin1(`GET / HTTP/1.1\r\n${pieces.join("")}`);
      const whole = outcomeOf(() => headEnd(bytes, bytes.length, 0));
      let looked = 0;
      let length = 0;
      let cut: unknown = 0;
      for (let index = 0; cut === 0 && length < bytes.length; index++) {
        length = Math.min(bytes.length, length + 1 + (cuts[index % (cuts.length || 1)] ?? 0));
        cut = outcomeOf(() => headEnd(bytes, length, looked));
        looked = length;
      }
      assert.deepEqual(cut, whole);
      if (typeof whole === "number" && whole > 0) {
        outcomeOf(() => parseHead(bytes.subarray(0, whole)));
      }
    }),
    { numRuns: 5000 },
  );
});

/** What a function gives, or the status of the fault that it raises; any other error goes on. */
function outcomeOf<T>(read: () => T): T | string {
  try {
    return read();
  } catch (reason) {
    if (reason instanceof HttpFault) return `fault ${reason.status}`;
    throw reason;
  }
}
