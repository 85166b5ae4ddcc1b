/**
 * Calls over HTTP: of services that others answer, and of the server's own methods as Connect and gRPC-Web have them.
 */
import assert from "node:assert/strict";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { AddRequestSchema, AddResponseSchema, Demo } from "../../../lib/gen/parley/v1/demo_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask, refused, urlOf } from "../../support/http_api.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";

const JSON_TYPE = { "content-type": "application/json" };
const PROTO_TYPE = { "content-type": "application/proto" };
const tcp = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;

/** Answers nothing before the call is given up. */
function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve("")));
}

Deno.test("http: a call is answered by whoever serves the method", async () => {
  await using server = await startServer();
  await using client = await connect(tcp(server));
  await using _service = await client.serve("acme.Text/Upper", ({ payload, type, headers }) => ({
    payload: new TextDecoder().decode(payload).toUpperCase(),
    type,
    headers: { "content-type": headers["content-type"] ?? "", "color": headers.color ?? "" },
  }));
  const answer = await ask(server, "/v1/call/acme.Text/Upper?type=acme.Text", {
    body: "hello",
    headers: { "content-type": "text/plain", "parley-header-color": "red" },
  });
  assert.equal(answer.status, 200);
  assert.equal(new TextDecoder().decode(answer.bytes), "HELLO");
  assert.equal(answer.headers.get("content-type"), "text/plain");
  assert.equal(answer.headers.get("parley-type"), "acme.Text");
  assert.equal(answer.headers.get("parley-header-color"), "red");
});

Deno.test("http: no service puts more into the head of an answer than its own headers", async () => {
  await using server = await startServer();
  await using client = await connect(tcp(server));
  const hostile = {
    "content-type": "text/html\r\nSet-Cookie: a=b",
    "x": "1\r\nSet-Cookie: a=b\r\n\r\n<script>",
    "bad name": "1",
    "set-cookie": "a=b",
    "ce-x": 'é "%\u0000',
    "ü": "1",
    "u": "grün \u202e",
  };
  await using _service = await client.serve("acme.Hostile", () => ({
    payload: "<script>",
    headers: hostile,
  }));
  const { status, headers, bytes } = await ask(server, "/v1/call/acme.Hostile");
  assert.equal(status, 200);
  assert.equal(new TextDecoder().decode(bytes), "<script>");
  assert.equal(headers.get("set-cookie"), null);
  assert.equal(headers.get("content-type"), "application/octet-stream");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/);
  assert.equal(headers.get("parley-header-x"), "1  Set-Cookie: a=b    <script>");
  assert.equal(headers.get("parley-header-set-cookie"), "a=b");
  assert.equal(decodeURIComponent(headers.get("ce-x") ?? ""), hostile["ce-x"]);
  const utf8 = Uint8Array.from(headers.get("parley-header-u") ?? "", (one) => one.charCodeAt(0));
  assert.equal(new TextDecoder().decode(utf8), hostile.u);
});

Deno.test("http: a call fails with the error of its service, its deadline, or that there is none", async () => {
  await using server = await startServer();
  await using client = await connect(tcp(server));
  await using _refuses = await client.serve("acme.Refuses", () => {
    throw new ParleyError(ErrorCode.NOT_FOUND, "no such lamp", { accepted: "a lamp" });
  });
  await using _never = await client.serve("acme.Never", ({ signal }) => untilAborted(signal));
  const problem = await refused(server, "/v1/call/acme.Refuses", {}, [404, "NOT_FOUND"]);
  assert.deepEqual([problem.detail, problem.accepted], ["no such lamp", "a lamp"]);
  await refused(server, "/v1/call/acme.Never?timeout_ms=50", {}, [504, "DEADLINE_EXCEEDED"]);
  await refused(server, "/v1/call/acme.Nobody", {}, [503, "UNAVAILABLE"]);
  const invalid = [400, "INVALID_ARGUMENT"] as const;
  await refused(server, "/v1/call/acme.Never?timeout_ms=0", {}, invalid);
  await refused(server, "/v1/call/acme.Never?timeout_ms=3600001", {}, invalid);
  await refused(server, "/v1/call/acme.Never?timeout_ms=2147483648", {}, invalid);
});

Deno.test("http: a client that is gone gives its call up", async () => {
  await using server = await startServer();
  await using client = await connect(tcp(server));
  const called = Promise.withResolvers<AbortSignal>();
  await using _service = await client.serve("acme.Slow", ({ signal }) => {
    called.resolve(signal);
    return untilAborted(signal);
  });
  const gone = new AbortController();
  const asking = ask(server, "/v1/call/acme.Slow", { signal: gone.signal }).catch(() => null);
  const signal = await settles(called.promise, "the call");
  const cancelled = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve());
  });
  gone.abort();
  await asking;
  await settles(cancelled, "that the call was given up");
});

Deno.test("http: the server's own methods answer JSON and protobuf", async () => {
  await using server = await startServer();
  const sum = await ask(server, "/parley.v1.Demo/Add", {
    body: '{"a":40,"b":2}',
    headers: JSON_TYPE,
  });
  assert.deepEqual([sum.status, sum.json], [200, { result: 42 }]);
  const proto = await ask(server, "/parley.v1.Demo/Add", {
    body: toBinary(AddRequestSchema, create(AddRequestSchema, { a: -1, b: 1 })),
    headers: PROTO_TYPE,
  });
  assert.equal(proto.headers.get("content-type"), "application/proto");
  assert.equal(fromBinary(AddResponseSchema, proto.bytes).result, 0);
  const over = await ask(server, "/parley.v1.Demo/Add", {
    body: '{"a":2147483647,"b":1}',
    headers: JSON_TYPE,
  });
  assert.deepEqual([over.status, over.json.code], [400, "invalid_argument"]);
  assert.match(over.json.details[0].debug.code, /INVALID_ARGUMENT/);
  for (const body of ['{"a":2147483648}', "{", '{"c":1}']) {
    const answer = await ask(server, "/parley.v1.Demo/Add", { body, headers: JSON_TYPE });
    assert.deepEqual([answer.status, answer.json.code], [400, "invalid_argument"], body);
  }
  assert.equal((await ask(server, "/parley.v1.Demo/Nothing", { headers: JSON_TYPE })).status, 404);
  const text = await ask(server, "/parley.v1.Demo/Add", { headers: { "content-type": "text/x" } });
  assert.equal(text.status, 415);
});

Deno.test("http: curl asks the server's own methods", async () => {
  await using server = await startServer();
  await ask(server, "/v1/queues/q");
  const command = new Deno.Command("curl", {
    args: [
      ...["-sS", "--fail-with-body", "-H", "content-type: application/json", "-d", "{}"],
      urlOf(server, "/parley.v1.Queues/List"),
    ],
  });
  const { code, stdout } = await settles(command.output(), "curl");
  assert.equal(code, 0);
  const { queues } = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual(queues.map(({ queue, ready }: Record<string, string>) => [queue, ready]), [
    ["q", "1"],
  ]);
});

for (
  const [name, transportOf] of Object.entries({
    "Connect": createConnectTransport,
    "Connect with JSON": (options: { baseUrl: string; fetch: typeof fetch }) =>
      createConnectTransport({ ...options, useBinaryFormat: false }),
    "gRPC-Web": createGrpcWebTransport,
  })
) {
  Deno.test(`http: a generated client of ${name} asks the server's own methods`, async () => {
    await using server = await startServer({ keep: [{ pattern: "k.>" }] });
    const http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    try {
      const transport = transportOf({
        baseUrl: urlOf(server, ""),
        fetch: (input: string | URL | Request, init?: RequestInit) =>
          fetch(input, { ...init, client: http } as RequestInit & { client: Deno.HttpClient }),
      });
      assert.equal((await createClient(Demo, transport).add({ a: 1, b: 2 })).result, 3);
      await ask(server, "/v1/publish/k.a");
      const { topics } = await createClient(Topics, transport).list({});
      assert.deepEqual(topics.map(({ topic, events }) => [topic, events]), [["k.a", 1n]]);
      await assert.rejects(
        createClient(Queues, transport).info({ queue: "none" }),
        (error) => error instanceof ConnectError && error.code === Code.NotFound,
      );
    } finally {
      http.close();
    }
  });
}
