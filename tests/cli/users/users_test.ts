/**
 * Tests the commands about users and tokens: what they write, what they refuse, and that a server takes it as it is.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { startServer } from "../../support/server.ts";
import { begin, type Ended, type FakeOptions, run } from "../fake_io.ts";

/** A folder with a configuration that names a file of users, which is not there yet. */
class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(more = ""): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir({ prefix: "parley-cli-users-" }));
    const text = `[auth]\nusers_file = ${JSON.stringify(folder.users)}\n[roles.all.allow]\n` +
      `publish = ">"\nsubscribe = ">"\n${more}`;
    await Deno.writeTextFile(folder.config, text);
    return folder;
  }

  get config(): string {
    return `${this.path}/parley.toml`;
  }

  get users(): string {
    return `${this.path}/users.toml`;
  }

  /** Runs a command with the configuration of the folder, and somebody who gives `password`. */
  run(args: readonly string[], password = "", options: FakeOptions = {}): Promise<Ended> {
    const environment: Record<string, string> = password === ""
      ? {}
      : { PARLEY_NEW_PASSWORD: password };
    return run([...args, "--config", this.config], { environment, ...options });
  }

  async ran(args: readonly string[], password = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, password);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("users that are added come in, with a password or a token, until they may not", async () => {
  await using folder = await Folder.make();
  await folder.ran(["user", "add", "ada", "--role", "all"], "correct horse");
  await folder.ran(["user", "add", "ci", "--no-password", "--role", "all"]);
  const token = (await folder.ran(["token", "new", "ci", "build", "--expires", "90d"])).trim();
  assert.match(token, /^parley_[A-Za-z0-9_-]{43}$/);
  await using server = await startServer({
    auth: { users_file: folder.users },
    roles: { all: { allow: { publish: ">", subscribe: ">" } } },
  });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const isIn = async (who: { user?: string; password?: string; token?: string }) => {
    await server.server.reload();
    try {
      await using client = await connect(url, who);
      await client.publish("a", "x");
      return true;
    } catch {
      return false;
    }
  };
  assert.equal(await isIn({ user: "ada", password: "correct horse" }), true);
  assert.equal(await isIn({ user: "ada", password: "wrong horse" }), false);
  assert.equal(await isIn({ token }), true);
  await folder.ran(["user", "passwd", "ada"], "battery staple");
  assert.equal(await isIn({ user: "ada", password: "correct horse" }), false);
  assert.equal(await isIn({ user: "ada", password: "battery staple" }), true);
  await folder.ran(["user", "disable", "ada"]);
  assert.equal(await isIn({ user: "ada", password: "battery staple" }), false);
  await folder.ran(["user", "enable", "ada"]);
  assert.equal(await isIn({ user: "ada", password: "battery staple" }), true);
  await folder.ran(["token", "revoke", "ci", "build"]);
  assert.equal(await isIn({ token }), false);
  await folder.ran(["user", "rm", "ada"]);
  assert.equal(await isIn({ user: "ada", password: "battery staple" }), false);
});

Deno.test("the file is for its owner only, holds no secret, and nothing is left beside it", async () => {
  await using folder = await Folder.make();
  await folder.ran(["user", "add", "ada"], "correct horse");
  const token = (await folder.ran(["token", "new", "ada", "ci"])).trim();
  const text = await Deno.readTextFile(folder.users);
  assert.ok(!text.includes("correct horse") && !text.includes(token));
  assert.equal((await Deno.stat(folder.users)).mode! & 0o777, 0o600);
  const files = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assert.deepEqual(files.toSorted(), ["parley.toml", "users.toml"]);
});

Deno.test("a file of users that is a link stays one", async () => {
  await using folder = await Folder.make();
  await Deno.writeTextFile(`${folder.path}/real.toml`, "");
  await Deno.symlink("real.toml", folder.users);
  await folder.ran(["user", "add", "ada"], "correct horse");
  assert.equal((await Deno.lstat(folder.users)).isSymlink, true);
  assert.match(await Deno.readTextFile(`${folder.path}/real.toml`), /name = "ada"/);
});

Deno.test("users and tokens are listed without what they come in with", async () => {
  const inConfig = '[[users]]\nname = "root"\nroles = ["all"]\n';
  await using folder = await Folder.make(inConfig);
  await folder.ran(["user", "add", "ada", "--role", "all"], "correct horse");
  await folder.ran(["token", "new", "ada", "ci"]);
  await folder.ran(["token", "new", "ada", "old", "--expires", "1ms"]);
  assert.equal(
    await folder.ran(["user", "ls"]),
    [
      "user  roles  comes in with       ",
      "ada   all    password, 2 tokens  ",
      "root  all    certificate         ",
      "",
    ].map((line) => line.trimEnd()).join("\n"),
  );
  const json = (await folder.ran(["user", "ls", "--json"])).trim().split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(json[0], {
    name: "ada",
    roles: ["all"],
    disabled: false,
    password: true,
    tokens: 2,
  });
  const tokens = await folder.ran(["token", "ls"]);
  assert.match(tokens, /^ada +ci +never$/m);
  assert.match(tokens, /^ada +old +\d{4}-.*Z \(ended\)$/m);
});

Deno.test("what cannot be is refused with the reason, and changes nothing", async () => {
  await using folder = await Folder.make();
  await folder.ran(["user", "add", "ada"], "correct horse");
  const before = await Deno.readTextFile(folder.users);
  const refused: [args: string[], code: number, told: RegExp, password?: string][] = [
    [["user", "add", "ada"], 1, /cannot add the user "ada": it is there/, "correct horse"],
    [["user", "add", "bob", "--role", "absent"], 1, /there is no role "absent"/, "correct horse"],
    [["user", "add", "a b"], 1, /the name of a user has no white space/, "correct horse"],
    [["user", "add", "bob"], 2, /nobody can be asked here: set PARLEY_NEW_PASSWORD/],
    [["user", "add", "bob"], 2, /at least 8 characters/, "seven77"],
    [["user", "add", "bob"], 2, /at most 1024 bytes/, "x".repeat(1025)],
    [["user", "passwd", "bob"], 1, /cannot find the user "bob"/, "correct horse"],
    [["user", "disable", "bob"], 1, /cannot find the user "bob"/],
    [["token", "new", "bob", "ci"], 1, /cannot find the user "bob"/],
    [["token", "new", "ada", "ci", "--expires", "soon"], 2, /It must be/],
    [["token", "revoke", "ada", "ci"], 1, /cannot take back the token "ci"/],
  ];
  for (const [args, code, told, password] of refused) {
    const ended = await folder.run(args, password);
    assert.equal(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
    assert.match(ended.stderr, told);
  }
  assert.ok((await folder.run(["user", "add", "eight"], "eight888")).code === 0);
  assert.ok((await folder.run(["user", "rm", "eight"])).code === 0);
  assert.equal(await Deno.readTextFile(folder.users), before);
  const nowhere = await run(["user", "ls", "--file", `${folder.path}/absent.toml`]);
  assert.match(nowhere.stderr, /there is no such file/);
  const unnamed = await run(["user", "disable", "ada"], { environment: {} });
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /set auth.users_file in the configuration, or name it with --file/);
});

Deno.test("a password is typed twice at a terminal, unseen", async () => {
  await using folder = await Folder.make();
  const terminal = { terminal: true, stdinTerminal: true };
  const stdin = "corrr\x7fect hörß\x7fse\r";
  const ended = await folder.run(["user", "add", "ada", "--role", "all"], "", {
    ...terminal,
    stdin,
  });
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, "New password of ada: \nOnce more: \n");
  await using server = await startServer({
    auth: { users_file: folder.users },
    roles: { all: {} },
  });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  await using _client = await connect(url, { user: "ada", password: "correct hörse" });
  const health = await run(["health", "--user", "ada", "--server", url], {
    ...terminal,
    colors: false,
    stdin,
  });
  assert.equal(health.code, 0, health.stderr);
  assert.equal(health.stderr, "Password of ada: \n");
  const given = await folder.run(["user", "add", "bob"], "", { ...terminal, stdin: "\x03" });
  assert.equal(given.code, 2);
  assert.match(given.stderr, /no password was given/);
});

Deno.test("an explanation says which rule decides, and the exit code whether it is allowed", async () => {
  await using folder = await Folder.make(
    '[roles.some]\nallow.publish = "home.${user}.>"\nallow.subscribe = "a.> T"\n' +
      'deny.publish = "home.*.secret"\n[[users]]\nname = "a.b"\nroles = ["some"]\n' +
      '[[users]]\nname = "gone"\ndisabled = true\n',
  );
  await Deno.writeTextFile(folder.users, "");
  const asked: [args: string[], code: number, told: string][] = [
    [
      ["--user", "a.b", "publish", "home.a%2Eb.x"],
      0,
      'publish "home.a%2Eb.x" is allowed: role "some" allows publish "home.${user}.>"',
    ],
    [
      ["--user", "a.b", "publish", "home.a%2Eb.secret"],
      1,
      'publish "home.a%2Eb.secret" is denied: role "some" denies publish "home.*.secret"',
    ],
    [["--user", "a.b", "publish", "x"], 1, 'publish "x" is denied: no rule allows it'],
    [
      ["--user", "a.b", "subscribe", "a.>", "--type", "T"],
      0,
      'subscribe "a.> T" is allowed: role "some" allows subscribe "a.> T"',
    ],
    [["--user", "a.b", "subscribe", "a.>"], 1, 'subscribe "a.>" is denied: no rule allows it'],
    [["--user", "gone", "publish", "x"], 1, 'everything is denied: the user "gone" is disabled'],
    [["publish", "x"], 1, "everything is denied: guests have no role (auth.guest_role)"],
  ];
  for (const [args, code, told] of asked) {
    const ended = await folder.run(["explain", ...args]);
    assert.equal(ended.stdout, `${told}\n`, ended.stderr);
    assert.equal(ended.code, code, told);
  }
  for (const args of [["fly", "x"], ["publish", "a..b"], ["publish", "x", "--type", "T"]]) {
    assert.equal((await folder.run(["explain", ...args])).code, 2, args.join(" "));
  }
  const absent = await folder.run(["explain", "--user", "absent", "publish", "x"]);
  assert.match(absent.stderr, /cannot find the user "absent"/);
});

Deno.test("a first configuration has a user whose password comes in, and writes nothing over", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-cli-init-" });
  const files = ["--config", `${folder}/parley.toml`, "--users", `${folder}/users.toml`];
  const ended = await run(["init", "--json", ...files]);
  assert.equal(ended.code, 0, ended.stderr);
  const { user, password } = JSON.parse(ended.stdout);
  assert.equal((await run(["config", "check", `${folder}/parley.toml`])).code, 0);
  const { loadConfig } = await import("../../../lib/server/config/config.ts");
  const { config } = await loadConfig({ file: `${folder}/parley.toml` });
  {
    await using server = await startServer({ auth: config.auth, roles: config.roles });
    const url = `parley://127.0.0.1:${server.port("tcp")}`;
    await using client = await connect(url, { user, password });
    await client.publish("anything", "x");
    assert.deepEqual(client.welcome.roles, ["admin"]);
  }
  for (const file of ["parley.toml", "users.toml"]) {
    assert.equal((await Deno.stat(`${folder}/${file}`)).mode! & 0o777, 0o600, file);
    assert.ok(!(await Deno.readTextFile(`${folder}/${file}`)).includes(password), file);
  }
  const again = await run(["init", ...files]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is there already/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a hash for a configuration that is written by hand is one that it takes", async () => {
  const { stdout, code } = await run(["passwd"], {
    environment: { PARLEY_NEW_PASSWORD: "correct horse" },
  });
  assert.equal(code, 0);
  const { parsePasswordHash } = await import("../../../lib/logic/access/password_hash.ts");
  assert.notEqual(parsePasswordHash(stdout.trim()), null);
});

Deno.test("a command says who it is by options, by the environment or by the URL", async () => {
  await using folder = await Folder.make();
  await folder.ran(["user", "add", "ada", "--role", "all"], "correct horse");
  const token = (await folder.ran(["token", "new", "ada", "ci"])).trim();
  await using server = await startServer({
    auth: { users_file: folder.users },
    roles: { all: { allow: { publish: ">", subscribe: ">" } } },
  });
  const place = `127.0.0.1:${server.port("tcp")}`;
  const pub = async (args: string[], environment: Record<string, string>) => {
    const { code, stdout, stderr } = await run(["pub", "a", "x", ...args], { environment });
    assert.ok(!`${stdout}${stderr}`.includes("horse"), stderr);
    return { code, stderr };
  };
  const at = ["--server", place];
  assert.equal((await pub([...at, "--user", "ada"], { PARLEY_PASSWORD: "correct horse" })).code, 0);
  const both = { PARLEY_USER: "ada", PARLEY_PASSWORD: "correct horse" };
  assert.equal((await pub(at, both)).code, 0);
  assert.equal((await pub(at, { PARLEY_TOKEN: token })).code, 0);
  assert.equal((await pub([...at, "--token", token], {})).code, 0);
  const inUrl = `parley://ada:correct%20horse@${place}`;
  assert.equal((await pub(["--server", inUrl], {})).code, 0);
  assert.equal((await pub([], { PARLEY_SERVER: inUrl })).code, 0);
  const health = await run(["health", "--server", inUrl]);
  assert.ok(health.code === 0 && health.stdout.includes(place) && !health.stdout.includes("horse"));
  const wrong = await pub([...at, "--user", "ada"], { PARLEY_PASSWORD: "wrong horse" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the user, the password or the token is wrong/);
  const nobody = await pub([...at, "--user", "ada"], {});
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /nobody can be asked here: set PARLEY_PASSWORD/);
  const stranger = await pub(at, {});
  assert.match(stranger.stderr, /cannot come in without a user/);
  const bench = await run(["bench", "bus", "--seconds", "0.2", "--server", inUrl]);
  assert.equal(bench.code, 0, bench.stderr);
  assert.ok(!`${bench.stdout}${bench.stderr}`.includes("horse"));
});

Deno.test("whoever reads is told when that is not allowed any more", async () => {
  await using folder = await Folder.make();
  await folder.ran(["user", "add", "ada", "--role", "all"], "correct horse");
  await using server = await startServer({
    auth: { users_file: folder.users },
    roles: { all: { allow: { publish: ">", subscribe: ">" } }, none: {} },
  });
  const reading = begin(["sub", "a.>", "--server", `127.0.0.1:${server.port("tcp")}`], {
    environment: { PARLEY_USER: "ada", PARLEY_PASSWORD: "correct horse" },
  });
  await reading.says("subscribed to a.>");
  const text = await Deno.readTextFile(folder.users);
  await Deno.writeTextFile(folder.users, text.replace('"all"', '"none"'));
  await server.server.reload();
  await reading.says('the subscription to "a.>" has ended');
  await Deno.writeTextFile(folder.users, "");
  await server.server.reload();
  const { code, stderr } = await reading.ended;
  assert.equal(code, 1);
  assert.match(stderr, /the login of this connection is over/);
});

Deno.test("of changes at the same time none is lost", async () => {
  await using folder = await Folder.make();
  const names = Array.from({ length: 8 }, (_, index) => `user${index}`);
  await Promise.all(names.map((name) => folder.ran(["user", "add", name, "--no-password"])));
  const listed = await folder.ran(["user", "ls", "--json"]);
  const found = listed.trim().split("\n").map((line) =>
    (JSON.parse(line) as { name: string }).name
  );
  assert.deepEqual(found.toSorted(), names);
});
