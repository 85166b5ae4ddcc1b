/**
 * Tests where the users of a server come from: parley.toml, a file of users, both; what is refused at the start; and
 * that a change of either is in force by itself.
 */
import assert from "node:assert/strict";
import { stringify } from "smol-toml";
import { CloseReason } from "../../lib/base/errors.ts";
import { ConfigError, loadConfig } from "../../lib/server/config/config.ts";
import { MAX_USERS_FILE_BYTES, readAccess, usersOf } from "../../lib/server/config/users_file.ts";
import { Server } from "../../lib/server/server.ts";
import { BusClient } from "../support/bus_client.ts";
import { contentOf, echoMessage, helloMessage } from "../support/frames.ts";
import { TestServer } from "../support/server.ts";
import { enterBus, user } from "../support/users.ts";

/** A folder with a parley.toml and, at a path beside it, a file of users. */
class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ prefix: "parley-users-" }));
  }

  get config(): string {
    return `${this.path}/parley.toml`;
  }

  get users(): string {
    return `${this.path}/users.toml`;
  }

  write(config: object, users?: object): Promise<unknown> {
    return Promise.all([
      Deno.writeTextFile(this.config, stringify(config)),
      ...users === undefined ? [] : [Deno.writeTextFile(this.users, stringify(users))],
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const LISTEN = { tcp: "localhost:0", raw: "", http: "", text: "" };
const ROLES = { all: { allow: { publish: ">" } } };

async function start(folder: Folder): Promise<TestServer> {
  const loaded = await loadConfig({ file: folder.config });
  const again = async () => (await loadConfig({ file: folder.config })).config;
  const server = await Server.start(loaded.config, {
    users: usersOf(loaded, again),
    reread: again,
  });
  const files = await Deno.makeTempDir({ prefix: "parley-test-" });
  return new TestServer(server, loaded.config, files);
}

async function isWelcome(server: TestServer, name: string): Promise<boolean> {
  await using client = await BusClient.connect(server, "tcp");
  const said = { user: name, password: `${name}'s secret` };
  return (await client.ask(helloMessage(said))).message.case === "welcome";
}

Deno.test("users and roles of parley.toml and of the file of users are one", async () => {
  await using folder = await Folder.make();
  const auth = { users_file: folder.users };
  await folder.write(
    { data: "", listen: LISTEN, auth, users: [await user("ada", "other")], roles: ROLES },
    { users: [await user("bob", ["all", "other"])], roles: { other: {} } },
  );
  await using server = await start(folder);
  assert.equal(await isWelcome(server, "ada"), true);
  assert.equal(await isWelcome(server, "bob"), true);
  assert.equal(await isWelcome(server, "cat"), false);
});

Deno.test("what is wrong with a file of users is told with its line, and the server does not start", async () => {
  await using folder = await Folder.make();
  const auth = { users_file: folder.users };
  const ada = await user("ada", "all");
  const faults: [config: object, users: object | string, told: RegExp][] = [
    [{}, "[[users]\n", /users\.toml:1: not valid TOML$/],
    [{}, { users: [{ name: "ada", password: "canary" }] }, /users\.toml:3: users\[0\]\.password: /],
    [
      {},
      { users: [{ ...ada, roles: "absent" }] },
      /users\.toml:\d: users\[0\]\.roles: there is no role/,
    ],
    [{ roles: ROLES }, { roles: ROLES }, /users\.toml(:\d+)?: roles\.all: is there twice/],
    [{ roles: ROLES, users: [ada] }, { users: [ada] }, /users\[1\]\.name: "ada" is there twice$/],
    [{}, { listen: LISTEN }, /users\.toml:1: listen: only users and roles may be here$/],
    [
      { auth: { ...auth, guest_role: "absent" } },
      {},
      /auth\.guest_role: there is no role "absent"/,
    ],
  ];
  for (const [config, users, told] of faults) {
    await folder.write({ data: "", listen: LISTEN, auth, ...config });
    await Deno.writeTextFile(folder.users, typeof users === "string" ? users : stringify(users));
    await assert.rejects(start(folder), (error) => {
      assert.ok(error instanceof ConfigError, `${error}`);
      assert.match(error.message, told);
      assert.ok(!error.message.includes("canary"), error.message);
      return true;
    });
  }
  await Deno.remove(folder.users);
  await assert.rejects(start(folder), /cannot read the users of ".*": there is no such file$/);
  await Deno.truncate(await fileOf(folder), MAX_USERS_FILE_BYTES + 1);
  const { config } = await loadConfig({ file: folder.config });
  await assert.rejects(readAccess(config), /at most 16777216 are read$/);
});

async function fileOf(folder: Folder): Promise<string> {
  await Deno.writeTextFile(folder.users, "");
  return folder.users;
}

Deno.test("a change of parley.toml or of the file of users is in force by itself", async () => {
  await using folder = await Folder.make();
  const auth = { users_file: folder.users };
  const config = { data: "", listen: LISTEN, auth, roles: ROLES };
  const [ada, bob] = [await user("ada", "all"), await user("bob", "all")];
  await folder.write({ ...config, users: [ada] }, { users: [bob] });
  await using server = await start(folder);
  await using first = await enterBus(server, "tcp", "ada");
  await using second = await enterBus(server, "tcp", "bob");
  await folder.write({ ...config, users: [{ ...ada, disabled: true }] });
  await first.whenEnded();
  assert.equal(contentOf(first.messages.at(-1)!, "error").closeReason, CloseReason.REVOKED);
  assert.equal((await second.ask(echoMessage("still here"))).message.case, "echoMessage");
  await folder.write(config, { users: [] });
  await second.whenEnded();
  assert.equal(contentOf(second.messages.at(-1)!, "error").closeReason, CloseReason.REVOKED);
});

Deno.test("a configuration without any users does not open a server that has some", async () => {
  await using folder = await Folder.make();
  const config = { data: "", listen: LISTEN, roles: ROLES };
  await folder.write({ ...config, users: [await user("ada", "all")] });
  await using server = await start(folder);
  await folder.write({ data: "", listen: LISTEN });
  await assert.rejects(server.server.reload(), /without users while/);
  assert.equal(await isWelcome(server, "ada"), true);
  await using stranger = await BusClient.connect(server, "tcp");
  assert.equal((await stranger.ask(echoMessage("hi"))).message.case, "error");
});

Deno.test("users that are configured while a server runs count for who is there already", async () => {
  await using folder = await Folder.make();
  await folder.write({ data: "", listen: LISTEN });
  await using server = await start(folder);
  await using client = await BusClient.connect(server, "tcp");
  assert.equal((await client.ask(echoMessage("hi"))).message.case, "echoMessage");
  await folder.write({ data: "", listen: LISTEN, users: [await user("ada", "all")], roles: ROLES });
  await client.whenEnded();
  assert.equal(await isWelcome(server, "ada"), true);
});
