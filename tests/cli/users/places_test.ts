/**
 * `parley user` and `parley token` on a file, and the same on a server over the connection: what they print, refuse and change
 * is the same.
 */
import assert from "node:assert/strict";
import { stringify } from "smol-toml";
import { connect } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";
import { type Ended, type FakeOptions, run } from "../fake_io.ts";

const ROLES = {
  admin: { allow: { manage: "server.users" } },
  all: { allow: { publish: ">", subscribe: ">" } },
};

/** A file of users, and a server with another one, whose configurations say the same. */
class Places implements AsyncDisposable {
  private constructor(readonly folder: string, readonly server: TestServer) {}

  static async make(): Promise<Places> {
    const folder = await Deno.makeTempDir({ prefix: "parley-places-" });
    const users = [await user("root", "admin")];
    for (const name of ["file", "server"]) await Deno.writeTextFile(`${folder}/${name}.toml`, "");
    const auth = { users_file: `${folder}/file.toml` };
    await Deno.writeTextFile(`${folder}/parley.toml`, stringify({ auth, users, roles: ROLES }));
    const server = await startServer({
      auth: { users_file: `${folder}/server.toml` },
      users,
      roles: ROLES,
    });
    return new Places(folder, server);
  }

  get url(): string {
    return `parley://127.0.0.1:${this.server.port("tcp")}`;
  }

  onFile(args: readonly string[], options: FakeOptions = {}): Promise<Ended> {
    return run([...args, "--config", `${this.folder}/parley.toml`], options);
  }

  onServer(args: readonly string[], options: FakeOptions = {}): Promise<Ended> {
    const environment = {
      PARLEY_USER: "root",
      PARLEY_PASSWORD: "root's secret",
      ...options.environment,
    };
    return run([...args, "--server", this.url], { ...options, environment });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What a command told, without what cannot be the same. */
function toldBy({ code, stdout, stderr }: Ended, place: string) {
  const same = (text: string) =>
    text.replaceAll(place, "PLACE").replace(/parley_[A-Za-z0-9_-]{43}/g, "TOKEN")
      .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "TIME");
  return { code, stdout: same(stdout), stderr: same(stderr) };
}

Deno.test("every command tells and refuses the same on a file and over the connection", async () => {
  await using places = await Places.make();
  const horse = { environment: { PARLEY_NEW_PASSWORD: "correct horse" } };
  const commands: [args: string[], code: number, options?: FakeOptions][] = [
    [["user", "ls"], 0],
    [["user", "add", "ada", "--role", "all"], 0, horse],
    [["user", "add", "bob", "--no-password", "--json"], 0],
    [["user", "add", "cy", "--password-stdin"], 0, { stdin: "correct horse\nmore\n" }],
    [["user", "add", "d@x.org", "--no-password"], 0],
    [["user", "add", "ada"], 1, horse],
    [["user", "add", "Ada"], 1, horse],
    [["user", "add", "аdа", "--no-password"], 1],
    [["user", "add", "r00t", "--no-password"], 1],
    [["user", "add", "rооt", "--no-password"], 1],
    [["user", "add", "a b"], 1, horse],
    [["user", "add", "eve", "--role", "none", "--no-password"], 1],
    [["user", "add", "eve"], 2, { environment: { PARLEY_NEW_PASSWORD: "short" } }],
    [["user", "add", "eve"], 2],
    [["user", "add", "eve", "--password-stdin"], 2, { stdin: "\n" }],
    [["user", "add", "root"], 1, horse],
    [["user", "passwd", "ada"], 0, horse],
    [["user", "passwd", "ada", "--password-stdin", "--json"], 0, { stdin: "battery staple" }],
    [["user", "passwd", "nobody"], 1],
    [["user", "roles", "ada"], 0],
    [["user", "roles", "ada", "admin", "all"], 0],
    [["user", "roles", "ada", "--json"], 0],
    [["user", "roles", "ada", "--none"], 0],
    [["user", "roles", "ada"], 0],
    [["user", "roles", "ada", "--none", "all"], 2],
    [["user", "roles", "ada", "none"], 1],
    [["user", "roles", "ada", "all", "--json"], 0],
    [["user", "roles", "root"], 0],
    [["user", "roles", "root", "all"], 1],
    [["user", "roles", "nobody"], 1],
    [["user", "roles", "nobody", "all"], 1],
    [["user", "roles", "ada", "admin", "--json"], 0],
    [["user", "disable", "ada"], 0],
    [["user", "ls"], 0],
    [["user", "enable", "ada", "--json"], 0],
    [["user", "disable", "nobody"], 1],
    [["user", "disable", "root"], 1],
    [["token", "ls"], 0],
    [["token", "new", "ada", "ci", "--expires", "90d"], 0],
    [["token", "new", "ada", "ever", "--json"], 0],
    [["token", "new", "ada", "ci"], 1],
    [["token", "new", "ada", "c i"], 1],
    [["token", "new", "nobody", "ci"], 1],
    [["token", "new", "ada", "x", "--expires", "soon"], 2],
    [["token", "ls"], 0],
    [["token", "ls", "ada", "--json"], 0],
    [["token", "ls", "bob"], 0],
    [["token", "ls", "nobody"], 1],
    [["token", "revoke", "ada", "ci"], 0],
    [["token", "revoke", "ada", "ci"], 1],
    [["user", "ls", "--json"], 0],
    [["user", "rm", "bob"], 0],
    [["user", "rm", "bob"], 1],
    [["user", "ls"], 0],
  ];
  for (const [args, code, options] of commands) {
    const file = toldBy(await places.onFile(args, options), `${places.folder}/file.toml`);
    const server = toldBy(await places.onServer(args, options), places.url);
    assert.deepEqual(server, file, args.join(" "));
    assert.equal(file.code, code, `${args.join(" ")}: ${file.stderr}`);
  }
  const [one, other] = await Promise.all(
    ["file", "server"].map((name) => Deno.readTextFile(`${places.folder}/${name}.toml`)),
  );
  const withoutSecrets = (text: string) =>
    text.replace(/(?<=(?:password|hash|expires) = ").*(?=")/g, "");
  assert.equal(withoutSecrets(other), withoutSecrets(one));
  await using _client = await connect(places.url, { user: "ada", password: "battery staple" });
});

Deno.test("roles are told, and changed at once for who is connected", async () => {
  await using places = await Places.make();
  const roles = async (...args: string[]) =>
    (await places.onServer(["user", "roles", ...args])).stdout;
  await places.onServer(["user", "add", "ada", "--role", "all", "--password-stdin"], {
    stdin: "ada's secret",
  });
  await using client = await connect(places.url, { user: "ada", password: "ada's secret" });
  await client.publish("a.b", "x");
  assert.equal(await roles("ada"), "all\n");
  assert.equal(await roles("ada", "admin", "all"), "ada has admin, all\n");
  assert.equal(await roles("ada"), "admin, all\n");
  assert.equal(await roles("ada", "--none"), "ada has no roles\n");
  assert.equal(await roles("ada"), "no roles\n");
  await assert.rejects(client.publish("a.b", "x"), /permission/);
});

Deno.test("look-alikes are refused with both names, and who can have no name in rooms is told so", async () => {
  await using places = await Places.make();
  for (const on of [places.onFile.bind(places), places.onServer.bind(places)]) {
    assert.equal((await on(["user", "add", "paul", "--no-password"])).stderr, "");
    const alike = await on(["user", "add", "раul", "--no-password"]);
    assert.match(alike.stderr, /people could take it for "paul"/);
    const mail = await on(["user", "add", "paul@x.org", "--no-password"]);
    assert.match(
      mail.stderr,
      /^parley: "paul@x.org" can be no name in rooms .*: there this user takes/,
    );
  }
});

Deno.test("a server is asked only when it is named, and who may not manage users is refused", async () => {
  await using places = await Places.make();
  const { environment } = { environment: { PARLEY_SERVER: places.url, PARLEY_URL: places.url } };
  const args = ["user", "add", "ada", "--no-password"];
  assert.equal((await places.onFile(args, { environment })).code, 0);
  assert.equal(await Deno.readTextFile(`${places.folder}/server.toml`), "");
  const both = await places.onServer([...args, "--file", "users.toml"]);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /name either a server or, with --config or --file, a file of users/);
  await places.onServer(["user", "add", "eve", "--role", "all", "--password-stdin"], {
    stdin: "eve's secret",
  });
  const asEve = { environment: { PARLEY_USER: "eve", PARLEY_PASSWORD: "eve's secret" } };
  for (const denied of [args, ["user", "ls"], ["token", "new", "eve", "t"]]) {
    const { code, stderr } = await places.onServer(denied, asEve);
    assert.equal(code, 1);
    assert.match(stderr, /no permission manage "server\.users"/);
  }
});

Deno.test("over the connection two passwords are typed unseen: that of who asks, and the new one", async () => {
  await using places = await Places.make();
  const stdin = "root's secret\r";
  const ended = await places.onServer(["user", "add", "ada"], {
    ...{ terminal: true, stdinTerminal: true, colors: false, stdin },
    environment: { PARLEY_PASSWORD: "" },
  });
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, "Password of root: \nNew password of ada: \nOnce more: \n");
  await using _client = await connect(places.url, { user: "ada", password: "root's secret" });
});
