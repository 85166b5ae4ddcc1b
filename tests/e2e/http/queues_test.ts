/**
 * Queues over HTTP: a job that one request has pulled is settled by another one on another connection, and comes back
 * when nobody settles it.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { ask, refused } from "../../support/http_api.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";
import { settles, until } from "../../support/until.ts";

const push = (server: TestServer, body = "job", query = "") =>
  ask(server, `/v1/queues/q${query}`, { body });
const pull = async (server: TestServer, query = "") =>
  (await ask(server, `/v1/queues/q/pull${query}`)).json.jobs;
const settle = (server: TestServer, said: unknown) =>
  ask(server, "/v1/queues/q/settle", { body: JSON.stringify(said) });

Deno.test("http: a job is pushed, pulled with all that was said of it, and acknowledged", async () => {
  await using server = await startServer();
  const pushed = await ask(server, "/v1/queues/q?priority=3&key=k&type=acme.Scale", {
    body: '{"n":1}',
    headers: { "content-type": "application/json", "idempotency-key": "one" },
  });
  assert.equal(pushed.status, 200);
  assert.equal(pushed.json.id, 1);
  const again = await ask(server, "/v1/queues/q", { headers: { "idempotency-key": "one" } });
  assert.deepEqual([again.json.id, again.json.duplicate], [1, true]);
  const [job, ...more] = await pull(server, "?max=5");
  assert.equal(more.length, 0);
  const { token, time, sender, ...rest } = job;
  assert(typeof token === "string" && typeof sender === "string");
  assert(Math.abs(Date.parse(time) - Date.now()) < 3_600_000);
  assert.deepEqual(rest, {
    queue: "q",
    id: 1,
    attempt: 1,
    redelivered: false,
    lease_ms: 30_000,
    type: "acme.Scale",
    message_id: "one",
    key: "k",
    priority: 3,
    headers: { "content-type": "application/json" },
    data: { n: 1 },
  });
  const done = await settle(server, { tokens: [token], verdict: "ack" });
  assert.equal(done.status, 200);
  assert.deepEqual(done.json.late, []);
  await refused(server, "/v1/queues/q/settle", {
    body: JSON.stringify({ tokens: [token], verdict: "ack" }),
  }, [409, "FAILED_PRECONDITION"]);
  assert.deepEqual(await pull(server), []);
});

Deno.test("http: every verdict does what it does elsewhere", async () => {
  await using server = await startServer({ queue: [{ name: "q", backoff_min_ms: 1 }] });
  await push(server, "\u0001\u00ff");
  let [job] = await pull(server);
  await settle(server, { tokens: [job.token], verdict: "nack", delay_ms: 0, error: "no" });
  [job] = await pull(server, "?wait_ms=10000");
  assert.deepEqual([job.attempt, job.redelivered], [2, true]);
  await settle(server, { tokens: [job.token], verdict: "release" });
  [job] = await pull(server, "?wait_ms=10000");
  assert.equal(job.attempt, 2, "a release does not count");
  const extended = await settle(server, {
    tokens: [job.token],
    verdict: "extend",
    delay_ms: 60_000,
  });
  assert.equal(extended.json.level, "ROUTED");
  await settle(server, { tokens: [job.token], verdict: "reject", error: "broken" });
  const dead = await ask(server, "/v1/queues/q.dead/pull?wait_ms=10000");
  const [letter] = dead.json.jobs;
  assert.equal(letter.death.reason, "REJECTED");
  assert.equal(letter.death.last_error, "broken");
  assert.equal(letter.death.queue, "q");
});

Deno.test("http: of several tokens the late ones are told, and jobs come in batches", async () => {
  await using server = await startServer();
  for (let count = 0; count < 7; count++) await push(server, `${count}`);
  const jobs = await pull(server, "?max=5");
  assert.deepEqual(jobs.map((job: { data: string }) => job.data), ["0", "1", "2", "3", "4"]);
  const tokens = jobs.map((job: { token: string }) => job.token);
  await settle(server, { tokens: [tokens[0]], verdict: "ack" });
  const rest = await settle(server, { tokens, verdict: "ack" });
  assert.deepEqual([rest.status, rest.json.late], [200, [tokens[0]]]);
  assert.equal((await pull(server, "?max=1000")).length, 2);
});

Deno.test("http: a pull waits for a job, and answers as soon as there is one", async () => {
  await using server = await startServer();
  const waiting = pull(server, "?wait_ms=60000");
  await until(() => server.stats().connectionsTotal > 0, "somebody waits");
  await push(server);
  assert.equal((await settles(waiting, "the job")).length, 1);
});

Deno.test("http: a client that is gone before its job comes gets none", async () => {
  await using server = await startServer();
  const gone = new AbortController();
  const waiting = pull(server, "?wait_ms=60000").catch(() => null);
  const leaving = ask(server, "/v1/queues/q/pull?wait_ms=60000", { signal: gone.signal })
    .catch(() => null);
  await until(() => server.stats().messagesIn >= 3, "both wait");
  gone.abort();
  await leaving;
  await push(server);
  await push(server);
  assert.equal((await settles(waiting, "the other's job")).length, 1);
  assert.equal((await pull(server, "?wait_ms=30000")).length, 1, "the second is still to be had");
});

Deno.test("http: what nobody settles comes back when its lease is over", async () => {
  await using server = await startServer({ queue: [{ name: "q", lease_ms: 1000 }] });
  await push(server);
  const [first] = await pull(server);
  const [second] = await pull(server, "?wait_ms=30000");
  assert.deepEqual([second.id, second.attempt, second.redelivered], [1, 2, true]);
  const late = await settle(server, { tokens: [first.token, second.token], verdict: "ack" });
  assert.deepEqual(late.json.late, [first.token]);
});

Deno.test("http: nobody settles what another user has pulled", async () => {
  const users = [await user("ada", "all"), await user("bob", "all")];
  const roles = { all: { allow: { push: ">", pull: ">" } } };
  await using server = await startServer({ users, roles });
  const as = (name: string) => ({ authorization: `Basic ${btoa(`${name}:${name}'s secret`)}` });
  await ask(server, "/v1/queues/q", { headers: as("ada") });
  const pulled = await ask(server, "/v1/queues/q/pull", { headers: as("ada") });
  const body = JSON.stringify({ tokens: [pulled.json.jobs[0].token], verdict: "ack" });
  const path = "/v1/queues/q/settle";
  await refused(server, path, { body, headers: as("bob") }, [409, "FAILED_PRECONDITION"]);
  assert.equal((await ask(server, path, { body, headers: as("ada") })).status, 200);
});

Deno.test("http: settles that are none are refused, and say what would be one", async () => {
  await using server = await startServer();
  const invalid = [400, "INVALID_ARGUMENT"] as const;
  const bodies = [
    "",
    "[]",
    "null",
    '{"tokens":[],"verdict":"ack"}',
    '{"tokens":["x"],"verdict":"ack"}',
    '{"tokens":[1],"verdict":"ack"}',
    '{"tokens":["a.1.1"],"verdict":"done"}',
    '{"tokens":["a.1.1"],"verdict":"nack","delay_ms":-1}',
    '{"tokens":["a.1.1"],"verdict":"nack","delay_ms":9007199254740993}',
    '{"tokens":["a.1.1"],"verdict":"nack","error":1}',
    '{"tokens":["a.1.1"],"verdict":"ack","more":1}',
    JSON.stringify({ tokens: Array(1001).fill("a.1.1"), verdict: "ack" }),
  ];
  for (const body of bodies) {
    const { accepted } = await refused(server, "/v1/queues/q/settle", { body }, invalid);
    assert.notEqual(accepted, "", body.slice(0, 60));
  }
  for (const query of ["max=0", "max=1001", "wait_ms=-1", "wait_ms=60001", "max=1e3", "most=1"]) {
    await refused(server, `/v1/queues/q/pull?${query}`, {}, invalid);
  }
  for (const query of ["priority=10", "priority=2147483648", "delay_ms=9007199254740992"]) {
    await refused(server, `/v1/queues/q?${query}`, {}, invalid);
  }
  await refused(server, "/v1/queues/q.dead", {}, invalid);
});

Deno.test("http: a pull that waits is answered at once when the server stops", async () => {
  const server = await startServer();
  const waiting = ask(server, "/v1/queues/q/pull?wait_ms=60000");
  await until(() => server.stats().messagesIn >= 2, "somebody waits");
  const stopped = server.server.stop();
  const { status, json } = await settles(waiting, "the answer");
  assert.deepEqual([status, json], [200, { jobs: [] }]);
  await settles(stopped, "the stop");
  await server[Symbol.asyncDispose]();
});

Deno.test("http: jobs that HTTP holds go back when the server stops, none is lost", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-http-queue-" });
  try {
    {
      await using server = await startServer({ data });
      await push(server, "kept");
      assert.equal((await pull(server)).length, 1);
      await server.server.stop();
    }
    await using server = await startServer({ data });
    await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
    const jobs = client.queue("q").pull({ prefetch: 1 })[Symbol.asyncIterator]();
    const { value } = await settles(jobs.next(), "the job");
    assert.equal(new TextDecoder().decode(value?.payload), "kept");
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
