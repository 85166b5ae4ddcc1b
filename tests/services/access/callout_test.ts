/**
 * Tests auth.callout: a service of the operator's own says who somebody is whom the server does not know. Who may be that
 * service, what it is asked, what its answers do, and what happens when there is none.
 */
import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import {
  AuthAnswerSchema,
  type AuthRequest,
  AuthRequestSchema,
} from "../../../lib/gen/parley/v1/auth_pb.ts";
import { FREE_TRIES } from "../../../lib/logic/access/guess_throttle.ts";
import type { ListenerKind } from "../../../lib/ports/link.ts";
import { configFrom, type ConfigInput } from "../../../lib/server/config/config.ts";
import type { BusClient } from "../../support/bus_client.ts";
import { answer, bytesOf, call, publish, register } from "../../support/bus_messages.ts";
import { contentOf, echoMessage, helloMessage, type ServerMessage } from "../../support/frames.ts";
import { jwt, makeKey } from "../../support/jwt.ts";
import { LogRecords } from "../../support/log_records.ts";
import { nextCall, nextCancel } from "../../support/responder.ts";
import { ALL_KINDS, startServer, type TestServer } from "../../support/server.ts";
import { enterBus, greet, open, type Said, token, user } from "../../support/users.ts";

const METHOD = "acme.Auth/Check";
const KINDS: readonly ListenerKind[] = ALL_KINDS;

async function start(more: ConfigInput["auth"] = {}): Promise<TestServer> {
  return await startServer({
    users: [
      await user("auth", "auth"),
      await user("server", "server"),
      await user("ada", "all"),
      await user("off", "all", { disabled: true }),
    ],
    roles: {
      auth: { allow: { serve: METHOD, authenticate: METHOD } },
      server: { allow: { serve: ">", call: ">" } },
      orders: { allow: { publish: "orders.>" } },
      all: { allow: { publish: ">", subscribe: ">", call: ">" } },
    },
    auth: { callout: METHOD, ...more },
  });
}

type AnswerInit = MessageInitShape<typeof AuthAnswerSchema>;

/** Answers the next question with what `reply` gives. */
async function decide(service: BusClient, reply: (request: AuthRequest) => AnswerInit) {
  const { id, value } = await nextCall(service);
  assert.equal(value.method, METHOD);
  assert.equal(value.type, AuthRequestSchema.typeName);
  const request = fromBinary(AuthRequestSchema, value.payload);
  const payload = toBinary(AuthAnswerSchema, create(AuthAnswerSchema, reply(request)));
  await service.send(answer({ payload, type: AuthAnswerSchema.typeName }, id));
  return request;
}

/** A service that is there. */
async function service(server: TestServer): Promise<BusClient> {
  const client = await enterBus(server, "tcp", "auth");
  await client.acknowledged(register(METHOD));
  return client;
}

function errorOf(message: ServerMessage | null) {
  assert.ok(message !== null, "the server answers");
  return contentOf(message, "error");
}

for (const kind of KINDS) {
  Deno.test(`the service says who it is, over each listener: ${kind}`, async () => {
    await using server = await start();
    await using checker = await service(server);
    const said = { user: "eve", password: "open sesame" };
    const coming = greet(server, kind, said);
    const asked = await decide(checker, () => ({ user: "eve", roles: ["orders", "unknown"] }));
    assert.deepEqual([asked.user, asked.password, asked.token], ["eve", "open sesame", ""]);
    assert.equal(asked.listener, kind);
    assert.equal(asked.address, kind === "unix" ? "" : "127.0.0.1");
    const { client, answer } = await coming;
    const welcome = contentOf(answer, "welcome");
    assert.equal(welcome.user, "eve");
    assert.deepEqual(welcome.roles, ["orders", "unknown"]);
    assert.equal(asked.sessionId, welcome.sessionId);
    assert.equal(asked.serverId, welcome.serverId);
    client.close();
  });
}

Deno.test("a refusal of the service is the same as a wrong password", async () => {
  await using server = await start();
  await using checker = await service(server);
  const wrong = await greet(server, "tcp", { user: "ada", password: "wrong" });
  const expected = errorOf(wrong.answer);
  wrong.client.close();
  const refusals = [
    () => ({ error: { code: ErrorCode.UNAUTHENTICATED, message: "psst: eve's door is open" } }),
    () => ({ error: { code: ErrorCode.PERMISSION_DENIED, message: "no" } }),
    () => ({ payload: new Uint8Array(0) }),
  ];
  for (const refusal of refusals) {
    const coming = greet(server, "tcp", { user: "eve", password: "x" });
    const { id } = await nextCall(checker);
    await checker.send(answer(refusal(), id));
    const { client, answer: told } = await coming;
    assert.deepEqual(errorOf(told), expected);
    client.close();
  }
});

Deno.test("what it answers counts: permissions, an end, and roles of a user who is configured", async () => {
  await using server = await start();
  await using checker = await service(server);
  const permissions = {
    allow: { publish: ["of.${user}", "open.>"] },
    deny: { publish: ["open.secret"] },
  };
  const coming = greet(server, "tcp", { token: "opaque" });
  const asked = await decide(checker, () => ({ user: "eve", roles: ["orders"], permissions }));
  assert.deepEqual([asked.user, asked.password, asked.token], ["", "", "opaque"]);
  const { client } = await coming;
  const may = async (topic: string) =>
    (await client.request(publish({ topic, payload: bytesOf("x") }, 1n))).message.case === "ack";
  const topics = ["orders.a", "of.eve", "open.a", "open.secret", "of.ada"];
  const found: boolean[] = [];
  for (const topic of topics) found.push(await may(topic));
  assert.deepEqual(found, [true, true, true, false, false]);
  client.close();

  const known = greet(server, "tcp", { token: "opaque" });
  await decide(checker, () => ({ user: "ada" }));
  const ada = await known;
  assert.deepEqual(contentOf(ada.answer, "welcome").roles, ["all"]);
  ada.client.close();

  const short = greet(server, "tcp", { token: "opaque" });
  await decide(checker, () => ({
    user: "eve",
    expiresUnixMicros: BigInt(Date.now() + 5000) * 1000n,
  }));
  const eve = await short;
  assert.equal(eve.answer.message.case, "welcome");
  assert.equal(errorOf(await eve.client.readMessage()).closeReason, CloseReason.REVOKED);
  eve.client.close();
});

const NOT_USABLE: [string, AnswerInit, ErrorCode][] = [
  ["a name that is none", { user: "a b" }, ErrorCode.UNAVAILABLE],
  ["too many roles", { user: "eve", roles: Array(101).fill("r") }, ErrorCode.UNAVAILABLE],
  [
    "a rule that is none",
    { user: "eve", permissions: { allow: { publish: ["a..b"] } } },
    ErrorCode.UNAVAILABLE,
  ],
  ["one who is disabled here", { user: "off" }, ErrorCode.UNAUTHENTICATED],
  ["another one than was said", { user: "mallory" }, ErrorCode.UNAUTHENTICATED],
  ["one whose time is over", { user: "eve", expiresUnixMicros: 1n }, ErrorCode.UNAUTHENTICATED],
];

for (const [what, said, code] of NOT_USABLE) {
  Deno.test(`an answer that cannot be used lets nobody in: ${what}`, async () => {
    await using server = await start();
    await using checker = await service(server);
    const coming = greet(server, "tcp", { user: "eve", password: "x" });
    await decide(checker, () => said);
    const { client, answer } = await coming;
    const error = errorOf(answer);
    assert.equal(error.code, code);
    assert.equal(
      errorOf(await client.request(echoMessage("x", 2n))).code,
      ErrorCode.UNAUTHENTICATED,
    );
    client.close();
  });
}

Deno.test("without an answer a client is told to come again, not that it is wrong", async () => {
  await using server = await start({ callout_timeout_ms: 50 });
  using records = new LogRecords();
  const unavailable = async (coming: ReturnType<typeof greet>) => {
    const { client, answer } = await coming;
    const error = errorOf(answer);
    assert.equal(error.code, ErrorCode.UNAVAILABLE);
    assert.equal(error.retryable, true);
    client.close();
  };
  const eve = { user: "eve", password: "canary" };
  await unavailable(greet(server, "tcp", eve));
  const checker = await service(server);
  const late = greet(server, "tcp", eve);
  const { id } = await nextCall(checker);
  assert.equal(await nextCancel(checker), id);
  await unavailable(late);
  // An answer that comes too late does nothing.
  await checker.send(answer({ payload: new Uint8Array([0x0a, 3, 0x65, 0x76, 0x65]) }, id));
  const broken = greet(server, "tcp", eve);
  await checker.send(answer({ payload: new Uint8Array([0x0a, 9]) }, (await nextCall(checker)).id));
  await unavailable(broken);
  const failed = greet(server, "tcp", eve);
  const error = { code: ErrorCode.INTERNAL, message: "the directory is down" };
  await checker.send(answer({ error }, (await nextCall(checker)).id));
  await unavailable(failed);
  const gone = greet(server, "tcp", eve);
  await nextCall(checker);
  await checker[Symbol.asyncDispose]();
  await unavailable(gone);
  assert.ok(!JSON.stringify(records.records).includes("canary"));
});

Deno.test("only whom the server does not know is asked about", async () => {
  const ci = token("ci");
  await using server = await start();
  await using checker = await service(server);
  const known: [Said, string][] = [
    [{ user: "ada", password: "ada's secret" }, "welcome"],
    [{ user: "ada", password: "wrong" }, "error"],
    [{ user: "off", password: "off's secret" }, "error"],
    [{ user: "auth", password: "auth's secret" }, "welcome"],
    [{ token: ci.token }, "error"],
    [{ user: "", password: "x" }, "error"],
  ];
  for (const [said, expected] of known) {
    const { client, answer } = await greet(server, "tcp", said);
    assert.equal(answer.message.case, expected, JSON.stringify(said));
    client.close();
  }
  assert.deepEqual(checker.messages.filter(({ message }) => message.case === "call"), []);
});

Deno.test("JWTs are the server's where it has keys for them, otherwise the service's", async () => {
  const key = await makeKey("ES256");
  const given = await jwt(key);
  await using server = await start();
  await using checker = await service(server);
  const coming = greet(server, "tcp", { token: given });
  const asked = await decide(checker, () => ({ user: "eve" }));
  assert.equal(asked.token, given);
  (await coming).client.close();
});

Deno.test("nobody else is the service: not by serve alone, not by a callout, not by a call", async () => {
  await using server = await start();
  await using other = await enterBus(server, "tcp", "server");
  const denied = errorOf(await other.ask(register(METHOD)));
  assert.equal(denied.code, ErrorCode.PERMISSION_DENIED);
  assert.match(denied.message, /has no permission authenticate "acme\.Auth\/Check"/);
  await using checker = await service(server);
  const permissions = { allow: { serve: [">"] } };
  const coming = greet(server, "tcp", { user: "eve", password: "x" });
  await decide(checker, () => ({ user: "eve", roles: ["auth"], permissions }));
  const { client } = await coming;
  assert.match(
    errorOf(await client.request(register(METHOD, 2n))).message,
    /cannot register "acme\.Auth\/Check": the server asks by it who may come in/,
  );
  client.close();
  assert.match(
    errorOf(await other.ask(call({ method: METHOD }))).message,
    /cannot call "acme\.Auth\/Check"/,
  );
});

Deno.test("another connection cannot answer for the one that was asked", async () => {
  await using server = await start();
  await using checker = await service(server);
  await using other = await enterBus(server, "tcp", "server");
  const coming = greet(server, "tcp", { user: "eve", password: "x" });
  const { id } = await nextCall(checker);
  const payload = toBinary(
    AuthAnswerSchema,
    create(AuthAnswerSchema, { user: "eve", roles: ["all"] }),
  );
  await other.send(answer({ payload }, id));
  await other.ask(echoMessage("both were read"));
  await checker.send(answer({ payload: new Uint8Array(0) }, id));
  const { client, answer: told } = await coming;
  assert.equal(errorOf(told).code, ErrorCode.UNAUTHENTICATED);
  client.close();
});

Deno.test("guesses are slowed down, and one at a time is asked about where that is configured", async () => {
  await using server = await start({ callout_in_flight: 1 });
  await using checker = await service(server);
  const client = await open(server, "tcp");
  for (let time = 0; time < FREE_TRIES; time++) {
    const trying = client.request(helloMessage({ user: "eve", password: `${time}` }));
    await decide(checker, () => ({}));
    assert.equal(errorOf(await trying).code, ErrorCode.UNAUTHENTICATED);
  }
  const error = errorOf(await client.request(helloMessage({ user: "eve", password: "next" })));
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  client.close();
  const both = ["one", "two"].map((name) => greet(server, "tcp", { user: name, password: "x" }));
  const first = await decide(checker, ({ user }) => ({ user }));
  const second = await decide(checker, ({ user }) => ({ user }));
  assert.deepEqual([first.user, second.user].toSorted(), ["one", "two"]);
  for (const { client } of await Promise.all(both)) client.close();
});

Deno.test("a right that is taken back ends the service, and who came in by another one", async () => {
  const users = await Deno.makeTempFile({ suffix: ".toml" });
  const rights = (verb: string) =>
    `[roles.auth.allow]\nserve = "${METHOD}"\n${verb} = "${METHOD}"\n`;
  const auth = await user("auth", "auth");
  const text = `[[users]]\nname = "auth"\npassword = "${auth.password}"\nroles = "auth"\n`;
  try {
    await Deno.writeTextFile(users, text + rights("authenticate"));
    await using server = await startServer({ auth: { callout: METHOD, users_file: users } });
    await using checker = await service(server);
    await Deno.writeTextFile(users, text + rights("call"));
    await server.server.reload();
    await checker.when(
      () => checker.messages.some(({ message }) => message.case === "error"),
      "the end of the method",
    );
    const { client, answer } = await greet(server, "tcp", { user: "eve", password: "x" });
    assert.equal(errorOf(answer).code, ErrorCode.UNAVAILABLE);
    client.close();
  } finally {
    await Deno.remove(users);
  }
});

Deno.test("a service needs a user who is configured, and a method that is one", () => {
  const of = (auth: ConfigInput["auth"]) => () => configFrom({ auth });
  assert.throws(of({ callout: METHOD }), /comes in as a user that is configured itself/);
  assert.throws(of({ callout: "a b", users_file: "x" }), /a method name has no white space/);
  assert.throws(of({ callout: "parley.v1.X/Y", users_file: "x" }), /are the server's own/);
  configFrom({ auth: { callout: METHOD, users_file: "x" } });
});
