/**
 * Rights that are narrowed while a client is there, against every path on which something of before could still come:
 * live, the history from a number, from the beginning and the last of it, catching up, jobs, dead letters, peeking, the
 * history of a room. What is delivered afterwards lies within what is allowed then.
 */
import assert from "node:assert/strict";
import type { DescMethod } from "@bufbuild/protobuf";
import { stringify } from "smol-toml";
import { ErrorCode } from "../../lib/base/errors.ts";
import { OverflowPolicy } from "../../lib/gen/parley/v1/event_pb.ts";
import { Queues, Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../lib/gen/parley/v1/room_pb.ts";
import { Topics } from "../../lib/gen/parley/v1/topic_pb.ts";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { jobs, pull, push, settle } from "../services/queues/queue_support.ts";
import { BusClient } from "../support/bus_client.ts";
import { bytesOf, publish, subscribe } from "../support/bus_messages.ts";
import { contentOf, echoMessage, helloMessage } from "../support/frames.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { ask, enterBus, user } from "../support/users.ts";

const FILL_BYTES = 16 * 1024;
/** More than an outbox and the buffers of the system hold. */
const FILL_EVENTS = 1500;
const LAST_EVENTS = 50;

const EVERYTHING = {
  publish: [">"],
  subscribe: [">"],
  push: [">"],
  pull: [">"],
  join: [">"],
  manage: [">"],
};

/** A server whose user "ada" may do everything, until `narrow`. */
class Narrowing implements AsyncDisposable {
  private constructor(
    readonly server: TestServer,
    readonly file: string,
    readonly users: NonNullable<ConfigInput["users"]>,
  ) {}

  static async start(more: ConfigInput): Promise<Narrowing> {
    const file = await Deno.makeTempFile({ prefix: "parley-users-", suffix: ".toml" });
    const users = [await user("ada", "ada"), await user("eve", "eve")];
    const roles = { ada: { allow: EVERYTHING }, eve: { allow: EVERYTHING } };
    await Deno.writeTextFile(file, stringify({ users, roles }));
    const server = await startServer({ auth: { users_file: file }, ...more });
    return new Narrowing(server, file, users);
  }

  /** From now on ada may read what is below "k" but for "k.secret", and nothing else. */
  async narrow(): Promise<void> {
    const ada = { allow: { subscribe: ["k.>"] }, deny: { subscribe: ["k.secret"] } };
    const roles = { ada, eve: { allow: EVERYTHING } };
    await Deno.writeTextFile(this.file, stringify({ users: this.users, roles }));
    await this.server.server.reload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.file);
  }
}

function topicsOf(client: BusClient): string[] {
  return client.events.map(({ topic }) => topic);
}

Deno.test("after rights were narrowed no start in the history brings what is denied", async () => {
  await using narrowing = await Narrowing.start({ keep: [{ pattern: "k.>" }] });
  const { server } = narrowing;
  await using eve = await enterBus(server, "tcp", "eve");
  await using ada = await enterBus(server, "tcp", "ada");
  await ada.acknowledged(subscribe("k.>"));
  const say = async () => {
    for (const topic of ["k.secret", "k.open"]) await eve.ask(publish({ topic }));
  };
  await say();
  await ada.whenEvents(2);
  await narrowing.narrow();
  await say();
  await ada.whenEvents(3);
  assert.deepEqual(topicsOf(ada), ["k.secret", "k.open", "k.open"], "live");
  const starts = [
    { case: "seq", value: 1n },
    { case: "all", value: true },
    { case: "last", value: 10 },
    { case: "timeUnixMicros", value: 1n },
  ] as const;
  let tried = 0;
  for (const since of starts) {
    for (const pattern of ["k.>", "k.*", "k.open", "k.secret", ">", "*.secret"]) {
      await using late = await enterBus(server, "tcp", "ada");
      const isOne = since.case === "seq" && /[*>]/.test(pattern);
      const { message } = await late.ask(subscribe({ pattern, start: { since } }));
      tried++;
      if (pattern === "k.secret" || pattern === ">" || pattern === "*.secret") {
        assert.equal(message.case === "error" && message.value.code, ErrorCode.PERMISSION_DENIED);
        continue;
      }
      // A number is of one topic: a pattern has no start there.
      if (message.case === "error" && isOne) continue;
      assert.equal(message.case, "ack", Deno.inspect(message.value));
      await late.whenEvents(2);
      contentOf(await late.ask(helloMessage()), "error");
      assert.deepEqual(topicsOf(late), ["k.open", "k.open"], `${pattern} since ${since.case}`);
    }
  }
  const info = await ask(ada, Topics.method.info, { topic: "k.secret" });
  assert.equal(info.error?.code, ErrorCode.PERMISSION_DENIED);
  const list = await ask(ada, Topics.method.list, {});
  assert.deepEqual(list.answer?.topics.map(({ topic }) => topic), ["k.open"]);
  console.log(`# narrowed rights: ${tried} starts in the history brought nothing that is denied`);
});

Deno.test("a client that catches up when its rights are narrowed gets nothing more that is denied", async () => {
  await using narrowing = await Narrowing.start({
    keep: [{ pattern: "k.>" }],
    // A slow machine takes its time to publish while nobody reads.
    limits: { write_timeout_ms: 600_000 },
  });
  const { server } = narrowing;
  await using eve = await enterBus(server, "tcp", "eve");
  await using ada = await BusClient.connect(server, "tcp", { reading: false });
  await ada.send(
    helloMessage({ user: "ada", password: "ada's secret" }, 0n),
    subscribe({ pattern: "k.>", overflow: OverflowPolicy.CATCH_UP }),
  );
  await until(() => server.stats().subscriptions > 0, "the subscription");
  const fill = new Uint8Array(FILL_BYTES);
  for (let count = 0; count < FILL_EVENTS; count++) {
    await eve.ask(publish({ topic: "k.secret", payload: fill }));
    await eve.ask(publish({ topic: "k.open", payload: fill }));
  }
  for (let count = 0; count < LAST_EVENTS; count++) {
    for (const topic of ["k.secret", "k.open"]) {
      await eve.ask(publish({ topic, payload: bytesOf("last") }));
    }
  }
  await narrowing.narrow();
  await eve.ask(publish({ topic: "k.secret", payload: bytesOf("after") }));
  ada.startReading();
  const open = () => ada.events.filter(({ topic }) => topic === "k.open");
  await ada.when(
    () => ada.messages.length > 0 && open().length >= FILL_EVENTS + LAST_EVENTS,
    "the rest",
  );
  contentOf(await ada.ask(echoMessage("the end")), "echoMessage");
  assert.equal(open().length, FILL_EVENTS + LAST_EVENTS);
  // What was on its way when the rights changed still comes; nothing that stood behind it does.
  const denied = ada.events.filter(({ topic }) => topic === "k.secret");
  assert.deepEqual(denied.filter(({ payload }) => payload.length !== FILL_BYTES), []);
  assert(denied.length < FILL_EVENTS, `${denied.length} came`);
  console.log(
    `# narrowed rights: of ${
      FILL_EVENTS + LAST_EVENTS
    } events that waited, ${denied.length} were ` +
      `on their way already, and no more came`,
  );
});

Deno.test("a stream of events over HTTP, and one that goes on, is decided again", async () => {
  await using narrowing = await Narrowing.start({ keep: [{ pattern: "k.>" }] });
  const { server } = narrowing;
  await using eve = await enterBus(server, "tcp", "eve");
  const address = `http://127.0.0.1:${server.port("ws")}/v1/events?pattern=k.%3E`;
  const authorization = `Basic ${btoa("ada:ada's secret")}`;
  const follow = async (query: string, headers: Record<string, string> = {}) => {
    const abort = new AbortController();
    const answer = await fetch(`${address}${query}`, {
      headers: { authorization, ...headers },
      signal: abort.signal,
    });
    assert.equal(answer.status, 200);
    const stream = { text: "", over: Promise.resolve(), end: () => abort.abort() };
    stream.over = (async () => {
      try {
        for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
          stream.text += chunk;
        }
      } catch (reason) {
        if (!abort.signal.aborted) throw reason;
      }
    })();
    return stream;
  };
  const live = await follow("");
  await eve.ask(publish({ topic: "k.secret", payload: bytesOf("before") }));
  await until(() => live.text.includes("before"), "what was said before");
  const [, id] = /^id: (.*)$/m.exec(live.text)!;
  await eve.ask(publish({ topic: "k.secret", payload: bytesOf("between") }));
  await until(() => live.text.includes("between"), "what was said then");
  await narrowing.narrow();
  for (const topic of ["k.secret", "k.open"]) {
    await eve.ask(publish({ topic, payload: bytesOf("after") }));
  }
  const again = await follow("", { "last-event-id": id });
  const all = await follow("&since=all");
  for (const [what, stream] of Object.entries({ live, again, all })) {
    await until(() => stream.text.includes("after"), `what is allowed (${what})`);
    const topics = [...stream.text.matchAll(/"topic":"([^"]*)"/g)].map(([, topic]) => topic);
    const former = what === "live" ? ["k.secret", "k.secret"] : [];
    assert.deepEqual(topics, [...former, "k.open"], what);
    stream.end();
    await stream.over;
  }
});

Deno.test("jobs, dead letters and peeking are decided again", async () => {
  await using narrowing = await Narrowing.start({ queue: [{ name: "jobs", max_deliveries: 1 }] });
  const { server } = narrowing;
  await using eve = await enterBus(server, "tcp", "eve");
  await using ada = await enterBus(server, "tcp", "ada");
  await push(eve, { queue: "jobs", payload: bytesOf("dies") });
  await pull(ada, "jobs", 1);
  const [first] = await jobs(ada, 1);
  contentOf(await settle(ada, Verdict.NACK, [first], { delayMs: 0n }), "settled");
  const dead = await ask(eve, Queues.method.peek, { queue: "jobs.dead" });
  assert.equal(dead.answer?.jobs.length, 1);
  await narrowing.narrow();
  await push(eve, { queue: "jobs", payload: bytesOf("after") });
  for (const queue of ["jobs", "jobs.dead"]) {
    const value = { consumer: 7n, queue, prefetch: 4 };
    const { message } = await ada.ask({ message: { case: "pull", value } });
    assert.equal(
      message.case === "error" && message.value.code,
      ErrorCode.PERMISSION_DENIED,
      queue,
    );
    const { peek, info, purge, redrive } = Queues.method;
    const methods: readonly DescMethod[] = [peek, info, purge, redrive];
    for (const method of methods) {
      const { error } = await ask(ada, method, { queue } as Record<string, unknown>);
      assert.equal(error?.code, ErrorCode.PERMISSION_DENIED, `${method.name} of ${queue}`);
    }
  }
  assert.deepEqual((await ask(ada, Queues.method.list, {})).answer?.queues, []);
  const more = ada.messages.filter(({ message }) => message.case === "job");
  assert.equal(more.length, 0, "no job came after that");
});

Deno.test("the history of a room and its people are decided again", async () => {
  await using narrowing = await Narrowing.start({});
  const { server } = narrowing;
  await using eve = await enterBus(server, "tcp", "eve");
  await using ada = await enterBus(server, "tcp", "ada");
  for (const [client, name] of [[eve, "Eve"], [ada, "Ada"]] as const) {
    await ask(client, Rooms.method.claimName, { name });
    assert.equal((await ask(client, Rooms.method.join, { room: "den" })).error, null);
  }
  await ada.acknowledged(subscribe("room.den"));
  await ask(eve, Rooms.method.say, { room: "den", text: "before" });
  await ada.whenEvents(1);
  await narrowing.narrow();
  await ask(eve, Rooms.method.say, { room: "den", text: "after" });
  const { history, join, say, members, setTopicLine, remove } = Rooms.method;
  const methods: readonly DescMethod[] = [history, join, members, say, setTopicLine, remove];
  for (const method of methods) {
    const more = method === say || method === setTopicLine ? { text: "x" } : {};
    const { error } = await ask(ada, method, { room: "den", ...more } as Record<string, unknown>);
    assert.equal(error?.code, ErrorCode.PERMISSION_DENIED, method.name);
  }
  const start = { since: { case: "all", value: true } } as const;
  for (const pattern of ["room.den", "room.*", "room.den.>"]) {
    const { message } = await ada.ask(subscribe({ pattern, start }));
    assert.equal(message.case === "error" && message.value.code, ErrorCode.PERMISSION_DENIED);
  }
  const told = ada.events.filter(({ topic }) => topic === "room.den");
  assert.equal(told.length, 1, "nothing that was said afterwards");
  assert.deepEqual((await ask(ada, Rooms.method.list, {})).answer?.rooms, []);
});
