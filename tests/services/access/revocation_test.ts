/**
 * Tests that a change of users and roles acts on those who are connected: by a reload, and by itself when the file of
 * users changes. What a broken file does: nothing.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { Rooms } from "../../../lib/gen/parley/v1/room_pb.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { stringify } from "smol-toml";
import { BusClient } from "../../support/bus_client.ts";
import { call, publish, register, subscribe } from "../../support/bus_messages.ts";
import {
  type ClientMessageInit,
  contentOf,
  echoMessage,
  helloMessage,
} from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { ask, enterBus, stored, token, user } from "../../support/users.ts";

type Tables = Pick<ConfigInput, "users" | "roles">;

/** A server with a file of users, which `change` writes anew. */
class Changing implements AsyncDisposable {
  private constructor(readonly server: TestServer, readonly file: string) {}

  static async start(tables: Tables, more: ConfigInput = {}): Promise<Changing> {
    const file = await Deno.makeTempFile({ prefix: "parley-users-", suffix: ".toml" });
    await Deno.writeTextFile(file, stringify(tables));
    const server = await startServer({ auth: { users_file: file }, ...more });
    return new Changing(server, file);
  }

  /** Writes the file anew; the server reads it when it has seen that, or at once when it is told to. */
  async change(tables: Tables | string, reload = true): Promise<void> {
    const text = typeof tables === "string" ? tables : stringify(tables);
    await Deno.writeTextFile(this.file, text);
    if (reload) await this.server.server.reload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.file);
  }
}

const pull = (queue: string, consumer = 1n): ClientMessageInit => ({
  message: { case: "pull", value: { consumer, queue, prefetch: 1 } },
});

function roles(allow: NonNullable<ConfigInput["roles"]>[string]["allow"]): Tables["roles"] {
  return {
    some: { allow },
    all: { allow: { publish: ">", subscribe: ">", push: ">", call: ">" } },
  };
}

const EVERYTHING = {
  publish: [">"],
  subscribe: [">"],
  serve: [">"],
  call: [">"],
  pull: [">"],
  join: [">"],
};

/** The errors without an id that came. */
function told(client: BusClient): string[] {
  return client.messages.flatMap(({ message, id }) =>
    message.case === "error" && id === 0n ? [message.value.message] : []
  );
}

async function endedWith(client: BusClient, reason: CloseReason): Promise<void> {
  await client.whenEnded();
  const last = client.messages.at(-1)!;
  const error = contentOf(last, "error");
  assert.equal(error.closeReason, reason);
  assert.equal(error.code, ErrorCode.UNAUTHENTICATED);
}

Deno.test("a user who is gone, disabled or has another password is cut off, the others stay", async () => {
  const names = ["gone", "disabled", "changed", "stays"];
  const users = await Promise.all(names.map((name) => user(name, "some")));
  await using changing = await Changing.start({ users, roles: roles(EVERYTHING) });
  const clients = await Promise.all(names.map((name) => enterBus(changing.server, "tcp", name)));
  const [gone, disabled, changed, stays] = clients;
  await changing.change({
    users: [
      { ...users[1], disabled: true },
      { ...users[2], password: await stored("another") },
      users[3],
    ],
    roles: roles(EVERYTHING),
  });
  for (const client of [gone, disabled, changed]) await endedWith(client, CloseReason.REVOKED);
  assert.equal((await stays.ask(echoMessage("still here"))).message.case, "echoMessage");
  for (const client of clients) await client[Symbol.asyncDispose]();
});

Deno.test("a token that is taken back or ends ends its sessions, by itself", async () => {
  const soon = token("soon", new Date(Date.now() + 700).toISOString());
  const back = token("back");
  const ada = await user("ada", "some", { tokens: [soon.entry, back.entry] });
  await using changing = await Changing.start({ users: [ada], roles: roles(EVERYTHING) });
  const enterWith = async (token: string) => {
    const client = await BusClient.connect(changing.server, "tcp");
    contentOf(await client.ask(helloMessage({ token })), "welcome");
    return client;
  };
  await using one = await enterWith(soon.token);
  await using other = await enterWith(back.token);
  await using third = await enterBus(changing.server, "tcp", "ada");
  await endedWith(one, CloseReason.REVOKED);
  await changing.change(
    { users: [{ ...ada, tokens: [soon.entry] }], roles: roles(EVERYTHING) },
    false,
  );
  await endedWith(other, CloseReason.REVOKED);
  assert.equal((await third.ask(echoMessage("still here"))).message.case, "echoMessage");
});

Deno.test("narrower rights take what is not allowed any more, and leave the rest", async () => {
  const users = [await user("ada", "some"), await user("bob", "all")];
  await using changing = await Changing.start({ users, roles: roles(EVERYTHING) }, {
    keep: [{ pattern: "k.>" }],
  });
  const { server } = changing;
  await using ada = await enterBus(server, "tcp", "ada");
  await using bob = await enterBus(server, "tcp", "bob");
  for (const pattern of ["a.>", "b.>", "k.>"]) await ada.acknowledged(subscribe(pattern));
  for (const method of ["acme.One/Go", "acme.Two/Go"]) await ada.acknowledged(register(method));
  await ada.acknowledged(pull("jobs", 1n));
  await ada.acknowledged(pull("others", 2n));
  await ask(ada, Rooms.method.claimName, { name: "Ada" });
  for (const room of ["lobby", "board"]) await ask(ada, Rooms.method.join, { room });
  // Both remember who gets what.
  assert.equal(await bob.acknowledged(publish({ topic: "a.x" })), 1);
  assert.equal(await bob.acknowledged(publish({ topic: "b.x" })), 1);
  await ada.acknowledged(publish({ topic: "b.x" }));

  await changing.change({
    users,
    roles: {
      ...roles({
        publish: ["a.>"],
        subscribe: ["a.>", "k.>"],
        serve: ["acme.One/*"],
        pull: ["jobs"],
        join: ["lobby"],
      }),
      some: {
        allow: {
          publish: ["a.>"],
          subscribe: ["a.>", "k.>"],
          serve: ["acme.One/*"],
          pull: ["jobs"],
          join: ["lobby"],
        },
        deny: { subscribe: ["a.secret", "k.secret"] },
      },
    },
  });
  await ada.when(() => told(ada).length >= 4, "what was taken");
  const ends = [
    /^the subscription to "b.>" has ended: this user has no permission subscribe "b.>" any more$/,
    /^the method "acme.Two\/Go" has ended: /,
    /^the consumer of "others" has ended: /,
    /^the stay in the room "board" has ended: /,
  ];
  const all = told(ada);
  assert.equal(all.length, ends.length, all.join("\n"));
  for (const end of ends) assert.ok(all.some((one) => end.test(one)), `${end}`);
  assert.equal(await bob.acknowledged(publish({ topic: "b.x" })), 0);
  assert.equal(await bob.acknowledged(publish({ topic: "a.x" })), 1);
  assert.equal(await bob.acknowledged(publish({ topic: "a.secret" })), 0);
  const refused = contentOf(await ada.ask(publish({ topic: "b.x" })), "error");
  assert.equal(refused.code, ErrorCode.PERMISSION_DENIED);
  const nobody = contentOf(await bob.ask(call({ method: "acme.Two/Go" })), "error");
  assert.equal(nobody.code, ErrorCode.UNAVAILABLE);
  // What is kept is decided again when it is read.
  for (const topic of ["k.secret", "k.a"]) await bob.ask(publish({ topic }));
  await using late = await enterBus(server, "tcp", "ada");
  const start = { since: { case: "all", value: true } } as const;
  await late.acknowledged(subscribe({ pattern: "k.>", start }));
  await late.whenEvents(1);
  assert.deepEqual(late.events.map(({ topic }) => topic), ["k.a"]);
  // A job of the queue that is left still comes.
  await bob.acknowledged({ message: { case: "job", value: { queue: "others" } } });
  await bob.acknowledged({ message: { case: "job", value: { queue: "jobs" } } });
  await ada.when(() => ada.messages.some(({ message }) => message.case === "job"), "a job");
  const jobs = ada.messages.filter(({ message }) => message.case === "job");
  assert.equal(jobs.length, 1);
});

Deno.test("who may push to a queue no longer does not, also where it has just pushed", async () => {
  const users = [await user("ada", "some")];
  await using changing = await Changing.start({ users, roles: roles({ push: [">"] }) });
  await using ada = await enterBus(changing.server, "tcp", "ada");
  const job = { message: { case: "job", value: { queue: "jobs" } } } as const;
  assert.equal((await ada.ask(job)).message.case, "ack");
  await changing.change({ users, roles: roles({ push: ["others"] }) });
  assert.equal(contentOf(await ada.ask(job), "error").code, ErrorCode.PERMISSION_DENIED);
});

Deno.test("wider rights are there at once", async () => {
  const users = [await user("ada", "some")];
  await using changing = await Changing.start({ users, roles: roles({ publish: ["a"] }) });
  await using ada = await enterBus(changing.server, "tcp", "ada");
  assert.equal((await ada.ask(publish({ topic: "b" }))).message.case, "error");
  await changing.change({ users, roles: roles({ publish: ["a", "b"] }) });
  assert.equal((await ada.ask(publish({ topic: "b" }))).message.case, "ack");
  assert.deepEqual(told(ada), []);
});

Deno.test("a file of users that is broken, empty of sense or not there changes nothing", async () => {
  const users = [await user("ada", "some")];
  await using changing = await Changing.start({ users, roles: roles({ publish: ["a"] }) });
  await using ada = await enterBus(changing.server, "tcp", "ada");
  using logs = new LogRecords();
  const broken = [
    "[[users]\nname = 'canary-password'",
    '[[users]]\nname = "ada"\npassword = "canary-password"',
    '[[users]]\nname = "ada"\nroles = ["absent"]',
    stringify({ users, listen: { tcp: "" } }),
  ];
  for (const text of broken) {
    await assert.rejects(changing.change(text));
    assert.equal((await ada.ask(publish({ topic: "a" }))).message.case, "ack");
    assert.equal((await ada.ask(publish({ topic: "b" }))).message.case, "error");
  }
  await Deno.remove(changing.file);
  await assert.rejects(changing.server.server.reload());
  assert.equal((await ada.ask(publish({ topic: "a" }))).message.case, "ack");
  const errors = logs.records.filter(({ level }) => level === "error");
  assert.ok(errors.length > broken.length, `${errors.length} errors`);
  const text = logs.records.map((one) => Deno.inspect([one.message, one.properties])).join("\n");
  assert.ok(!text.includes("canary-password"));
  // No users at all is a file like any other: everybody goes, and nobody may come as before there were users.
  await changing.change("");
  await endedWith(ada, CloseReason.REVOKED);
  await using stranger = await BusClient.connect(changing.server, "tcp");
  const error = contentOf(await stranger.ask(publish({ topic: "a" })), "error");
  assert.equal(error.code, ErrorCode.UNAUTHENTICATED);
});
