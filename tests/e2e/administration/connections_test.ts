/**
 * Administrators see who is connected, end connections, and read what the server counts: over its own protocol, over
 * HTTP, and by the command line; and nobody else does.
 */
import assert from "node:assert/strict";
import { callMethod, connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import type { ConnectionSummary } from "../../../lib/client/mod.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { ask } from "../../support/http_api.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";
import { settles, until } from "../../support/until.ts";
import { run } from "../../cli/fake_io.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const JSON_TYPE = { "content-type": "application/json" };
type Filter = Parameters<Awaited<ReturnType<typeof connect>>["admin"]["connections"]>[0];

async function listed(
  client: Awaited<ReturnType<typeof connect>>,
  filter?: Filter,
): Promise<ConnectionSummary[]> {
  const found: ConnectionSummary[] = [];
  for await (const one of client.admin.connections(filter)) found.push(one);
  return found;
}

const isCode = (code: ErrorCode) => (error: unknown) =>
  error instanceof ParleyError && error.code === code;

Deno.test("connections are listed with who they are and what they hold, and found by each of it", async () => {
  const users = [await user("ada", "all"), await user("bob", "some")];
  const roles = {
    all: { allow: { manage: "server.>" } },
    some: { allow: { subscribe: ">", pull: ">" } },
  };
  await using server = await startServer({ users, roles });
  const options = (name: string) => ({
    user: name,
    password: `${name}'s secret`,
    name: `${name}-app`,
  });
  await using ada = await connect(urlOf(server), options("ada"));
  await using bob = await connect(urlOf(server), options("bob"));
  await bob.subscribe("a.>", {}, () => {});
  await bob.subscribe("b", {}, () => {});
  const [first, second, ...more] = await listed(ada);
  assert.equal(more.length, 0);
  assert.deepEqual([first.user, first.kind, first.clientName], ["ada", "tcp", "ada-app"]);
  assert.deepEqual([second.user, second.subscriptions, second.consumers], ["bob", 2, 0]);
  assert.equal(second.sessionId, bob.welcome.sessionId);
  assert.match(second.peer, /^127\.0\.0\.1:\d+$/);
  assert(second.time <= new Date() && second.silentMs >= 0);
  for (const filter of [{ user: "bob" }, { sessionId: second.sessionId }]) {
    assert.deepEqual((await listed(ada, filter)).map(({ user }) => user), ["bob"]);
  }
  assert.equal((await listed(ada, { address: "127.0.0.1", kind: "tcp" })).length, 2);
  assert.equal((await listed(ada, { kind: "ws" })).length, 0);
  assert.equal((await listed(ada, { address: "192.0.2.1" })).length, 0);
  for (
    const refused of [
      () => listed(bob),
      () => bob.admin.kick({ user: "ada" }),
      () => bob.admin.stats(),
    ]
  ) {
    await assert.rejects(refused(), isCode(ErrorCode.PERMISSION_DENIED));
  }
});

Deno.test("what a connection may do is told by role, for its very user, and to administrators alone", async () => {
  const users = [await user("ada", "all"), await user("bob.b", ["some", "none"])];
  const roles = {
    all: { allow: { manage: "server.>" } },
    some: { allow: { subscribe: ["inbox.${user}", "news"], pull: ">" }, deny: { pull: "x.>" } },
  };
  await using server = await startServer({ users, roles: { ...roles, none: {} } });
  const as = (name: string) => connect(urlOf(server), { user: name, password: `${name}'s secret` });
  await using ada = await as("ada");
  await using bob = await as("bob.b");
  const rights = (client: typeof ada, sessionId: string) =>
    callMethod(client, Admin.method.rights, { sessionId });
  const told = await rights(ada, bob.welcome.sessionId);
  assert.deepEqual([told.user, told.roles, told.everything, told.more], [
    "bob.b",
    ["some", "none"],
    false,
    false,
  ]);
  assert.deepEqual(told.rules.map(({ role, allow, deny, rules }) => [role, allow, deny, rules]), [
    ["some", ["subscribe inbox.bob%2Eb", "subscribe news", "pull >"], ["pull x.>"], 4],
    ["none", [], [], 0],
  ]);
  await assert.rejects(rights(ada, "x-99"), isCode(ErrorCode.NOT_FOUND));
  await assert.rejects(rights(bob, ada.welcome.sessionId), isCode(ErrorCode.PERMISSION_DENIED));
});

Deno.test("without users a connection may do everything", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const { sessionId } = client.welcome;
  const told = await callMethod(client, Admin.method.rights, { sessionId });
  assert.deepEqual([told.everything, told.rules.length], [true, 0]);
});

Deno.test("many connections come in pages, each of them once", async () => {
  await using server = await startServer();
  const clients = await Promise.all(Array.from({ length: 7 }, () => connect(urlOf(server))));
  const page = async (after: string) =>
    (await ask(server, "/parley.v1.Admin/Connections", {
      body: JSON.stringify({ limit: 3, after, kind: "tcp" }),
      headers: JSON_TYPE,
    })).json;
  const got: string[] = [];
  for (let after = "", more = true; more;) {
    const answer = await page(after);
    got.push(...answer.connections.map(({ sessionId }: { sessionId: string }) => sessionId));
    more = answer.more === true;
    after = got.at(-1)!;
  }
  assert.deepEqual(got.length, 7);
  assert.deepEqual(new Set(got), new Set(clients.map(({ welcome }) => welcome.sessionId)));
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("whoever is kicked is told why, and does not come again", async () => {
  await using server = await startServer();
  await using admin = await connect(urlOf(server));
  const errors: unknown[] = [];
  const other = await connect(urlOf(server), {
    reconnect: { minMs: 1 },
    onError: (error) => errors.push(error),
  });
  const { sessionId } = other.welcome;
  const kicked = await admin.admin.kick({ sessionIds: [sessionId], reason: "the job is done" });
  assert.equal(kicked, 1);
  await assert.rejects(
    settles(untilClosed(other), "the end"),
    /an administrator ended .*the job is done/,
  );
  await until(() => server.stats().connectionsOpen === 1, "it is gone");
  await assert.rejects(
    admin.admin.kick({ sessionIds: [sessionId] }),
    isCode(ErrorCode.NOT_FOUND),
  );
  await assert.rejects(admin.admin.kick({}), isCode(ErrorCode.INVALID_ARGUMENT));
  await assert.rejects(
    admin.admin.kick({ user: "x", reason: "y".repeat(257) }),
    isCode(ErrorCode.INVALID_ARGUMENT),
  );
  await other.close();
});

/** Asks until that is refused for good. */
async function untilClosed(client: Awaited<ReturnType<typeof connect>>): Promise<never> {
  for (;;) await client.echo("x");
}

Deno.test("what the server counts is told in whole numbers", async () => {
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const values = await client.admin.stats();
  assert.equal(values.connections_open, 1);
  assert(values.messages_in >= 2 && values.max_connections > 0);
  assert(Object.values(values).every((value) => Number.isSafeInteger(value) && value >= 0));
});

Deno.test("through a proxy nobody manages a server without users", async () => {
  await using server = await startServer();
  const direct = await ask(server, "/parley.v1.Admin/Stats", { body: "{}", headers: JSON_TYPE });
  assert.equal(direct.status, 200);
  for (const name of ["x-forwarded-for", "forwarded", "via", "x-real-ip"]) {
    const headers = { ...JSON_TYPE, [name]: "192.0.2.1" };
    const relayed = await ask(server, "/parley.v1.Admin/Stats", { body: "{}", headers });
    assert.deepEqual([relayed.status, relayed.json.code], [403, "permission_denied"], name);
  }
});

Deno.test("the command line lists connections, ends them, and tells what is counted", async () => {
  await using server = await startServer();
  await using other = await connect(urlOf(server), { name: "lamp\u001b[31m" });
  const parley = async (...args: string[]) => {
    const { code, stdout, stderr } = await run([...args, "--server", urlOf(server)]);
    return { code, text: stdout + stderr };
  };
  const list = await parley("connections");
  assert.equal(list.code, 0);
  assert.match(list.text, /^session +over +peer/);
  assert(list.text.includes(other.welcome.sessionId) && !list.text.includes("\u001b[31m"));
  const json = await parley("connections", other.welcome.sessionId, "--json");
  assert.equal(JSON.parse(json.text).sessionId, other.welcome.sessionId);
  assert.match((await parley("stats")).text, /^connections_open +2$/m);
  assert.equal((await parley("kick")).code, 2);
  const kicked = await parley("kick", other.welcome.sessionId, "--reason", "bye");
  assert.deepEqual([kicked.code, kicked.text], [0, "1 connection is ended\n"]);
  assert.equal((await parley("kick", other.welcome.sessionId)).code, 1);
});
