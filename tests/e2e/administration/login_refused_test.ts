/**
 * A wrong password is told with the user whose it was to be, on every listener: in the log, in the audit log, and on a system topic.
 * What is no user's name is told nowhere: it may be a password that was typed in the wrong place.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { LoginRefusedSchema } from "../../../lib/gen/parley/v1/system_pb.ts";
import { subscribe } from "../../support/bus_messages.ts";
import { ask as askHttp } from "../../support/http_api.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";
import { enterBus, greet, user } from "../../support/users.ts";

async function start(): Promise<TestServer> {
  return await startServer({
    users: [await user("root", "admin"), await user("ada", "all")],
    roles: { admin: { allow: { subscribe: "sys.>" } }, all: { allow: { join: ">" } } },
  });
}

/** Tries a password at the text listener, and reads until it is refused. */
async function typeAt(server: TestServer, name: string, password: string): Promise<void> {
  const connection = await server.connect("text");
  try {
    const write = (text: string) => connection.write(new TextEncoder().encode(text));
    const bytes = new Uint8Array(4096);
    let text = "";
    const until = async (what: string) => {
      while (!text.includes(what)) {
        const count = await settles(connection.read(bytes), what);
        assert(count !== null, text);
        text += new TextDecoder().decode(bytes.subarray(0, count));
      }
    };
    await write(`${name}\n`);
    await until("PASSWORD");
    await write(`${password}\n`);
    await until("is wrong");
  } finally {
    connection.close();
  }
}

Deno.test("a wrong password is told with its user, whichever the listener, and nothing that was typed", async () => {
  using log = new LogRecords();
  await using server = await start();
  await using root = await enterBus(server, "tcp", "root");
  await root.acknowledged(subscribe("sys.login_refused"));
  const told = () => root.events.map(({ payload }) => fromBinary(LoginRefusedSchema, payload));
  for (const kind of ["tcp", "tls", "unix", "ws"] as const) {
    (await greet(server, kind, { user: "ada", password: "a canary" })).client.close();
  }
  await typeAt(server, "ada", "a canary");
  // People write names as they like.
  await typeAt(server, "Ada", "a canary");
  const authorization = `Basic ${btoa("ada:a canary")}`;
  const { status } = await askHttp(server, "/v1/publish/a", { headers: { authorization } });
  assert.equal(status, 401);
  (await greet(server, "tcp", { user: "another canary", password: "x" })).client.close();
  await root.whenEvents(8);
  assert.deepEqual(
    told().map(({ connection, user }) => `${connection?.listener} ${user}`),
    ["tcp ada", "tls ada", "unix ada", "ws ada", "text ada", "text ada", "http ada", "tcp "],
  );
  assert.equal(told()[0].connection?.peer, "127.0.0.1");
  const audited = log.records.filter(({ category, properties }) =>
    category[1] === "audit" && properties.act === "login"
  );
  assert.deepEqual(
    audited.map(({ properties: { target, outcome, listener } }) =>
      `${listener} ${target} ${outcome}`
    ),
    ["tcp", "tls", "unix", "ws", "text", "text", "http"]
      .map((listener) => `${listener} ada UNAUTHENTICATED`).concat("tcp  UNAUTHENTICATED"),
  );
  const wrong = log.records.filter(({ rawMessage }) => rawMessage === "a password was wrong");
  assert.deepEqual(
    wrong.map(({ properties }) => properties.user),
    ["ada", "ada", "ada", "ada", "ada", "ada", "ada", ""],
  );
  const all = JSON.stringify(
    [log.records, told()],
    (_, value) => typeof value === "bigint" ? `${value}` : value,
  );
  assert(!all.includes("canary"), "neither passwords nor names that are nobody's");
});
