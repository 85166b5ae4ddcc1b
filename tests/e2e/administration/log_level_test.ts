/**
 * The level of the log, set while the server runs: by category, until a reload, audited, and never so that acts are hidden.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import type { LogConfig } from "../../../lib/server/config/schema.ts";
import { run } from "../../cli/fake_io.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer } from "../../support/server.ts";
import { ask, enterBus, user } from "../../support/users.ts";

const { logLevels, setLogLevel } = Admin.method;
const ROLES = {
  admin: { allow: { manage: ["server.log", "server.reload"] } },
  other: { allow: { manage: ["server.stats", "topic.>"] } },
};

Deno.test("a level is set by category, told with its origin, and counts until the configuration is read again", async () => {
  const applied: LogConfig[] = [];
  await using server = await startServer({
    users: [await user("ada", "admin")],
    roles: ROLES,
    log: { level: "warning", levels: { connection: "error" } },
  }, { log: (config) => applied.push(config) });
  await using ada = await enterBus(server, "tcp", "ada");
  const levels = async () =>
    Object.fromEntries(
      (await ask(ada, logLevels, {})).answer!.levels.map((each) => [
        each.category,
        `${each.level} ${each.configured} ${each.setBy}`,
      ]),
    );
  const before = await levels();
  assert.deepEqual([before[""], before.connection, before.server, before.audit], [
    "warning warning ",
    "error error ",
    "warning  ",
    "warning  ",
  ]);
  const { answer } = await ask(ada, setLogLevel, { level: "debug" });
  assert.deepEqual(
    [answer!.levels[0].level, answer!.levels[0].setBy, answer!.levels[0].setTimeUnixMicros > 0n],
    ["debug", "ada", true],
  );
  await ask(ada, setLogLevel, { category: "connection", level: "info" });
  const during = await levels();
  assert.deepEqual([during[""], during.connection, during.server, during.audit], [
    "debug warning ada",
    "info error ada",
    "debug  ",
    "warning  ",
  ]);
  const last = applied.at(-1)!;
  assert.deepEqual([last.level, last.levels.connection, last.levels.audit], [
    "debug",
    "info",
    "warning",
  ]);
  // Taken back one by one, and all by a reload.
  await ask(ada, setLogLevel, { category: "connection", level: "" });
  assert.equal((await levels()).connection, "error error ");
  assert.equal((await ask(ada, Admin.method.reload, {})).error, null);
  assert.deepEqual(await levels(), before);
  assert.equal(applied.at(-1)?.level, "warning");
  const times = applied.length;
  assert.equal((await ask(ada, Admin.method.reload, {})).error, null);
  assert.equal(applied.length, times, "nothing was set, so nothing is set up anew");
});

Deno.test("what is no part or no level is refused, and so is whoever may not", async () => {
  using log = new LogRecords();
  await using server = await startServer({
    users: [await user("ada", "admin"), await user("eve", "other")],
    roles: ROLES,
  }, { log: () => {} });
  await using ada = await enterBus(server, "tcp", "ada");
  await using eve = await enterBus(server, "ws", "eve");
  for (
    const request of [
      { category: "nothing", level: "info" },
      { category: "connection", level: "loud" },
      { category: "audit", level: "warning" },
    ]
  ) {
    const { error } = await ask(ada, setLogLevel, request);
    assert.equal(error?.code, ErrorCode.INVALID_ARGUMENT, JSON.stringify(request));
  }
  assert.equal((await ask(ada, setLogLevel, { category: "audit", level: "debug" })).error, null);
  for (const method of [logLevels, setLogLevel]) {
    const { error } = await ask(eve, method as typeof logLevels, {});
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED);
    assert.match(error.message, /no permission manage "server\.log"$/);
  }
  const acts = log.records.filter(({ category }) => category[1] === "audit")
    .map(({ properties: { act, target, outcome } }) => `${act} ${target} ${outcome}`);
  assert(acts.includes("parley.v1.Admin/SetLogLevel audit done"), acts.join("\n"));
  assert(acts.includes("parley.v1.Admin/SetLogLevel  PERMISSION_DENIED"));
});

Deno.test("where the program around the server keeps the log, its level is told and not set", async () => {
  await using server = await startServer();
  const parley = (...args: string[]) =>
    run(["log-level", ...args, "--server", `127.0.0.1:${server.port("tcp")}`]);
  const refused = await parley("debug");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /the program around the server keeps it/);
  assert.match((await parley()).stdout, /^all others +info +configuration$/m);
});

Deno.test("the command line tells and sets levels, and `config print --running` shows what was set", async () => {
  const applied: LogConfig[] = [];
  await using server = await startServer({}, { log: (config) => applied.push(config) });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const parley = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(["log-level", ...args, "--server", url]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.match(
    await parley("connection", "debug"),
    /^connection +debug +set at run time, \S+; configured: as all$/m,
  );
  assert.equal(applied.at(-1)?.levels.connection, "debug");
  const printed = await run(["config", "print", "--running", url]);
  assert.match(printed.stdout, /^log\.levels\.connection = "debug" {2}# set at run time, /m);
  assert.match(await parley("connection", "configured"), /^connection +info +as all others$/m);
  const lines = (await parley("--json")).trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines[0], { category: "", level: "info", configured: "info" });
  assert.equal(configFrom({}).log.level, "info");
});
