/**
 * Users and tokens looked after over the connection: what is changed is in force when it is answered, stands in the file of
 * users, is refused to whoever may not, and tells nobody a secret.
 */
import assert from "node:assert/strict";
import { parse, stringify } from "smol-toml";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { connect } from "../../../lib/client/mod.ts";
import { Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { LogRecords } from "../../support/log_records.ts";
import { ask as askHttp } from "../../support/http_api.ts";
import type { BusClient } from "../../support/bus_client.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { ask, enterBus, user } from "../../support/users.ts";

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const methods = Users.method;

/** A server with a file of users, in which there is nobody yet, and an administrator in the configuration. */
class Place implements AsyncDisposable {
  private constructor(readonly folder: string, readonly server: TestServer) {}

  static async make(): Promise<Place> {
    const folder = await Deno.makeTempDir({ prefix: "parley-admin-users-" });
    await Deno.writeTextFile(`${folder}/users.toml`, "");
    const server = await startServer({
      auth: { users_file: `${folder}/users.toml` },
      users: [await user("root", "admin"), await user("eve", "other")],
      roles: {
        admin: { allow: { manage: "server.users" } },
        other: { allow: { publish: ">", manage: ["server.connections", "topic.>"] } },
        some: { allow: { publish: "a.>" }, deny: { publish: "a.secret" } },
      },
    });
    return new Place(folder, server);
  }

  text(): Promise<string> {
    return Deno.readTextFile(`${this.folder}/users.toml`);
  }

  /** Whether somebody who says this may come in. */
  async isIn(who: { user?: string; password?: string; token?: string }): Promise<boolean> {
    try {
      await using _client = await connect(urlOf(this.server), { ...who, reconnect: false });
      return true;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const codeOf = ({ error }: { error: { code: number } | null }) => error?.code ?? 0;

Deno.test("a user is added, changed and removed over the connection, and each change is in force when it is answered", async () => {
  await using place = await Place.make();
  await using root = await enterBus(place.server, "tcp", "root");
  const done = async (answer: Promise<{ error: { message: string } | null }>) =>
    assert.equal((await answer).error?.message, undefined);
  const ada = { user: "ada", password: "correct horse" };
  await done(ask(root, methods.add, { ...ada, roles: ["some"] }));
  assert.equal(await place.isIn(ada), true);
  assert.equal(codeOf(await ask(root, methods.add, ada)), ErrorCode.ALREADY_EXISTS);
  const { answer } = await ask(root, methods.list, {});
  assert.deepEqual(
    answer?.users.map(({ user, roles, hasPassword, changeable, disabled, connections }) =>
      [user, roles.join(), hasPassword, changeable, disabled, connections].join(" ")
    ),
    [
      "ada some true true false 0",
      "eve other true false false 0",
      "root admin true false false 1",
    ],
  );
  assert.equal(answer?.changeable, true);
  await done(ask(root, methods.setPassword, { user: "ada", password: "battery staple" }));
  assert.equal(await place.isIn(ada), false);
  assert.equal(await place.isIn({ user: "ada", password: "battery staple" }), true);
  await done(ask(root, methods.setRoles, { user: "ada", roles: ["other", "some"] }));
  const one = await ask(root, methods.list, { user: "ada" });
  assert.deepEqual(one.answer?.users.map(({ roles }) => roles), [["other", "some"]]);
  await done(ask(root, methods.setDisabled, { user: "ada", disabled: true }));
  assert.equal(await place.isIn({ user: "ada", password: "battery staple" }), false);
  await done(ask(root, methods.setDisabled, { user: "ada", disabled: false }));
  assert.equal(await place.isIn({ user: "ada", password: "battery staple" }), true);
  await done(ask(root, methods.setPassword, { user: "ada", password: "" }));
  assert.equal(await place.isIn({ user: "ada", password: "" }), false);
  await done(ask(root, methods.remove, { user: "ada" }));
  assert.equal((await ask(root, methods.list, {})).answer?.users.length, 2);
  assert.deepEqual(parse(await place.text()).users, []);
  const roles = (await ask(root, methods.listRoles, {})).answer?.roles;
  assert.deepEqual(roles?.map(({ role }) => role), ["admin", "other", "some"]);
  assert.deepEqual(
    [roles?.[2].allow, roles?.[2].deny, roles?.[2].rules],
    [["publish a.>"], ["publish a.secret"], 2],
  );
});

Deno.test("tokens are made, told once, listed without what they are, and taken back", async () => {
  await using place = await Place.make();
  await using root = await enterBus(place.server, "ws", "root");
  await ask(root, methods.add, { user: "ci", roles: ["some"] });
  const made = await ask(root, methods.newToken, {
    user: "ci",
    tokenName: "build",
    lastsMs: 60_000n,
  });
  const { token, expiresUnixMicros } = made.answer!;
  assert.match(token, /^parley_[A-Za-z0-9_-]{43}$/);
  assert.equal(await place.isIn({ token }), true);
  const again = await ask(root, methods.newToken, { user: "ci", tokenName: "build" });
  assert.equal(codeOf(again), ErrorCode.ALREADY_EXISTS);
  const forEver = await ask(root, methods.newToken, { user: "ci", tokenName: "ever" });
  assert.equal(forEver.answer?.expiresUnixMicros, 0n);
  const { tokens } = (await ask(root, methods.list, { user: "ci" })).answer!.users[0];
  assert.deepEqual(
    tokens.map(({ tokenName, expiresUnixMicros, ended }) => [tokenName, expiresUnixMicros, ended]),
    [["build", expiresUnixMicros, false], ["ever", 0n, false]],
  );
  assert.ok(!(await place.text()).includes(token));
  assert.equal(
    (await ask(root, methods.revokeToken, { user: "ci", tokenName: "build" })).error,
    null,
  );
  assert.equal(await place.isIn({ token }), false);
  assert.equal(await place.isIn({ token: forEver.answer!.token }), true);
  const gone = await ask(root, methods.revokeToken, { user: "ci", tokenName: "build" });
  assert.equal(codeOf(gone), ErrorCode.NOT_FOUND);
});

Deno.test("what cannot be is refused, and nothing is written", async () => {
  await using place = await Place.make();
  await using root = await enterBus(place.server, "tcp", "root");
  await ask(root, methods.add, { user: "ada", roles: ["some"] });
  const before = await place.text();
  const I = ErrorCode.INVALID_ARGUMENT;
  const refused: [answer: () => Promise<{ error: { code: number } | null }>, code: number][] = [
    [() => ask(root, methods.add, { user: "", password: "correct horse" }), I],
    [() => ask(root, methods.add, { user: "a b" }), I],
    [() => ask(root, methods.add, { user: "x", password: "short" }), I],
    [() => ask(root, methods.add, { user: "x", password: "y".repeat(1025) }), I],
    [() => ask(root, methods.add, { user: "x", roles: ["none"] }), I],
    [() => ask(root, methods.add, { user: "x", roles: new Array(101).fill("some") }), I],
    [() => ask(root, methods.setRoles, { user: "ada", roles: ["none"] }), I],
    [() => ask(root, methods.newToken, { user: "ada", tokenName: "" }), I],
    [() => ask(root, methods.newToken, { user: "ada", tokenName: "t", lastsMs: 2n ** 63n }), I],
    [() => ask(root, methods.remove, { user: "nobody" }), ErrorCode.NOT_FOUND],
    [
      () => ask(root, methods.setPassword, { user: "root", password: "correct horse" }),
      ErrorCode.FAILED_PRECONDITION,
    ],
    [() => ask(root, methods.remove, { user: "eve" }), ErrorCode.FAILED_PRECONDITION],
    [() => ask(root, methods.add, { user: "root" }), ErrorCode.FAILED_PRECONDITION],
  ];
  for (const [index, [answer, code]] of refused.entries()) {
    assert.equal(codeOf(await answer()), code, String(index));
  }
  assert.equal(await place.text(), before);
  // A file that cannot be read changes nothing either.
  await Deno.writeTextFile(`${place.folder}/users.toml`, "[[users]\n");
  assert.equal(codeOf(await ask(root, methods.add, { user: "x" })), I);
});

Deno.test("where the configuration names no file, users are listed and not changed; without users only this machine asks", async () => {
  await using server = await startServer({
    users: [await user("root", "admin")],
    roles: { admin: { allow: { manage: "server.>" } } },
  });
  await using root = await enterBus(server, "tcp", "root");
  const { answer } = await ask(root, methods.list, {});
  assert.deepEqual([answer?.changeable, answer?.users[0].changeable], [false, false]);
  const { error } = await ask(root, methods.add, { user: "ada" });
  assert.equal(error?.code, ErrorCode.FAILED_PRECONDITION);
  await using open = await startServer();
  const body = { body: "{}", headers: { "content-type": "application/json" } };
  const here = await askHttp(open, "/parley.v1.Users/List", body);
  assert.deepEqual([here.status, here.json], [200, {}]);
  const relayed = await askHttp(open, "/parley.v1.Users/List", {
    ...body,
    headers: { ...body.headers, "x-forwarded-for": "192.0.2.1" },
  });
  assert.equal(relayed.status, 403);
});

Deno.test("each method is refused to whoever may not manage users, and audited without secrets", async () => {
  using log = new LogRecords();
  await using place = await Place.make();
  await using root = await enterBus(place.server, "tcp", "root");
  await using eve = await enterBus(place.server, "tcp", "eve");
  for (const method of Users.methods) {
    const { error } = await ask(eve as BusClient, method as typeof methods.list, {});
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED, method.name);
    assert.match(error.message, /no permission manage "server\.users"$/);
  }
  await ask(root, methods.add, { user: "ada", password: "a canary in a mine" });
  const made = await ask(root, methods.newToken, { user: "ada", tokenName: "ci" });
  const lines = log.records.filter(({ category }) => category[1] === "audit")
    .map(({ properties }) => properties as Record<string, unknown>);
  const acts = lines.map(({ act, target, outcome }) => `${act} ${target} ${outcome}`);
  assert(acts.includes("parley.v1.Users/Add ada done"), acts.join("\n"));
  assert(acts.includes("parley.v1.Users/NewToken ada done"));
  assert.equal(acts.filter((act) => act.endsWith("PERMISSION_DENIED")).length, 7);
  const all = JSON.stringify(log.records.map(({ message, properties }) => [message, properties]));
  assert.ok(!all.includes("canary in a mine") && !all.includes(made.answer!.token));
});

Deno.test("changes that are made at once are all there, and pages of users miss nobody", async () => {
  await using place = await Place.make();
  await using root = await enterBus(place.server, "tcp", "root");
  const names = Array.from({ length: 12 }, (_, index) => `user${index}`);
  const answers = await Promise.all(names.map((user) => ask(root, methods.add, { user })));
  assert.deepEqual(answers.map(codeOf), names.map(() => 0));
  const listed: string[] = [];
  for (let after = "", more = true; more;) {
    const { answer } = await ask(root, methods.list, { after, limit: 5 });
    listed.push(...answer!.users.map(({ user }) => user));
    more = answer!.more;
    after = listed.at(-1)!;
  }
  assert.deepEqual(listed, ["eve", "root", ...names].toSorted());
  assert.equal(typeof stringify(parse(await place.text())), "string");
});
