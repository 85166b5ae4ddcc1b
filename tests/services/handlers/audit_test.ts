/**
 * The audit log: a line for each administrative act, whether it was done or refused, and none for anything else.
 */
import assert from "node:assert/strict";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../../lib/gen/parley/v1/room_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { isAct } from "../../../lib/services/handlers/own/audit.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer } from "../../support/server.ts";
import { ask, enterBus, user } from "../../support/users.ts";

Deno.test("audit: acts are what changes something, and nothing that reads", () => {
  const acts = [Admin, Queues, Rooms, Topics].flatMap(({ typeName, methods }) =>
    methods.map(({ name }) => `${typeName}/${name}`)
  ).filter(isAct).map((name) => name.replace("parley.v1.", ""));
  for (
    const act of [
      "Admin/Reload",
      "Queues/Pause",
      "Queues/Purge",
      "Queues/Redrive",
      "Queues/Remove",
      "Queues/Resume",
      "Rooms/Remove",
      "Topics/Remove",
      "Topics/Trim",
    ]
  ) assert(acts.includes(act), act);
  for (const act of acts) assert.doesNotMatch(act, /Info|List|Peek|Join|Say|Tell|Demo/);
});

Deno.test("audit: who did what, from where, and what became of it", async () => {
  using log = new LogRecords();
  await using server = await startServer({
    users: [await user("ada", "admin"), await user("eve", "nobody")],
    roles: { admin: { allow: { manage: ">", push: ">" } }, nobody: {} },
  });
  await using ada = await enterBus(server, "tcp", "ada");
  await using eve = await enterBus(server, "ws", "eve");
  await ada.acknowledged({ message: { case: "job", value: { queue: "q" } } });
  assert.equal((await ask(ada, Queues.method.info, { queue: "q" })).error, null);
  assert.equal((await ask(ada, Queues.method.purge, { queue: "q" })).error, null);
  assert.notEqual((await ask(ada, Queues.method.purge, { queue: "none" })).error, null);
  assert.notEqual((await ask(eve, Queues.method.purge, { queue: "q" })).error, null);
  assert.notEqual((await ask(eve, Admin.method.reload, {})).error, null);
  const lines = log.records.filter(({ category }) => category[1] === "audit")
    .map(({ properties, level }) => ({ level, ...properties }) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ level, user, act, target, outcome, listener }) =>
      `${level} ${user} ${listener} ${act} ${target} ${outcome}`
    ),
    [
      "info ada tcp parley.v1.Queues/Purge q done",
      "info ada tcp parley.v1.Queues/Purge none NOT_FOUND",
      "info eve ws parley.v1.Queues/Purge q PERMISSION_DENIED",
      "info eve ws parley.v1.Admin/Reload  PERMISSION_DENIED",
    ],
  );
  for (const line of lines) {
    assert.match(String(line.peer), /^127\.0\.0\.1:\d+$/);
    assert.equal(typeof line.connection, "number");
  }
  assert.match(String(lines[2].reason), /no permission manage "queue\.q"/);
});
