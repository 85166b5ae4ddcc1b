/**
 * What two readers of HTTP could understand differently is refused, and the connection ends: nothing that follows is
 * taken for a request. The parser is node:http's; this holds what is relied upon.
 */
import assert from "node:assert/strict";
import { MAX_HEAD_BYTES, MAX_HEADERS } from "../../../lib/adapters/http/request.ts";
import { run } from "../../support/http_listener.ts";

const FIRST = "POST /healthz HTTP/1.1\r\nHost: localhost\r\n";
const NEXT = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

const REFUSED: Record<string, [request: string, status: number]> = {
  "lines that end in LF": ["GET /healthz HTTP/1.1\nHost: localhost\n\n", 505],
  "a header that ends in LF": ["GET /healthz HTTP/1.1\r\nHost: localhost\nX: a\r\n\r\n", 400],
  "a line that goes on in the next one": [`${FIRST}X: a\r\n b\r\n\r\n`, 400],
  "a space before the colon": [`${FIRST}X : a\r\n\r\n`, 400],
  "a header without a colon": [`${FIRST}X\r\n\r\n`, 400],
  "a NUL in a header": [`${FIRST}X: a\0b\r\n\r\n`, 400],
  "a CR in a header": [`${FIRST}X: a\rb\r\n\r\n`, 400],
  "two lengths": [`${FIRST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, 400],
  "a length and chunks": [
    `${FIRST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  "chunks that are not the last coding": [
    `${FIRST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    400,
  ],
  "another coding": [`${FIRST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  "a length with a sign": [`${FIRST}Content-Length: +3\r\n\r\nabc`, 400],
  "a length that is none": [`${FIRST}Content-Length: 0x3\r\n\r\nabc`, 400],
  "a length past every number": [`${FIRST}Content-Length: ${"9".repeat(30)}\r\n\r\nabc`, 400],
  "a method in small letters": ["get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
  "a target that is no ASCII": ["GET /h\u00e9 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
  "another version": ["GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505],
  "the preface of HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  "too many headers": [`${FIRST}${"X: a\r\n".repeat(MAX_HEADERS)}\r\n`, 431],
  "a head that is too long": [`${FIRST}X: ${"a".repeat(MAX_HEAD_BYTES)}\r\n\r\n`, 431],
  "two that authorize": [`${FIRST}Authorization: a b\r\nAuthorization: c d\r\n\r\n`, 400],
};

for (const [what, [request, status]] of Object.entries(REFUSED)) {
  Deno.test(`http: refused is ${what}`, async () => {
    await using running = run({ handshakeTimeoutMs: 200 });
    const text = await running.exchange(request + NEXT);
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, each]) => Number(each));
    assert.equal(statuses[0], status, text);
    if (status === 400) assert.deepEqual(statuses, [400], "nothing behind it is a request");
  });
}

Deno.test("http: as many headers, and as long a head, as there may be are taken", async () => {
  await using running = run();
  const head = NEXT.slice(0, -2);
  const many = "X: a\r\n".repeat(MAX_HEADERS - 2);
  assert.match(await running.exchange(`${head}${many}\r\n`), /^HTTP\/1\.1 200 /);
  const long = `X: ${"a".repeat(MAX_HEAD_BYTES - head.length - 100)}\r\n`;
  assert.match(await running.exchange(`${head}${long}\r\n`), /^HTTP\/1\.1 200 /);
});
