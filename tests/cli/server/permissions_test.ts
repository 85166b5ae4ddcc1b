/**
 * What a server process may still do once it listens, tried from outside: a debugger is attached to the real
 * process, and what it is told to do there is refused by the runtime.
 */
import assert from "node:assert/strict";
import { COMMAND, LOCAL, Running } from "../processes.ts";
import { settles } from "../../support/until.ts";

/** Evaluates `expression` in the process whose debugger listens at `url`; gives what it is as JSON. */
async function evaluate(url: string, expression: string): Promise<unknown> {
  const socket = new WebSocket(url);
  try {
    const answer = new Promise<string>((resolve, reject) => {
      socket.onerror = () => reject(new Error(`no debugger at ${url}`));
      socket.onopen = () =>
        socket.send(JSON.stringify({
          id: 1,
          method: "Runtime.evaluate",
          params: { expression, awaitPromise: true, returnByValue: true },
        }));
      socket.onmessage = ({ data }) => JSON.parse(data).id === 1 && resolve(data);
    });
    const { result } = JSON.parse(await settles(answer, "the debugger's answer")).result;
    return JSON.parse(result.value);
  } finally {
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await settles(closed, "the end of the debugger's connection");
  }
}

/** Tries what a server has no use for, and tells what came of it. */
const ATTEMPT = `(async () => {
  const tried = {};
  const attempts = {
    run: () => new Deno.Command("true").output(),
    runAny: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).output(),
    list: () => Deno.env.toObject(),
    read: () => Deno.env.get("PATH"),
    write: () => Deno.env.set("PARLEY_TEST", "1"),
    ffi: () => Deno.dlopen("libc.so.6", {}),
    regained: async () => {
      for (const name of ["run", "env"]) {
        if ((await Deno.permissions.request({ name })).state === "granted") return;
      }
      throw new Deno.errors.NotCapable("not to be had again");
    },
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt();
      tried[name] = "done";
    } catch (error) {
      tried[name] = error.name;
    }
  }
  return JSON.stringify(tried);
})()`;

Deno.test("a server that listens can neither run programs nor read its environment", async () => {
  const words = COMMAND.toSpliced(2, 1, "--inspect=127.0.0.1:0");
  assert.equal(COMMAND[2], "--quiet");
  await using server = new Running([], { PARLEY_LOG_LEVEL: "debug" }, {
    words: [...words, "serve", "--json", ...LOCAL],
  });
  await server.lines(1);
  const [url] = await server.finds(/ws:\/\/\S+/);
  assert.deepEqual(await evaluate(url, ATTEMPT), {
    run: "NotCapable",
    runAny: "NotCapable",
    list: "NotCapable",
    read: "NotCapable",
    write: "NotCapable",
    ffi: "NotCapable",
    regained: "NotCapable",
  });
  const { log } = await server.end("SIGTERM");
  assert.match(log, /"permissions":\["net","read","write"\]/, "and the log says so");
});
