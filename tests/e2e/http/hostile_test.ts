/**
 * What no honest program sends to HTTP: broken frames of gRPC-Web, bombs of JSON, of fields and of compression, deadlines that no timer
 * takes. Each is refused with a word, none holds up the server, and it goes on.
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { join, varint } from "../../support/frames.ts";
import { ask } from "../../support/http_api.ts";
import { lengthDelimited } from "../../support/own_requests.ts";
import { startServer } from "../../support/server.ts";

const LIST = "/parley.v1.Queues/List";
const ADD_TYPES = "/parley.v1.Types/Add";
const JSON_TYPE = { "content-type": "application/json" };
const PROTO = { "content-type": "application/proto" };
const WEB = { "content-type": "application/grpc-web+proto" };
const utf8 = (text: string) => new TextEncoder().encode(text);

/** A frame of gRPC-Web that says to have so many bytes. */
function webFrame(flag: number, length: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(5);
  head[0] = flag;
  new DataView(head.buffer).setUint32(1, length);
  return join(head, body);
}

Deno.test("broken frames of gRPC-Web are refused with a code", async () => {
  await using server = await startServer();
  const none = new Uint8Array(0);
  const sound = await ask(server, LIST, { body: webFrame(0, 0, none), headers: WEB });
  assert.match(new TextDecoder().decode(sound.bytes), /grpc-status: 0/);
  const broken = [
    none,
    webFrame(0, 0xffff_ffff, utf8("x")),
    webFrame(1, 1, utf8("x")),
    webFrame(0x80, 5, utf8("hello")),
    join(webFrame(0, 0, none), webFrame(0, 0, none)),
    webFrame(0, 2, Uint8Array.of(0x0a, 0xff)),
    crypto.getRandomValues(new Uint8Array(1000)),
  ];
  for (const [index, body] of broken.entries()) {
    const { status, bytes } = await ask(server, LIST, { body, headers: WEB });
    assert.equal(status, 200, `${index}`);
    assert.match(new TextDecoder().decode(bytes), /grpc-status: [1-9]/, `${index}`);
  }
  for (
    const type of ["application/grpc", "application/grpc-web-text", "application/connect+json"]
  ) {
    const headers = { "content-type": type };
    assert.equal((await ask(server, LIST, { body: "x", headers })).status, 415, type);
  }
  assert.equal(server.stats().internalErrors, 0);
});

Deno.test("requests that would take long to read are refused unread", async () => {
  await using server = await startServer();
  const large = {
    "an array in arrays": "[".repeat(100_000),
    "messages in messages": '{"policy":'.repeat(10_000),
    "very many keys": `{${Array.from({ length: 9000 }, (_, index) => `"k${index}":1`).join()}}`,
  };
  for (const path of [LIST, ADD_TYPES, "/parley.v1.Demo/Echo"]) {
    for (const [what, body] of Object.entries(large)) {
      const { status, json } = await ask(server, path, { body, headers: JSON_TYPE });
      assert.deepEqual([status, json.code], [429, "resource_exhausted"], `${path}: ${what}`);
    }
  }
  // Fields that nobody knows, and that a reader would keep.
  const fields = join(...Array.from({ length: 40_000 }, () => join(varint(800), varint(1))));
  for (
    const [path, headers, body] of [
      [LIST, PROTO, fields],
      [ADD_TYPES, PROTO, fields],
      [ADD_TYPES, WEB, webFrame(0, fields.length, fields)],
    ] as const
  ) {
    const { bytes } = await ask(server, path, { body, headers });
    assert.match(new TextDecoder().decode(bytes), /resource_exhausted|grpc-status: 8/, path);
  }
  // As large as a set of descriptors may be, that is read, and is none.
  const set = lengthDelimited(1, new Uint8Array(700_000));
  const { json } = await ask(server, ADD_TYPES, { body: set, headers: PROTO });
  assert.equal(json.code, "invalid_argument");
  const settle = await ask(server, "/v1/queues/q/settle", { body: " ".repeat(300_000) });
  assert.deepEqual([settle.status, settle.json.code], [400, "INVALID_ARGUMENT"]);
  assert.equal(server.stats().internalErrors, 0);
});

Deno.test("bodies that are compressed are refused, however small", async () => {
  await using server = await startServer({ keep: [{ pattern: "k" }] });
  const bomb = new Uint8Array(gzipSync(new Uint8Array(50_000_000)));
  const headers = { "content-encoding": "gzip" };
  for (const path of ["/v1/publish/k", "/v1/queues/q", "/v1/call/acme.X", "/v1/queues/q/settle"]) {
    const { status, json } = await ask(server, path, { body: bomb, headers });
    assert.deepEqual([status, json.code], [400, "INVALID_ARGUMENT"], path);
    assert.match(json.detail, /Content-Encoding "gzip"/);
  }
  const plain = await ask(server, "/v1/publish/k", {
    body: "x",
    headers: { "content-encoding": "identity" },
  });
  assert.equal(plain.status, 200);
  for (const type of [JSON_TYPE, PROTO]) {
    const { status } = await ask(server, LIST, { body: bomb, headers: { ...headers, ...type } });
    assert.notEqual(status, 200);
  }
  assert.equal(server.stats().internalErrors, 0);
});

Deno.test("a deadline is one that a timer takes, or is refused", async () => {
  await using server = await startServer();
  for (const [ms, status] of [["0", 504], ["2147483647", 200], ["2147483648", 400], ["-1", 400]]) {
    const headers = { ...JSON_TYPE, "connect-timeout-ms": `${ms}` };
    const { status: found, json } = await ask(server, LIST, { body: "{}", headers });
    // At once it is over, or just not yet.
    if (ms === "0") assert([200, 504].includes(found), `${found}`);
    else assert.equal(found, status, `${ms}: ${JSON.stringify(json)}`);
  }
  for (const timeout of ["99999999H", "1x"]) {
    const headers = { ...WEB, "grpc-timeout": timeout };
    const body = webFrame(0, 0, new Uint8Array(0));
    const { bytes } = await ask(server, LIST, { body, headers });
    assert.match(new TextDecoder().decode(bytes), /grpc-status: [1-9]/, timeout);
  }
});
