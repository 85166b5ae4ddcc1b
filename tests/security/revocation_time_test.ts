/**
 * How soon a user who is taken out of the file of users is gone, on every listener, without anybody telling the
 * server: what was measured is printed, and everybody else stays.
 */
import assert from "node:assert/strict";
import { stringify } from "smol-toml";
import { CloseReason } from "../../lib/base/errors.ts";
import type { BusClient } from "../support/bus_client.ts";
import { BUS_KINDS } from "../support/bus_client.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import { startServer } from "../support/server.ts";
import { enterBus, user } from "../support/users.ts";

Deno.test("a user who is taken out of the file is gone on every listener, others stay", async () => {
  const file = await Deno.makeTempFile({ prefix: "parley-users-", suffix: ".toml" });
  try {
    const [ada, eve] = [await user("ada", "all"), await user("eve", "all")];
    const roles = { all: { allow: { publish: ">" } } };
    await Deno.writeTextFile(file, stringify({ users: [ada, eve], roles }));
    await using server = await startServer({ auth: { users_file: file } });
    await using stack = new AsyncDisposableStack();
    const gone: BusClient[] = [];
    const stay: BusClient[] = [];
    for (const kind of BUS_KINDS) {
      gone.push(stack.use(await enterBus(server, kind, "eve")));
      stay.push(stack.use(await enterBus(server, kind, "ada")));
    }
    const startedMs = performance.now();
    await Deno.writeTextFile(file, stringify({ users: [ada], roles }));
    const tookMs = await Promise.all(gone.map(async (client) => {
      await client.whenEnded();
      return performance.now() - startedMs;
    }));
    for (const client of gone) {
      const { closeReason } = contentOf(client.messages.at(-1)!, "error");
      assert.equal(closeReason, CloseReason.REVOKED);
    }
    for (const client of stay) {
      contentOf(await client.ask(echoMessage("still here")), "echoMessage");
    }
    console.log(
      `# a user who was taken out was gone on ${BUS_KINDS.join(", ")} after at most ` +
        `${Math.max(...tookMs).toFixed(0)} ms`,
    );
  } finally {
    await Deno.remove(file);
  }
});
