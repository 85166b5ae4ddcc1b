/**
 * The completion scripts: bash runs its own, the others are at least complete.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { startServer } from "../support/server.ts";
import { run } from "./fake_io.ts";

const hasBash = await hasProgram("bash");

async function hasProgram(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** What bash offers for the last of `words`. */
async function bashOffers(script: string, words: readonly string[]): Promise<string[]> {
  const ask = `${script}
    compopt() { :; }
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}; _parley; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, success } = await new Deno.Command("bash", {
    args: ["--norc", "-c", ask, "bash", ...words],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  assert.equal(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

Deno.test({
  name: "bash parses its script and completes commands, options and choices",
  ignore: !hasBash,
  async fn() {
    const { code, stdout: script } = await run(["completion", "bash"]);
    assert.equal(code, 0);
    const syntax = await new Deno.Command("bash", { args: ["-n", "-c", script] }).output();
    assert(syntax.success, new TextDecoder().decode(syntax.stderr));
    const offers = (...words: string[]) => bashOffers(script, ["parley", ...words]);
    assert.deepEqual(await offers("c"), [
      "call",
      "chat",
      "check",
      "connections",
      "cluster",
      "context",
      "config",
      "completion",
    ]);
    const below = [
      "ls",
      "info",
      "trim",
      "rm",
      "policies",
      "keep",
      "unkeep",
      "hz",
      "bw",
      "delay",
      "help",
      "-h",
      "--help",
    ];
    assert.deepEqual(await offers("topic", ""), below);
    assert.deepEqual(await offers("sub", "--overflow", "drop"), ["drop-oldest", "drop-newest"]);
    assert.deepEqual(await offers("respond", "x", "--ex"), ["--exec"]);
    assert.deepEqual(await offers("config", "ch"), ["check"]);
    assert.deepEqual(await offers("help", "qu"), ["queue"]);
    assert.deepEqual(await offers("queue", "help", "pu"), ["push", "pull", "purge"]);
    assert.deepEqual(await offers("publish", "a", "--lin"), ["--lines"]);
    const loads = ["echo", "bus", "kept", "queue", "conns", "help", "-h", "--help"];
    assert.deepEqual(await offers("bench", ""), loads);
    const verbs = [
      "push",
      "pull",
      "ls",
      "info",
      "peek",
      "purge",
      "rm",
      "redrive",
      "pause",
      "resume",
      "policies",
      "create",
      "set",
      "unset",
    ];
    assert.deepEqual(await offers("queue", ""), [...verbs, "help", "-h", "--help"]);
    assert.deepEqual(await offers("queue", "pull", "--rej"), ["--reject-exit"]);
    assert.deepEqual(await offers("--log-f"), ["--log-format"], "options of serve need no command");
    assert.deepEqual(await offers("--cont"), ["--context"], "nor those that say which server");
    assert.deepEqual(await offers("-s", "there:1", "queue", "pu"), ["push", "pull", "purge"]);
    assert.deepEqual(await offers("serve", "--log-format", ""), ["auto", "json", "pretty"]);
    assert.deepEqual(await offers("completion", "z"), ["zsh"]);
    assert.deepEqual(await offers("echo", "--server", ""), [], "nobody knows a value");
    assert.deepEqual(await offers("echo", "config", "--se"), ["--server"], "a text is no command");
    assert.deepEqual(await offers("config", "check", "deno.j"), ["deno.json"]);
  },
});

Deno.test({
  name: "names that the server has are completed, with the server that is named before",
  ignore: !hasBash,
  async fn() {
    const data = await Deno.makeTempDir({ prefix: "parley-complete-" });
    try {
      await using server = await startServer({ data, keep: [{ pattern: "orders.>" }] });
      const address = `127.0.0.1:${server.port("tcp")}`;
      await using client = await connect(`parley://${address}`);
      await client.publish("orders.eu", "x");
      await client.publish("orders.$(reboot)", "x");
      await client.queue("emails").push("x");
      await client.room("tea", { nick: "Ada" });
      await using _service = await client.serve("acme.Text/Length", () => "");
      for (
        const [kind, name] of [
          ["topics", "orders.eu"],
          ["queues", "emails"],
          ["rooms", "tea"],
          ["services", "acme.Text/Length"],
        ]
      ) {
        const { code, stdout } = await run(["complete", kind, "-s", address]);
        assert.deepEqual([code, stdout.includes(`${name}\n`)], [0, true], kind);
        assert.doesNotMatch(stdout, /reboot/, "a shell would take it for more than a word");
      }
      const { stdout: script } = await run(["completion", "bash"]);
      const stub = `${script}
parley() { [[ "$*" == "complete queues --timeout 1s -s there" ]] && printf 'emails\\nevents\\n'; }`;
      const offers = (...words: string[]) => bashOffers(stub, ["parley", ...words]);
      assert.deepEqual(await offers("queue", "-s", "there", "info", "em"), ["emails"]);
      assert.deepEqual(await offers("queue", "info", "-s", "there", "e"), ["emails", "events"]);
      assert.deepEqual(await offers("queue", "info", "-s", "elsewhere", "e"), []);
      const nobody = await run(["complete", "queues", "-s", "127.0.0.1:1"]);
      assert.deepEqual([nobody.code, nobody.stdout, nobody.stderr], [1, "", ""]);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  },
});

Deno.test("every script knows every command and option", async () => {
  const words = ["serve", "conns", "schema", "log-format", "in-flight", "pretty", "markdown"];
  words.push("pub", "sub", "call", "respond", "hz", "bus", "json-lines", "concurrency");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await run(["completion", shell]);
    assert.equal(code, 0);
    for (const word of words) assert.match(stdout, new RegExp(`\\b${word}\\b`), shell);
  }
  assert.match((await run(["completion", "zsh"])).stdout, /^#compdef parley\n/);
});
