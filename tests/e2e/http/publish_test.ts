/**
 * Publishing over HTTP: what is delivered, what is answered, and what is refused, as on every other listener.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { ask, refused, urlOf } from "../../support/http_api.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";

const KEPT = { keep: [{ pattern: "kept.>" }] };
const text = (payload?: Uint8Array) => new TextDecoder().decode(payload);
const tcp = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;

Deno.test("http: what is posted to a topic is published with its type, headers and id", async () => {
  await using server = await startServer(KEPT);
  await using client = await connect(tcp(server));
  const events = (await client.subscribe("a.>"))[Symbol.asyncIterator]();
  const answer = await ask(server, "/v1/publish/a.b?type=acme.v1.Made", {
    body: '{"n":1}',
    headers: {
      "content-type": "application/json; charset=utf-8",
      "parley-header-Color": "gr\u00c3\u00bcn",
      "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "idempotency-key": '"k-1"',
      "x-other": "left out",
    },
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { level: "ROUTED", receivers: 1 });
  const { value } = await settles(events.next(), "the event");
  assert.equal(value?.topic, "a.b");
  assert.equal(value?.type, "acme.v1.Made");
  assert.equal(text(value?.payload), '{"n":1}');
  assert.equal(value?.messageId, "k-1");
  assert.deepEqual({ ...value?.headers }, {
    "content-type": "application/json; charset=utf-8",
    "color": "grün",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  });
});

Deno.test("http: a kept topic answers the seq, and the same key again is a duplicate", async () => {
  await using server = await startServer(KEPT);
  const post = () => ask(server, "/v1/publish/kept.a", { headers: { "idempotency-key": "one" } });
  const { json } = await post();
  assert.deepEqual({ seq: json.seq, duplicate: json.duplicate }, { seq: 1, duplicate: false });
  assert.equal((await post()).json.duplicate, true);
  assert.equal((await ask(server, "/v1/publish/kept.a")).json.seq, 2);
});

Deno.test("http: a cloud event in binary mode keeps its attributes and names its type", async () => {
  await using server = await startServer();
  await using client = await connect(tcp(server));
  const events = (await client.subscribe("ce"))[Symbol.asyncIterator]();
  const cloud = {
    "ce-specversion": "1.0",
    "ce-id": "A234-1234",
    "ce-source": "/acme/orders",
    "ce-type": "com.acme.order",
    "ce-subject": "caf%C3%A9%20%22x%22",
  };
  assert.equal((await ask(server, "/v1/publish/ce", { headers: cloud })).status, 200);
  const { value } = await settles(events.next(), "the event");
  assert.equal(value?.type, "com.acme.order");
  assert.equal(value?.headers["ce-subject"], 'café "x"');
  assert.equal(value?.headers["ce-source"], "/acme/orders");
  const { "ce-id": _, ...without } = cloud;
  const invalid = [400, "INVALID_ARGUMENT"] as const;
  const missing = await refused(server, "/v1/publish/ce", { headers: without }, invalid);
  assert.match(missing.detail, /ce-id/);
  const old = { ...cloud, "ce-specversion": "0.3" };
  const version = await refused(server, "/v1/publish/ce", { headers: old }, invalid);
  assert.match(version.accepted, /1\.0/);
});

Deno.test("http: what cannot be published is a problem that says why", async () => {
  await using server = await startServer();
  const invalid = [400, "INVALID_ARGUMENT"] as const;
  assert.match(
    (await refused(server, "/v1/publish/a.*", {}, invalid)).detail,
    /cannot publish to "a\.\*"/,
  );
  assert.match(
    (await refused(server, "/v1/publish/a?typ=x", {}, invalid)).accepted,
    /type/,
  );
  await refused(server, "/v1/publish/a?type=x&type=y", {}, invalid);
  await refused(server, "/v1/publish/a?type=%20", {}, invalid);
  await refused(server, "/v1/publish/room.x", {}, [403, "PERMISSION_DENIED"]);
  const binary = { headers: { "parley-header-a": "\u00ff" } };
  await refused(server, "/v1/publish/a", binary, invalid);
  const long = { headers: { "idempotency-key": "k".repeat(257) } };
  await refused(server, "/v1/publish/a", long, invalid);
  await refused(server, "/v1/publish/a", { headers: { authorization: "Digest x" } }, [
    401,
    "UNAUTHENTICATED",
  ]);
  for (const method of ["GET", "PUT", "DELETE"]) {
    const answer = await ask(server, "/v1/publish/a", { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.get("allow"), "POST, OPTIONS");
  }
  assert.equal((await ask(server, "/v1/publish/a/b")).status, 404);
  assert.equal((await ask(server, "/v1/publish/%ff")).status, 404);
});

Deno.test("http: a body has the size of a message at most, announced or in chunks", async () => {
  await using server = await startServer({ limits: { max_frame_bytes: 4096 } });
  const chunked = (bytes: number) => new Blob([new Uint8Array(bytes)]).stream();
  for (const bytes of [4000, 4096, 4097, 100_000]) {
    for (const body of [new Uint8Array(bytes), chunked(bytes)]) {
      const answer = await ask(server, "/v1/publish/a", { body });
      // The topic and the tags are a part of the message.
      const status = bytes <= 4000 ? 200 : bytes <= 4096 ? 429 : 413;
      assert.equal(answer.status, status, `${bytes} bytes`);
      if (status === 413) assert.match(answer.json.accepted, /at most 4096 bytes/);
    }
  }
  assert.equal((await ask(server, "/v1/publish/a")).status, 200, "the server goes on");
});

Deno.test("http: pages of configured origins may ask, those of others may not", async () => {
  const origin = "https://app.example";
  await using server = await startServer({ listen: { origins: origin } });
  const preflight = await ask(server, "/v1/publish/a", {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,parley-header-a",
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), origin);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "POST, OPTIONS");
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /parley-header-a/);
  const shared = await ask(server, "/v1/publish/a", { headers: { origin } });
  assert.equal(shared.status, 200);
  assert.equal(shared.headers.get("access-control-allow-origin"), origin);
  assert.equal(shared.headers.get("vary"), "Origin");
  const foreign = await ask(server, "/v1/publish/a", {
    headers: { origin: "https://evil.example" },
  });
  assert.equal(foreign.status, 403);
  assert.equal(foreign.headers.get("access-control-allow-origin"), null);
});

Deno.test("http: curl publishes, with what it sends when it is told nothing", async () => {
  await using server = await startServer();
  await using client = await connect(tcp(server));
  const events = (await client.subscribe("c"))[Symbol.asyncIterator]();
  const command = new Deno.Command("curl", {
    args: ["-sS", "--fail-with-body", "-d", "hello", urlOf(server, "/v1/publish/c")],
  });
  const { code, stdout } = await settles(command.output(), "curl");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(text(stdout)), { level: "ROUTED", receivers: 1 });
  const { value } = await settles(events.next(), "the event");
  assert.equal(text(value?.payload), "hello");
  assert.deepEqual({ ...value?.headers }, {}, "it says nothing of the body");
});
