/**
 * Who may do what over HTTP is decided as on every listener: by password, token or as a guest, for each request.
 */
import assert from "node:assert/strict";
import { ask, EventReader, refused } from "../../support/http_api.ts";
import { startServer } from "../../support/server.ts";
import { token, user } from "../../support/users.ts";
import { until } from "../../support/until.ts";

const basic = (name: string, password = `${name}'s secret`) => ({
  authorization: `Basic ${btoa(`${name}:${password}`)}`,
});
const ROLES = {
  writes: { allow: { publish: "a.>", push: "jobs" } },
  reads: { allow: { subscribe: "a.>", pull: "jobs", call: "acme.>" } },
};
const DENIED = [403, "PERMISSION_DENIED"] as const;
const UNKNOWN = [401, "UNAUTHENTICATED"] as const;

Deno.test("http: without a user, and with a wrong one, nothing is done", async () => {
  await using server = await startServer({ users: [await user("ada", "writes")], roles: ROLES });
  const paths = [
    "/v1/publish/a.b",
    "/v1/queues/jobs",
    "/v1/queues/jobs/pull",
    "/v1/call/acme.X",
  ];
  for (const path of paths) {
    for (
      const headers of [{}, basic("ada", "wrong"), basic("nobody"), { authorization: "Basic !" }]
    ) {
      const { accepted } = await refused(server, path, { headers }, UNKNOWN);
      assert.match(accepted, /Basic .*Bearer/);
    }
  }
  const answer = await ask(server, paths[0]);
  assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="parley"');
  await refused(server, "/v1/events?pattern=a.b", { method: "GET" }, UNKNOWN);
  const own = await ask(server, "/parley.v1.Queues/List", {
    body: "{}",
    headers: { "content-type": "application/json" },
  });
  assert.deepEqual([own.status, own.json.code], [401, "unauthenticated"]);
  assert.equal((await ask(server, "/healthz", { method: "GET" })).status, 200);
});

Deno.test("http: each verb asks for its own permission", async () => {
  const key = token("ci");
  await using server = await startServer({
    users: [await user("ada", "writes"), await user("bob", "reads", { tokens: [key.entry] })],
    roles: ROLES,
  });
  const ada = { headers: basic("ada") };
  const bob = { headers: { authorization: `bearer ${key.token}` } };
  assert.equal((await ask(server, "/v1/publish/a.b", ada)).status, 200);
  await refused(server, "/v1/publish/a.b", bob, DENIED);
  await refused(server, "/v1/publish/b", ada, DENIED);
  assert.equal((await ask(server, "/v1/queues/jobs", ada)).status, 200);
  await refused(server, "/v1/queues/jobs", bob, DENIED);
  await refused(server, "/v1/queues/jobs/pull", ada, DENIED);
  assert.equal((await ask(server, "/v1/queues/jobs/pull", bob)).json.jobs.length, 1);
  await refused(server, "/v1/call/acme.X", ada, DENIED);
  await refused(server, "/v1/call/acme.X", bob, [503, "UNAVAILABLE"]);
  const get = { method: "GET" };
  await refused(server, "/v1/events?pattern=a.b", { ...get, ...ada }, DENIED);
  await using reader = await EventReader.open(server, "pattern=a.b", bob.headers);
  await ask(server, "/v1/publish/a.b", { ...ada, body: "x" });
  assert.equal((await reader.take(1))[0].data, "x");
  const purge = await ask(server, "/parley.v1.Queues/Purge", {
    body: '{"queue":"jobs"}',
    headers: { ...bob.headers, "content-type": "application/json" },
  });
  assert.deepEqual([purge.status, purge.json.code], [403, "permission_denied"]);
});

Deno.test("http: guests may what guests may", async () => {
  await using server = await startServer({
    users: [await user("ada", "writes")],
    roles: ROLES,
    auth: { guest_role: "reads" },
  });
  await using _reader = await EventReader.open(server, "pattern=a.b");
  await refused(server, "/v1/publish/a.b", {}, DENIED);
});

Deno.test("http: the requests of one connection are each of whom they say", async () => {
  await using server = await startServer({
    users: [await user("ada", "writes"), await user("bob", "reads")],
    roles: ROLES,
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("ws") });
  try {
    const statuses: number[] = [];
    for (const headers of [basic("ada"), basic("bob"), basic("ada"), {}]) {
      const lines = Object.entries({ Host: "localhost", "Content-Length": "0", ...headers })
        .map(([name, value]) => `${name}: ${value}\r\n`);
      const request = `POST /v1/publish/a.b HTTP/1.1\r\n${lines.join("")}\r\n`;
      await connection.write(new TextEncoder().encode(request));
      const chunk = new Uint8Array(4096);
      const count = await connection.read(chunk);
      const text = new TextDecoder().decode(chunk.subarray(0, count ?? 0));
      statuses.push(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]));
    }
    assert.deepEqual(statuses, [200, 403, 200, 401]);
  } finally {
    connection.close();
  }
  await until(() => server.stats().connectionsOpen === 0, "its sessions are over");
});

Deno.test("http: rates hold requests back as they hold messages back", async () => {
  await using server = await startServer({
    limits: { rate_messages_per_second: 20, rate_messages_burst: 20, rate_close_after_ms: 200 },
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("ws") });
  const request = "POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
  try {
    await connection.write(new TextEncoder().encode(request.repeat(60)));
    await until(() => server.stats().rateHolds > 0, "it is held back");
  } finally {
    connection.close();
  }
});
