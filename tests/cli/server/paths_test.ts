/**
 * Paths as they are given: names that SQLite or a URL would read otherwise, folders that are not there, and what is
 * relative to where one stands.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { root } from "../../interop/programs.ts";
import { COMMAND, LOCAL, Running, runProcess } from "../processes.ts";

const NAMES = Deno.build.os === "windows" ? ["a#b", "50%41", "größe 日本"] : [
  "file:x",
  "a?mode=memory",
  "a#b",
  "50%41",
  "two words",
  "größe 日本",
  "back\\",
  "-x",
  "file:x?mode=memory",
];

/** Runs `parley` where one stands. */
async function runIn(cwd: string, args: readonly string[]) {
  const words = [...COMMAND.slice(1, -1), `${root}/server.ts`, ...args];
  const { code, stderr } = await new Deno.Command(COMMAND[0], { args: words, cwd }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("data directories and copies have exactly the names that are given", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    for (const [index, name] of NAMES.entries()) {
      const data = ["--data", index % 2 === 0 ? `${folder}/${name}` : `./${name}`];
      const words = [
        "sh",
        "-c",
        'cd "$0" && exec "$@"',
        folder,
        ...COMMAND.slice(0, -1),
        `${root}/server.ts`,
      ];
      await using server = new Running([], {}, {
        words: [...words, "serve", "--json", ...LOCAL, ...data, "--set", "keep=a"],
      });
      const { listeners } = JSON.parse((await server.lines(1))[0]);
      {
        await using client = await connect(listeners[0].urls[0]);
        assert.equal((await client.publish("a", "x")).seq, 1n);
      }
      const copy = await runIn(folder, ["backup", ...data, "--", `${name}.copy`]);
      assert.deepEqual(copy, { code: 0, stderr: "" }, name);
      assert.equal((await server.end("SIGTERM")).code, 0);
      const files = [...Deno.readDirSync(`${folder}/${name}`)].map((file) => file.name);
      assert(files.includes("parley.db"), `${name}: ${files}`);
      assert(Deno.statSync(`${folder}/${name}.copy`).size > 4096, name);
    }
    const there = [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
    assert.deepEqual(there, NAMES.flatMap((name) => [name, `${name}.copy`]).toSorted());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("backup names the folder that is missing, and lists only what it uses", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    await using server = new Running(["serve", "--json", ...LOCAL, "--data", data]);
    await server.lines(1);
    const missing = await runProcess(["backup", "--data", data, "missing/p.db"], {
      PARLEY_LISTEN_TCP: "0.0.0.0:1",
    });
    assert.deepEqual(missing, {
      code: 1,
      stdout: "",
      stderr: 'parley: cannot back up to "missing/p.db": there is no folder "missing"; ' +
        "accepted: a folder that is there\n",
    });
    const { stdout } = await runProcess(["backup", "--help"]);
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map((found) => found[1]);
    const ofServer = ["--server", "--context", "--ca", "--cert", "--cert-key"];
    const ofLogin = ["--user", "--token", "--token-file", "--timeout", "--json"];
    assert.deepEqual(options, [...ofServer, ...ofLogin, "--data", "--config", "--help"]);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("with deno task start, paths are relative to where one stands", async () => {
  const args = ["task", "--quiet", "start", "config", "check", "--config", "configuration.md"];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: `${root}/docs`,
    // A task of Deno that runs these tests says where it stood.
    clearEnv: true,
    env: { ...withoutTaskFolder(), NO_COLOR: "1" },
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /configuration\.md:\d+: not valid TOML/);
});

function withoutTaskFolder(): Record<string, string> {
  const { INIT_CWD: _, ...rest } = Deno.env.toObject();
  return rest;
}
