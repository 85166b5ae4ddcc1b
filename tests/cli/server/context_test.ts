/**
 * Contexts: names for servers in a file of the user's, and what a command does with them. Nothing falls back: a context that
 * is named and is not there is an error.
 */
import assert from "node:assert/strict";
import { startServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";
import { run } from "../fake_io.ts";

async function withHome(
  play: (
    parley: (...args: string[]) => ReturnType<typeof run>,
    home: string,
    environment: Record<string, string>,
  ) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "parley-home-" });
  const environment = { HOME: home };
  try {
    await play((...args) => run(args, { environment }), home, environment);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("a context names a server; the first is in use, another takes its place", () =>
  withHome(async (parley, home) => {
    await using one = await startServer();
    await using two = await startServer({
      users: [await user("ada", "all")],
      roles: { all: { allow: { publish: ">" } } },
    });
    const [first, second] = [one, two].map((each) => `127.0.0.1:${each.port("tcp")}`);
    const added = await parley("context", "add", "one", "--server", first);
    assert.equal(added.stdout, `one is parley://${first}, and in use\n`);
    const named = `parley://ada:ada's%20secret@${second}`;
    assert.equal((await parley("context", "add", "two", "-s", named)).code, 0);
    const { stdout } = await parley("health");
    assert.match(stdout, new RegExp(first));
    assert.match((await parley("health", "--context", "two")).stdout, new RegExp(second));
    assert.equal((await parley("context", "use", "two")).code, 0);
    assert.equal((await parley("pub", "a.b", "x", "-q")).stdout, "");
    assert.equal(two.stats().connectionsTotal, 2);
    const list = await parley("context", "ls", "--json");
    const names = list.stdout.trim().split("\n").map((line) => JSON.parse(line))
      .map(({ name, current }) => [name, current]);
    assert.deepEqual(names, [["one", false], ["two", true]]);
    // What names a server otherwise is meant more.
    assert.match((await parley("health", "-s", first)).stdout, new RegExp(first));
    const file = await Deno.stat(`${home}/.config/parley/contexts.json`);
    if (Deno.build.os !== "windows") assert.equal(file.mode! & 0o777, 0o600);
    assert.equal(
      (await parley("context", "rm", "two")).stdout,
      "removed two; none is in use now\n",
    );
  }));

Deno.test("a context is added with its server as an argument", () =>
  withHome(async (parley) => {
    const added = await parley("context", "add", "home", "localhost:7311");
    assert.deepEqual([added.code, added.stdout], [
      0,
      "home is parley://localhost:7311, and in use\n",
    ]);
    assert.equal((await parley("context", "add", "shop", "parleys://x", "--user", "ada")).code, 0);
    const twice = await parley("context", "add", "home", "localhost:7311", "-s", "localhost:7312");
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /the server is named twice/);
    const none = await parley("context", "add", "home");
    assert.equal(none.code, 2);
    assert.match(none.stderr, /'server', as in: parley context add home localhost:7311$/m);
  }));

Deno.test("the environment names a server, or a context; and the two ways to name one exclude each other", () =>
  withHome(async (parley, _home, environment) => {
    await using server = await startServer();
    const address = `127.0.0.1:${server.port("tcp")}`;
    await parley("context", "add", "here", "--server", address);
    await parley("context", "add", "nowhere", "--server", "127.0.0.1:1");
    await parley("context", "use", "nowhere");
    assert.equal((await parley("health")).code, 1);
    const asked = (more: Record<string, string>, ...args: string[]) =>
      run(["health", ...args], { environment: { ...environment, ...more } });
    assert.equal((await asked({ PARLEY_URL: address })).code, 0);
    assert.equal((await asked({ PARLEY_SERVER: address })).code, 0);
    assert.equal((await asked({ PARLEY_CONTEXT: "here" })).code, 0);
    assert.equal((await asked({ PARLEY_URL: "127.0.0.1:1" }, "--context", "here")).code, 0);
    const differ = await asked({ PARLEY_URL: address, PARLEY_SERVER: "127.0.0.1:1" });
    assert.match(differ.stderr, /PARLEY_URL and PARLEY_SERVER name different servers/);
    assert.equal(differ.code, 2);
    const both = await asked({}, "--context", "here", "--server", address);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--server and --context exclude each other/);
    assert.match((await asked({ PARLEY_URL: "ftp://x" })).stderr, /^parley: PARLEY_URL: /);
  }));

Deno.test("a context that is not there is an error, with a guess", () =>
  withHome(async (parley, home, environment) => {
    const wrong = async (words: RegExp, args: string[], more: Record<string, string> = {}) => {
      const { code, stderr } = await run(args, { environment: { ...environment, ...more } });
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    };
    await wrong(/there is none yet: parley context add NAME/, ["health", "--context", "home"]);
    await parley("context", "add", "production", "--server", "127.0.0.1:1");
    await wrong(/--context: there is no context "prod"; did you mean production\?/, [
      "health",
      "--context",
      "prod",
    ]);
    await wrong(/PARLEY_CONTEXT: there is no context "x"/, ["health"], { PARLEY_CONTEXT: "x" });
    await wrong(/context use: there is no context "x"/, ["context", "use", "x"]);
    await wrong(/context rm: there is no context "x"/, ["context", "rm", "x"]);
    await wrong(/cannot name a context "a b": 1 to 64/, ["context", "add", "a b", "-s", "h:1"]);
    await wrong(/--server: cannot connect to "ftp:\/\/x"/, [
      "context",
      "add",
      "a",
      "-s",
      "ftp://x",
    ]);
    const path = `${home}/.config/parley/contexts.json`;
    await Deno.writeTextFile(path, '{"current": "gone", "contexts": {}}');
    await wrong(/parley context use: there is no context "gone"/, ["health"]);
    await Deno.writeTextFile(path, '{"contexts": {"a": {"server": 5}}}');
    await wrong(/as contexts: the context "a" has a field "server"/, ["health"]);
    await Deno.writeTextFile(path, "{");
    await wrong(/contexts\.json" as contexts: /, ["health"]);
  }));
