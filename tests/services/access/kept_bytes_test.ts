/**
 * Tests the limit of bytes that may be kept of a user: at it, below and above, in topics and in queues, given back by
 * whatever drops something, changed by a reload, the same after a restart and after kill -9, and for nobody else.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { Queues, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { BusClient } from "../../support/bus_client.ts";
import { publish } from "../../support/bus_messages.ts";
import {
  type ClientMessageInit,
  contentOf,
  helloMessage,
  type ServerMessage,
} from "../../support/frames.ts";
import { ServeProcess } from "../../support/serve_process.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles, until } from "../../support/until.ts";
import { ask, enterBus, user } from "../../support/users.ts";
import { jobs, pull, settle } from "../queues/queue_support.ts";

const ALL = { publish: ">", subscribe: ">", push: ">", pull: ">", manage: ">", join: ">" };
const LIMIT = 210;

/** A configuration in which so many bytes may be kept of ada and of eve; bob has no limit. */
async function config(most: number, more: ConfigInput = {}): Promise<ConfigInput> {
  return {
    users: [
      await user("ada", ["all", "few"]),
      await user("eve", ["all", "few"]),
      await user("bob", "all"),
    ],
    roles: { all: { allow: ALL }, few: { limits: { max_kept_bytes: most } } },
    keep: [{ pattern: "k.>" }],
    ...more,
  };
}

const event = (topic: string, bytes: number, messageId = ""): ClientMessageInit =>
  publish({ topic, payload: new Uint8Array(bytes), messageId });
const job = (queue: string, bytes: number): ClientMessageInit => ({
  message: { case: "job", value: { queue, payload: new Uint8Array(bytes) } },
});

async function isTaken(client: BusClient, message: ClientMessageInit): Promise<void> {
  contentOf(await client.ask(message), "ack");
}

/** Sends what has to be refused for what is kept already. */
async function isRefused(client: BusClient, message: ClientMessageInit, text: RegExp) {
  const error = contentOf(await client.ask(message) as ServerMessage, "error");
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED, error.message);
  assert.match(`${error.message}; ${error.accepted}`, text);
  assert.equal(error.closeReason, 0);
}

/** Asks until `condition` holds. */
async function comes(condition: () => Promise<boolean>, what: string): Promise<void> {
  const asking = async () => {
    while (!(await condition()));
  };
  await settles(asking(), what);
}

/** What a topic holds. */
async function bytesOf(client: BusClient, topic: string): Promise<number> {
  const { answer } = await ask(client, Topics.method.info, { topic });
  return Number(answer!.info!.bytes);
}

/** What a queue holds. */
async function bytesIn(client: BusClient, queue: string): Promise<number> {
  const { answer } = await ask(client, Queues.method.info, { queue });
  return Number(answer!.info!.bytes);
}

/** Fills a topic up to `LIMIT` exactly: one byte more is refused first. Gives the payload that one more event could have. */
async function fill(client: BusClient, topic: string): Promise<number> {
  await isTaken(client, event(topic, 60));
  const held = await bytesOf(client, topic);
  const around = held - 60;
  const left = LIMIT - held - around;
  const much = new RegExp(
    `cannot publish on "${topic}": of "ada" ${held} bytes are kept, and it is ${
      LIMIT - held + 1
    } more; at most ${LIMIT} \\(max_kept_bytes of its roles\\)`,
  );
  await isRefused(client, event(topic, left + 1), much);
  await isTaken(client, event(topic, left));
  assert.equal(await bytesOf(client, topic), LIMIT);
  await isRefused(client, event(topic, 0), /of "ada" 210 bytes are kept/);
  return left;
}

async function trim(client: BusClient, topic: string, beforeSeq: bigint): Promise<void> {
  assert.equal((await ask(client, Topics.method.trim, { topic, beforeSeq })).error, null);
}

Deno.test("events up to the limit are kept of a user, exactly, until some are trimmed", async () => {
  await using server = await startServer(await config(LIMIT));
  await using ada = await enterBus(server, "tcp", "ada");
  await fill(ada, "k.a");
  await isRefused(ada, event("k.new", 0), /cannot publish on "k\.new": of "ada" 210 bytes/);
  await isRefused(ada, job("q", 0), /cannot push to "q": of "ada" 210 bytes/);
  await isTaken(ada, event("plain", 100));
  const answer = await fetch(`http://127.0.0.1:${server.port("ws")}/v1/publish/k.http`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("ada:ada's secret")}` },
    body: "x",
  });
  assert.equal(answer.status, 429);
  assert.match(await answer.text(), /at most 210/);
  // What others keep is their own.
  await using bob = await enterBus(server, "tcp", "bob");
  await isTaken(bob, event("k.bob", 10_000));
  await using eve = await enterBus(server, "ws", "eve");
  await isTaken(eve, event("k.eve", 100));
  await trim(ada, "k.a", 2n);
  await isTaken(ada, event("k.a", 60));
  await isRefused(ada, event("k.a", 0), /of "ada" 210 bytes/);
  await ask(ada, Topics.method.remove, { pattern: "k.a" });
  await fill(ada, "k.again");
});

Deno.test("an event in hand counts before it is committed, and not when it is one that is there", async () => {
  await using server = await startServer(await config(LIMIT));
  await using ada = await enterBus(server, "tcp", "ada");
  const ids = Array.from({ length: 50 }, () => ada.nextId());
  await ada.send(...ids.map((id) => ({ ...event("k.a", 60), id })));
  const answers = await Promise.all(ids.map((id) => ada.answerTo(id)));
  const taken = answers.filter(({ message }) => message.case === "ack").length;
  const held = await bytesOf(ada, "k.a");
  assert(held <= LIMIT && held + held / taken > LIMIT, `${taken} events of ${held} bytes`);
  await using eve = await enterBus(server, "tcp", "eve");
  await isTaken(eve, event("k.eve", 150, "once"));
  await isRefused(eve, event("k.eve", 150), /of "eve" \d+ bytes/);
  assert.equal(contentOf(await eve.ask(event("k.eve", 150, "once")), "ack").duplicate, true);
});

Deno.test("jobs up to the limit are kept of a user, exactly, until they are settled", async () => {
  await using server = await startServer(await config(LIMIT));
  await using ada = await enterBus(server, "tcp", "ada");
  await isTaken(ada, job("q", 60));
  const held = await bytesIn(ada, "q");
  const left = LIMIT - held - (held - 60);
  await isRefused(ada, job("q", left + 1), /cannot push to "q": of "ada" \d+ bytes are kept/);
  await isTaken(ada, job("q", left));
  assert.equal(await bytesIn(ada, "q"), LIMIT);
  await isRefused(ada, job("q", 0), /210 bytes are kept/);
  await isRefused(ada, event("k.a", 0), /210 bytes are kept/);
  await isRefused(ada, job("another", 0), /210 bytes are kept/);
  await pull(ada, "q", 2);
  const [first, second] = await jobs(ada, 2);
  await isRefused(ada, job("q", 0), /210 bytes are kept/);
  contentOf(await settle(ada, Verdict.ACK, [first]), "settled");
  await isTaken(ada, job("q", 60));
  // What is given up goes to the dead letters, and is kept there.
  contentOf(await settle(ada, Verdict.REJECT, [second]), "settled");
  await comes(async () => (await bytesIn(ada, "q.dead")) > 0, "a dead letter");
  await isRefused(ada, job("q", 60), /bytes are kept/);
  await ask(ada, Queues.method.purge, { queue: "q.dead" });
  await isTaken(ada, job("q", 60));
});

Deno.test("what is put into the topic or queue of another counts for who made it", async () => {
  await using server = await startServer(await config(LIMIT));
  await using ada = await enterBus(server, "tcp", "ada");
  await using eve = await enterBus(server, "tcp", "eve");
  await using bob = await enterBus(server, "tcp", "bob");
  await isTaken(bob, event("k.bob", 10));
  await isTaken(bob, job("bobs", 10));
  await isTaken(ada, event("k.ada", 10));
  for (let count = 0; count < 5; count++) {
    await isTaken(ada, event("k.bob", 100));
    await isTaken(ada, job("bobs", 100));
  }
  await isTaken(eve, event("k.ada", 100));
  await isRefused(
    eve,
    event("k.ada", 100),
    /cannot publish on "k\.ada": of who made it \d+ bytes are kept, .*max_kept_bytes of their roles/,
  );
  ada.close();
  await until(() => server.stats().connectionsOpen === 2, "ada is gone");
  await isRefused(eve, event("k.ada", 100), /of who made it/);
  await isTaken(bob, event("k.ada", 1000));
  await isRefused(eve, event("k.ada", 0), /of who made it/);
});

Deno.test("no way of making a queue makes it nobody's", async () => {
  const input = await config(LIMIT);
  const data = await Deno.makeTempDir({ prefix: "parley-kept-bytes-" });
  try {
    {
      await using server = await startServer({ ...input, data });
      await using ada = await enterBus(server, "tcp", "ada");
      await pull(ada, "by.letters.dead", 1);
      await isRefused(
        ada,
        job("by.letters", LIMIT),
        /cannot push to "by\.letters": of "ada" 0 bytes/,
      );
      const policy = { name: "by.policy" };
      assert.equal((await ask(ada, Queues.method.set, { policy, create: true })).error, null);
      await isRefused(ada, job("by.policy", LIMIT), /of "ada" 0 bytes/);
    }
    await using server = await startServer({ ...input, data });
    await using ada = await enterBus(server, "tcp", "ada");
    await isRefused(ada, job("by.policy", LIMIT), /of "ada" 0 bytes/);
    await isTaken(ada, job("by.policy", 10));
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("an event and the jobs that it becomes count together", async () => {
  const more = { queue: [{ name: "own", bind: ["k.bound", "bound"] }] };
  await using server = await startServer(await config(LIMIT, more));
  await using ada = await enterBus(server, "tcp", "ada");
  await isTaken(ada, event("k.bound", 150));
  await isRefused(ada, event("k.bound", 150), /of "ada" \d+ bytes/);
  // The queue is the configuration's: what is in it is nobody's.
  await isTaken(ada, event("bound", 200));
  await using eve = await enterBus(server, "tcp", "eve");
  await isTaken(eve, job("made", 0));
  const policy = { name: "made", bind: ["k.more"] };
  await ask(eve, Queues.method.set, { policy });
  await isRefused(eve, event("k.more", 100), /cannot publish on "k\.more": of "eve"/);
  await isTaken(eve, event("k.more", 20));
});

Deno.test("rooms count for nobody", async () => {
  await using server = await startServer(await config(1, { keep: [{ pattern: "room.>" }] }));
  await using ada = await enterBus(server, "tcp", "ada");
  for (const [method, request] of [["ClaimName", "\n\x03ada"], ["Join", "\n\x04hall"]]) {
    const payload = new TextEncoder().encode(request);
    const call = { method: `parley.v1.Rooms/${method}`, payload };
    const { message } = await ada.ask({ message: { case: "call", value: call } });
    assert.equal(message.case, "answer", JSON.stringify(message.value));
  }
});

Deno.test("a reload sets another limit; what is kept stays", async () => {
  const input = await config(LIMIT);
  const withLimit = (most: number): ConfigInput => ({
    ...input,
    roles: { ...input.roles, few: { limits: { max_kept_bytes: most } } },
  });
  await using server = await ServeProcess.start(input);
  await using ada = await at(server, "ada");
  const left = await fill(ada, "k.a");
  const lastSeq = 2n;
  await server.write(withLimit(LIMIT - 1));
  server.hangUp();
  await comes(async () => {
    const { message } = await ada.ask(event("k.a", 0));
    return message.case === "error" && message.value.accepted.includes("at most 209");
  }, "the lower limit");
  assert.equal(await bytesOf(ada, "k.a"), LIMIT);
  await server.write(withLimit(LIMIT * 2));
  server.hangUp();
  await comes(async () => {
    const { message } = await ada.ask(event("k.a", left));
    return message.case === "ack" && message.value.seq === lastSeq + 1n;
  }, "the higher limit");
});

Deno.test("after kill -9 as much counts as before", async () => {
  const input = await config(LIMIT);
  const data = await Deno.makeTempDir({ prefix: "parley-kept-bytes-" });
  try {
    {
      await using server = await ServeProcess.start({ ...input, data });
      await using ada = await at(server, "ada");
      await isTaken(ada, job("q", 60));
      await isTaken(ada, event("k.a", 60));
      // Nobody may be without an owner for having been named twice.
      await trim(ada, "k.a", 2n);
      await isTaken(ada, event("k.a", 60));
      await server.running.end("SIGKILL");
    }
    await using server = await ServeProcess.start({ ...input, data });
    await using ada = await at(server, "ada");
    await using bob = await at(server, "bob");
    const [user] = (await ask(bob, Users.method.list, { user: "ada" })).answer!.users;
    const held = await bytesOf(ada, "k.a") + await bytesIn(ada, "q");
    assert.equal(Number(user.keptBytes), held);
    await isRefused(ada, event("k.a", LIMIT - held), new RegExp(`of "ada" ${held} bytes are kept`));
    await isRefused(ada, job("q", LIMIT - held), new RegExp(`of "ada" ${held} bytes are kept`));
    await pull(ada, "q", 1);
    contentOf(await settle(ada, Verdict.ACK, await jobs(ada, 1)), "settled");
    await trim(ada, "k.a", 3n);
    await fill(ada, "k.b");
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

/** A client of a server that is a process. */
async function at(server: ServeProcess, name: string): Promise<BusClient> {
  const client = new BusClient(
    await Deno.connect({ hostname: "127.0.0.1", port: server.port("tcp") }),
  );
  client.startReading();
  const hello = helloMessage({ user: name, password: `${name}'s secret` });
  contentOf(await client.ask(hello), "welcome");
  return client;
}

/** Guests of one address are one user, also here. */
Deno.test("guests count by their address", async () => {
  await using server: TestServer = await startServer({
    ...await config(LIMIT),
    auth: { guest_role: "guest" },
    roles: {
      all: { allow: ALL },
      few: {},
      guest: { allow: ALL, limits: { max_kept_bytes: LIMIT } },
    },
  });
  await using one = await BusClient.connect(server, "tcp");
  await using two = await BusClient.connect(server, "ws");
  await isTaken(one, event("k.a", 100));
  await isRefused(two, event("k.b", 150), /of guests of this address \d+ bytes are kept/);
});
