/**
 * Who binds a queue to topics while the server runs may read them: what becomes a job is read by whoever pulls.
 */
import assert from "node:assert/strict";
import { callMethod, connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { startServer } from "../../support/server.ts";
import { user } from "../../support/users.ts";

Deno.test("a queue is bound only to topics that one may subscribe to", async () => {
  const roles = {
    queues: {
      allow: { manage: "queue.>", pull: ">", subscribe: "a.>" },
      deny: { subscribe: "a.secret" },
    },
    reads: { allow: { manage: "queue.>", subscribe: ">" } },
  };
  const users = [await user("ada", "queues"), await user("eve", "reads")];
  await using server = await startServer({ users, roles });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  await using ada = await connect(url, { user: "ada", password: "ada's secret" });
  await using eve = await connect(url, { user: "eve", password: "eve's secret" });
  for (const bind of [["secret.>"], [">"], ["room.lobby"], ["a.*"], ["a.secret"], ["a.b.>", "b"]]) {
    const set = callMethod(ada, Queues.method.set, { policy: { name: "spy", bind } });
    await assert.rejects(set, (error) => {
      assert(error instanceof ParleyError);
      assert.equal(error.code, ErrorCode.PERMISSION_DENIED);
      assert.match(error.message, /subscribe/);
      return true;
    }, bind.join());
  }
  const mine = await callMethod(ada, Queues.method.set, {
    policy: { name: "mine", bind: ["a.b.>"] },
  });
  assert.deepEqual(mine.policy?.bind, ["a.b.>"]);
  const all = await callMethod(eve, Queues.method.set, {
    policy: { name: "all", bind: ["secret.>"] },
  });
  assert.deepEqual(all.policy?.bind, ["secret.>"]);
});
