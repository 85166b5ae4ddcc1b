/**
 * Every verb on every listener, for plain names and wildcards, with groups and without, by users and guests of roles that
 * say nothing, allow, deny, and do both: what a model of the rules expects, and nothing else.
 */
import assert from "node:assert/strict";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../lib/base/errors.ts";
import { Queues } from "../../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../lib/gen/parley/v1/room_pb.ts";
import { Topics } from "../../lib/gen/parley/v1/topic_pb.ts";
import { NAMED_MEMBERS } from "../../lib/logic/access/access.ts";
import { type Verb, VERBS } from "../../lib/logic/access/rules.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { BUS_KINDS, BusClient } from "../support/bus_client.ts";
import { call, publish, register, subscribe } from "../support/bus_messages.ts";
import {
  addMessage,
  type ClientMessageInit,
  contentOf,
  echoMessage,
  helloMessage,
  type ServerMessage,
} from "../support/frames.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles } from "../support/until.ts";
import { enterBus, greet, open, user } from "../support/users.ts";
import { allows, type ModelRules } from "./permission_model.ts";

/** The roles, by what they do; the same rules for every verb. */
const ROLES: Readonly<Record<string, ModelRules>> = {
  nothing: { allow: [], deny: [] },
  one: { allow: ["x"], deny: [] },
  deep: { allow: ["a.x", "b.>"], deny: [] },
  level: { allow: ["*", "a.*"], deny: [] },
  all: { allow: [">"], deny: [] },
  denied: { allow: [], deny: [">"] },
  but_one: { allow: [">"], deny: ["x", "a.x"] },
  but_level: { allow: ["a.>", "x"], deny: ["a.*"] },
  but_all: { allow: [">"], deny: [">"] },
};

const PLAIN = ["x", "y", "a.x", "a.y", "b.x", "a.b.x"];
const WILD = [...PLAIN, "*", "a.*", "*.x", "a.>", "b.*", ">", "*.>", "a.*.*", "a.b.>"];

/** A request, and what has to be allowed for it. */
interface Row {
  readonly verb: Verb;
  readonly name: string;
  readonly request: ClientMessageInit;
}

let consumers = 0n;

function own<M extends DescMethodUnary>(
  method: M,
  request: MessageInitShape<M["input"]>,
): ClientMessageInit {
  const payload = toBinary(method.input, create(method.input, request));
  return call({ method: `${method.parent.typeName}/${method.name}`, payload });
}

/** All requests, each once for each name. */
function rows(): Row[] {
  const plain = (verb: Verb, request: (name: string) => ClientMessageInit, names = PLAIN) =>
    names.map((name) => ({ verb, name, request: request(name) }));
  const rooms = ["x", "y"];
  return [
    ...plain("publish", (topic) => publish({ topic })),
    ...plain("subscribe", (pattern) => subscribe(pattern), WILD),
    ...plain("subscribe", (pattern) => subscribe({ pattern, group: "g" }), WILD),
    ...plain("subscribe", (pattern) => own(Topics.method.tail, { tail: 1n, pattern }), WILD),
    ...plain("call", (method) => call({ method, timeoutMs: 1 })),
    ...plain("serve", register),
    ...plain("push", (queue) => ({ message: { case: "job", value: { queue } } })),
    ...plain("pull", (queue) => ({
      message: { case: "pull", value: { consumer: ++consumers, queue, prefetch: 0 } },
    })),
    ...plain("join", (room) => own(Rooms.method.join, { room }), rooms),
    ...plain("manage", (topic) => own(Topics.method.trim, { topic, beforeSeq: 1n })),
    ...plain("manage", (queue) => own(Queues.method.purge, { queue })),
    ...plain("manage", (room) => own(Rooms.method.remove, { room }), rooms),
  ];
}

/** The rules of a role as a configuration has them; those of `manage` are about every kind of thing. */
function roleOf({ allow, deny }: ModelRules): NonNullable<ConfigInput["roles"]>[string] {
  const kinds = ["topic", "queue", "room"];
  const lists = (rules: readonly string[]) =>
    Object.fromEntries(VERBS.map((verb) => [
      verb,
      verb === "manage"
        ? kinds.flatMap((kind) => rules.map((rule) => `${kind}.${rule}`))
        : [...rules],
    ]));
  return { allow: lists(allow), deny: lists(deny) };
}

/** A server whose user "somebody", and whose guests, have the role. */
async function start(rules: ModelRules): Promise<TestServer> {
  return await startServer({
    users: [await user("somebody", "some")],
    roles: { some: roleOf(rules) },
    auth: { guest_role: "some" },
    chat: { first_room: "x" },
    keep: [{ pattern: ">" }],
  });
}

function isDenied({ message }: ServerMessage): boolean {
  return message.case === "error" && message.value.code === ErrorCode.PERMISSION_DENIED;
}

async function client(server: TestServer, kind: ListenerKind, as: string): Promise<BusClient> {
  if (as === "user") return await enterBus(server, kind, "somebody");
  const guest = await BusClient.connect(server, kind);
  if (as === "guest with Hello") await guest.ask(helloMessage());
  return guest;
}

for (const [role, rules] of Object.entries(ROLES)) {
  Deno.test(`what the role allows is done, and nothing else, on every listener: ${role}`, async (test) => {
    await using server = await start(rules);
    for (const kind of BUS_KINDS) {
      for (const as of ["user", "guest", "guest with Hello"]) {
        await test.step(`${kind}, ${as}`, async () => {
          await using one = await client(server, kind, as);
          const differ: string[] = [];
          for (const { verb, name, request } of rows()) {
            const answer = await one.ask(request);
            const { case: member } = request.message!;
            const expected = allows(rules, name);
            if (isDenied(answer) === !expected) continue;
            differ.push(`${member} ${verb} ${name}: ${Deno.inspect(answer.message.value)}`);
          }
          assert.deepEqual(differ, []);
        });
      }
    }
    await test.step("raw", () => onRaw(server));
    await test.step("text", () => onText(server, rules));
  });
}

/** On a raw listener nothing but what brings one answer is possible, whatever the role. */
async function onRaw(server: TestServer): Promise<void> {
  for (const said of [null, {}, { user: "somebody", password: "somebody's secret" }]) {
    const raw = said === null
      ? await open(server, "raw")
      : (await greet(server, "raw", said)).client;
    assert.equal((await raw.request(echoMessage("x", 1n))).message.case, "echoMessage");
    assert.equal((await raw.request(addMessage(1, 2, 1n))).message.case, "addResponse");
    for (const { verb, name, request } of rows()) {
      const error = contentOf(await raw.request({ ...request, id: 1n }), "error");
      assert.equal(error.code, ErrorCode.PERMISSION_DENIED, `${verb} ${name}`);
      assert.match(error.message, /on this listener/);
    }
    raw.close();
  }
}

/** On the text listener people come into the first room if they may join it. */
async function onText(server: TestServer, rules: ModelRules): Promise<void> {
  const mayJoinAny = rules.allow.length > 0 && !rules.deny.includes(">");
  const expected = !mayJoinAny
    ? /no permission join\./
    : allows(rules, "x")
    ? /\]\[(somebody|visitor)\]:/
    : /no permission join "x"/;
  for (const lines of ["somebody\nsomebody's secret\n", "visitor\n"]) {
    const person = await Deno.connect({ hostname: "127.0.0.1", port: server.port("text") });
    await person.write(new TextEncoder().encode(lines));
    const into = new Uint8Array(4096);
    let seen = "";
    while (!expected.test(seen)) {
      const count = await settles(person.read(into), `${expected} after "${seen}"`);
      assert.ok(count !== null, `the end instead of ${expected}, after "${seen}"`);
      seen += new TextDecoder().decode(into.subarray(0, count));
    }
    person.close();
  }
}

Deno.test("every member that is decided by a name is in the matrix, and every verb but that of auth.callout", () => {
  const all = rows();
  const members = new Set(all.map(({ request }) => request.message!.case));
  assert.deepEqual([...members].toSorted(), [...NAMED_MEMBERS].toSorted());
  const verbs = new Set<string>(all.map(({ verb }) => verb));
  assert.deepEqual(VERBS.filter((verb) => !verbs.has(verb)), ["authenticate"]);
});
