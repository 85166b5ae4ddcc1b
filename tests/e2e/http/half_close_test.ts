/**
 * A client that sends its requests and closes its sending side gets all its answers; what waits for others is given up
 * and says so, since a connection that was closed looks the same.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { ask, EventReader } from "../../support/http_api.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles, until } from "../../support/until.ts";
import { user } from "../../support/users.ts";

const LOGIN = `Authorization: Basic ${btoa("ada:ada's secret")}\r\n`;

/** A request in the bytes of HTTP. */
function request(line: string, headers = "", body = ""): string {
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  return `${line} HTTP/1.1\r\nHost: localhost\r\n${headers}${length}\r\n${body}`;
}

/** A connection that reads to its end. */
async function open(server: TestServer): Promise<{
  readonly connection: Deno.TcpConn;
  rest(): Promise<string>;
}> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("ws") });
  const rest = async () => await new Response(connection.readable).text();
  return { connection, rest: () => settles(rest(), "the end of the connection") };
}

/** Sends all of `requests`, closes the sending side behind them, and gives what comes back. */
async function halfClosed(server: TestServer, requests: string): Promise<string> {
  const { connection, rest } = await open(server);
  await connection.write(new TextEncoder().encode(requests));
  await connection.closeWrite();
  return await rest();
}

/** Opens a request that waits, and gives how to close its sending side. */
async function waiting(server: TestServer, text: string, waits: () => boolean) {
  const { connection, rest } = await open(server);
  await connection.write(new TextEncoder().encode(text));
  await until(waits, "the request waits");
  return async () => {
    await connection.closeWrite();
    return await rest();
  };
}

const statuses = (text: string) =>
  [...text.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => status);

Deno.test("http: requests, half a close, all answers, the end", async () => {
  await using server = await startServer({
    users: [await user("ada", "everything")],
    roles: { everything: { allow: { publish: ">", push: ">", call: ">" } } },
    keep: [{ pattern: "kept" }],
  });
  // A password is hashed for longer than the end of the input takes to come.
  for (
    const one of [
      request("POST /v1/publish/plain", LOGIN, "one"),
      request("POST /v1/publish/kept", LOGIN, "one"),
      request("POST /v1/queues/q", LOGIN, "one"),
      request("POST /v1/call/parley.v1.Demo/Nothing", LOGIN, "one"),
      request("POST /parley.v1.Queues/List", `${LOGIN}Content-Type: application/json\r\n`, "{}"),
    ]
  ) {
    const answer = await halfClosed(server, one);
    assert.equal(statuses(answer).length, 1, `${one}: ${answer}`);
  }
  const three = request("POST /v1/publish/plain", LOGIN, "one").repeat(3);
  assert.deepEqual(statuses(await halfClosed(server, three)), ["200", "200", "200"]);
  assert.equal(await halfClosed(server, ""), "");
  const cut = await halfClosed(
    server,
    request("POST /v1/publish/plain", LOGIN, "one").slice(0, -1),
  );
  assert.deepEqual(statuses(cut), ["400"]);
  await until(() => server.stats().connectionsOpen === 0, "all sessions are over");
});

Deno.test("http: a page is answered behind half a close, however often it is asked for", async () => {
  await using server = await startServer();
  for (let count = 0; count < 20; count++) {
    const answer = await halfClosed(server, request("GET /metrics").repeat(2));
    assert.deepEqual(statuses(answer), ["200", "200"]);
  }
});

Deno.test("http: a stream ends with half a close, says so, and leaves nothing behind", async () => {
  await using server = await startServer();
  await using reader = await EventReader.open(server, "pattern=x");
  await until(() => server.stats().subscriptions === 1, "the subscription");
  await reader.closeWrite();
  const last = await reader.next();
  assert.equal(last?.event, "end");
  assert.equal(last?.data.code, "FAILED_PRECONDITION");
  assert.match(last?.data.detail, /closed its sending side/);
  assert.equal(await reader.next(), null);
  await until(() => server.stats().subscriptions === 0, "the subscription is over");
  await until(() => server.stats().connectionsOpen === 0, "the session is over");
});

Deno.test("http: a pull that waits takes no job any more once its client has finished sending", async () => {
  await using server = await startServer();
  const pulls = () => server.stats().messagesIn >= 2;
  const close = await waiting(server, request("POST /v1/queues/q/pull?wait_ms=60000"), pulls);
  const answer = await close();
  assert.deepEqual(statuses(answer), ["409"]);
  assert.match(answer, /cannot pull from \\"q\\": the client has closed its sending side/);
  await ask(server, "/v1/queues/q", { body: "job" });
  const { json } = await ask(server, "/v1/queues/q/pull?wait_ms=30000");
  assert.deepEqual([json.jobs.length, json.jobs[0].attempt, json.jobs[0].redelivered], [
    1,
    1,
    false,
  ]);
});

Deno.test("http: a call is given up once its client has finished sending, and its service is told", async () => {
  await using server = await startServer();
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  const called = Promise.withResolvers<AbortSignal>();
  const told = Promise.withResolvers<string>();
  await using _service = await client.serve("acme.Slow", ({ signal }) => {
    signal.addEventListener("abort", () => told.resolve(""));
    called.resolve(signal);
    return told.promise;
  });
  let isCalled = false;
  called.promise.then(() => isCalled = true);
  const close = await waiting(server, request("POST /v1/call/acme.Slow"), () => isCalled);
  const answer = await close();
  assert.deepEqual(statuses(answer), ["409"]);
  assert.match(answer, /cannot call \\"acme.Slow\\": the client has closed its sending side/);
  await settles(told.promise, "that the call was given up");
});
