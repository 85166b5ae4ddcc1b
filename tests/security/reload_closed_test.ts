/**
 * A reload that cannot read its files leaves everything as it was: when no more files can be opened, when a file may
 * not be read, when roles are not there. Afterwards the next one is taken.
 */
import assert from "node:assert/strict";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { BusClient } from "../support/bus_client.ts";
import { publish } from "../support/bus_messages.ts";
import { contentOf, helloMessage } from "../support/frames.ts";
import { ServeProcess } from "../support/serve_process.ts";
import { settles } from "../support/until.ts";
import { user } from "../support/users.ts";

const prlimit = ["/usr/bin/prlimit", "/bin/prlimit"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Sets how many files a process may have open from now on; gives how many it could. */
async function openFiles(pid: number, limit: number | string): Promise<string> {
  const run = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(prlimit!, {
      args: ["--pid", String(pid), ...args],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  };
  const before = await run("--nofile", "--raw", "--noheadings", "--output", "SOFT");
  await run(`--nofile=${limit}:`);
  return before;
}

async function enter(server: ServeProcess, name: string): Promise<BusClient> {
  const port = server.port("tcp");
  const client = new BusClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  client.startReading();
  const hello = helloMessage({ user: name, password: `${name}'s secret` });
  contentOf(await client.ask(hello), "welcome");
  return client;
}

async function configs(): Promise<{ before: ConfigInput; after: ConfigInput }> {
  const users = [await user("ada", "some"), await user("eve", "some")];
  const rules = (publish: string) => ({ some: { allow: { publish } } });
  return {
    before: { data: "", users, roles: rules("old") },
    after: { data: "", users: [users[0]], roles: rules("new") },
  };
}

async function may(client: BusClient, topic: string): Promise<boolean> {
  return (await client.ask(publish({ topic }))).message.case === "ack";
}

Deno.test({
  name: `a reload at the limit of open files changes nothing${
    prlimit === undefined ? " (ignored: prlimit is not installed)" : ""
  }`,
  ignore: prlimit === undefined,
  async fn() {
    const { before, after } = await configs();
    await using server = await ServeProcess.start(before);
    await using ada = await enter(server, "ada");
    await using eve = await enter(server, "eve");
    await server.write(after);
    // The users are read again by themselves meanwhile, and so in vain, too, or before the limit.
    const limit = await openFiles(server.pid, 3);
    server.hangUp();
    await server.running.finds(/stays in force|those before stay|not known at the moment/);
    // What was read in the moment before the limit may be in force as a whole; never a part of it.
    const [old, fresh] = [await may(ada, "old"), await may(ada, "new")];
    assert.notEqual(old, fresh);
    await openFiles(server.pid, limit);
    server.hangUp();
    const until = async () => {
      while (!await may(ada, "new"));
    };
    await settles(until(), "the next reload is taken");
    await eve.whenEnded();
    const { code, log } = await server.stop();
    assert.equal(code, 0, log);
    console.log("# a reload without a file to open: the old state stayed, the next one was taken");
  },
});

Deno.test({
  name: "a configuration that may not be read, or whose roles are not there, changes nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { before, after } = await configs();
    await using server = await ServeProcess.start(before);
    await using ada = await enter(server, "ada");
    await using eve = await enter(server, "eve");
    const faults: [what: string, make: () => Promise<void>][] = [
      ["no roles", () => server.write({ ...after, roles: {} })],
      [
        "a rule that is none",
        () => server.write({ ...after, roles: { some: { allow: { publish: "a..b" } } } }),
      ],
      ["a folder", async () => {
        await Deno.remove(server.config);
        await Deno.mkdir(server.config);
      }],
      ["nothing", () => Deno.remove(server.config)],
    ];
    for (const [what, make] of faults) {
      const { length } = await server.errors();
      await make();
      server.hangUp();
      const isTold = async () => {
        while ((await server.errors()).length === length) await may(ada, "old");
      };
      await settles(isTold(), `${what} is told`);
      assert.deepEqual([await may(ada, "old"), await may(ada, "new")], [true, false], what);
    }
    await server.write(after);
    server.hangUp();
    await eve.whenEnded();
    assert(await may(ada, "new"));
    for (const line of await server.errors()) {
      assert.match(line, /stays? in (force|use)|before stay/);
    }
    assert.equal((await server.stop()).code, 0);
  },
});
