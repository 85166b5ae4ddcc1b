/**
 * Tests how a client says who it is, over every listener: what it is told, what it may do before, and what ends it.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { FREE_TRIES } from "../../../lib/logic/access/guess_throttle.ts";
import type { ListenerKind } from "../../../lib/ports/link.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { publish, subscribe } from "../../support/bus_messages.ts";
import {
  contentOf,
  echoMessage,
  frame,
  helloMessage,
  join,
  prefix,
  type ServerMessage,
} from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { MEMBERS } from "../../support/own_requests.ts";
import { ALL_KINDS, startServer } from "../../support/server.ts";
import { SocketClient } from "../../support/socket_client.ts";
import { enter, greet, open, token, user } from "../../support/users.ts";

const KINDS: readonly ListenerKind[] = ALL_KINDS;

async function users(more: ConfigInput = {}): Promise<ConfigInput> {
  return {
    users: [
      await user("ada", "all"),
      await user("bob", "all", { disabled: true }),
      { name: "eve", roles: "all" },
    ],
    roles: { all: { allow: { publish: ">", subscribe: ">" } }, none: {} },
    ...more,
  };
}

function errorOf(message: ServerMessage | null) {
  assert.ok(message !== null, "the server answers");
  return contentOf(message, "error");
}

for (const kind of KINDS) {
  Deno.test(`a user with the right password is welcome, and told who it is: ${kind}`, async () => {
    await using server = await startServer(await users());
    const { client, answer } = await greet(server, kind, { user: "ada", password: "ada's secret" });
    const welcome = contentOf(answer, "welcome");
    assert.equal(welcome.user, "ada");
    assert.deepEqual(welcome.roles, ["all"]);
    const echoed = await client.request(echoMessage("hi", 2n));
    assert.equal(contentOf(echoed, "echoMessage").content, "hi");
    client.close();
  });

  Deno.test(`whoever is not proved to be a user is told the same, and may try again: ${kind}`, async () => {
    await using server = await startServer(await users());
    const client = await open(server, kind);
    const tries = [
      { user: "ada", password: "wrong" },
      { user: "ada", password: "" },
      { user: "nobody", password: "ada's secret" },
      { user: "", password: "ada's secret" },
      { user: "bob", password: "bob's secret" },
      { user: "eve", password: "" },
      { user: "eve", password: "eve's secret" },
      { user: "ada", password: "x".repeat(1025) },
      { token: "wrong" },
      { token: token("other").token },
      { user: "ada", token: token("other").token },
    ];
    const told = new Set<string>();
    for (const said of tries) {
      const error = errorOf(await client.request(helloMessage(said)));
      assert.equal(error.code, ErrorCode.UNAUTHENTICATED, JSON.stringify(said));
      told.add(error.message);
    }
    assert.equal(told.size, 1);
    const right = helloMessage({ user: "ada", password: "ada's secret" });
    assert.equal((await client.request(right)).message.case, "welcome");
    assert.equal(
      errorOf(await client.request(helloMessage({}))).code,
      ErrorCode.FAILED_PRECONDITION,
    );
    client.close();
  });

  Deno.test(`before it is known who a client is, every other member is refused: ${kind}`, async () => {
    await using server = await startServer(await users());
    const client = await open(server, kind);
    for (const { name, embed } of MEMBERS) {
      if (name === "hello") continue;
      const body = embed(new Uint8Array(0));
      await client.send(join(prefix(body.length, client.framing), body));
      assert.equal(errorOf(await client.readMessage()).code, ErrorCode.UNAUTHENTICATED, name);
    }
    const error = errorOf(await client.request(helloMessage()));
    assert.equal(error.code, ErrorCode.UNAUTHENTICATED);
    client.close();
  });

  Deno.test(`what comes right behind a Hello counts as its user's: ${kind}`, async () => {
    await using server = await startServer(await users());
    const client = await open(server, kind);
    await client.sendMessages(
      helloMessage({ user: "ada", password: "ada's secret" }),
      echoMessage("behind", 2n),
      echoMessage("x".repeat(10_000), 3n),
    );
    assert.equal((await client.readMessage()).message.case, "welcome");
    assert.equal(contentOf(await client.readMessage(), "echoMessage").content, "behind");
    assert.equal(contentOf(await client.readMessage(), "echoMessage").content.length, 10_000);
    client.close();
  });

  Deno.test(`a stranger's message has at most 8 KiB: ${kind}`, async () => {
    await using server = await startServer(await users());
    const filled = (size: number) => {
      const empty = frame(echoMessage("x".repeat(8100)), "bare").length - 8100;
      return echoMessage("x".repeat(size - empty));
    };
    const client = await open(server, kind);
    const refused = errorOf(await client.request(filled(8192)));
    assert.equal(refused.code, ErrorCode.UNAUTHENTICATED);
    const over = errorOf(await client.request(filled(8193)));
    assert.equal(over.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(over.closeReason, CloseReason.PROTOCOL_ERROR);
    client.close();
  });

  Deno.test(`who does not say in time who it is goes: ${kind}`, async () => {
    await using server = await startServer(await users({ limits: { login_timeout_ms: 1 } }));
    const client = await open(server, kind);
    // A raw client reads one answer a request, so it is told nothing unasked.
    if (kind === "raw") await client.closedByServer();
    else {
      const error = errorOf(await client.readMessageOrEnd());
      assert.equal(error.closeReason, CloseReason.AUTH_TIMEOUT);
      assert.equal(error.code, ErrorCode.UNAUTHENTICATED);
    }
    client.close();
  });

  Deno.test(`a guest is welcome where a role is named for it, and can become a user: ${kind}`, async () => {
    await using server = await startServer(await users({ auth: { guest_role: "none" } }));
    const client = await open(server, kind);
    const echoed = await client.request(echoMessage("no Hello", 1n));
    assert.equal(contentOf(echoed, "echoMessage").content, "no Hello");
    if (kind !== "raw") {
      const error = errorOf(await client.request(publish({ topic: "a" }, 2n)));
      assert.equal(error.code, ErrorCode.PERMISSION_DENIED);
      assert.match(error.message, /a guest has no permission publish "a"/);
    }
    const answer = await client.request(helloMessage({ user: "ada", password: "ada's secret" }));
    assert.equal(contentOf(answer, "welcome").user, "ada");
    if (kind !== "raw") {
      assert.equal((await client.request(publish({ topic: "a" }, 3n))).message.case, "ack");
    }
    client.close();
  });
}

Deno.test("a guest that says Hello without a user stays a guest", async () => {
  await using server = await startServer(await users({ auth: { guest_role: "none" } }));
  const { client, answer } = await greet(server, "tcp", {});
  const welcome = contentOf(answer, "welcome");
  assert.equal(welcome.user, "");
  assert.deepEqual(welcome.roles, ["none"]);
  client.close();
});

Deno.test("without users a Hello with a password is a Hello, and the server says no user", async () => {
  await using server = await startServer();
  const { client, answer } = await greet(server, "tcp", { user: "ada", password: "x" });
  assert.equal(contentOf(answer, "welcome").user, "");
  assert.equal((await client.request(publish({ topic: "a" }, 3n))).message.case, "ack");
  client.close();
});

Deno.test("a token is as good as a password, for its user only and until it ends", async () => {
  const ci = token("ci");
  const old = token("old", "2020-01-01T00:00:00Z");
  const tokens = [ci.entry, old.entry];
  await using server = await startServer({
    users: [await user("ada", "all", { tokens }), await user("bob", "all")],
    roles: { all: { allow: { publish: ">" } } },
  });
  for (const said of [{ token: ci.token }, { user: "ada", token: ci.token }]) {
    const { client, answer } = await greet(server, "tcp", said);
    assert.equal(contentOf(answer, "welcome").user, "ada");
    client.close();
  }
  for (const said of [{ user: "bob", token: ci.token }, { token: old.token }]) {
    const { client, answer } = await greet(server, "tcp", said);
    assert.equal(errorOf(answer).code, ErrorCode.UNAUTHENTICATED);
    client.close();
  }
});

Deno.test("guessing is slowed down with its own word, and a right password from there waits as well", async () => {
  await using server = await startServer(await users());
  for (let index = 0; index < FREE_TRIES; index++) {
    const { client, answer } = await greet(server, "tcp", { user: "ada", password: "wrong" });
    assert.equal(errorOf(answer).code, ErrorCode.UNAUTHENTICATED);
    client.close();
  }
  const { client, answer } = await greet(server, "tcp", { user: "ada", password: "wrong" });
  const error = errorOf(answer);
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(error.retryable, true);
  client.close();
  // Another address of this machine is not slowed down.
  const elsewhere = await SocketClient.connect(server, "tcp", { hostname: "::1" });
  const right = helloMessage({ user: "ada", password: "ada's secret" });
  assert.equal((await elsewhere.request(right)).message.case, "welcome");
  elsewhere.close();
});

Deno.test("a connection that ends while its password is looked at leaves nothing", async () => {
  await using server = await startServer(await users());
  for (let round = 0; round < 20; round++) {
    const client = await SocketClient.connect(server, "tcp");
    await client.sendMessages(helloMessage({ user: "ada", password: "ada's secret" }));
    client.close();
  }
  const client = await enter(server, "tcp", "ada");
  assert.equal((await client.request(subscribe("a", 2n))).message.case, "ack");
  client.close();
  assert.equal(server.stats().internalErrors, 0);
});

Deno.test("no secret is in a log or an error", async () => {
  const ci = token("ci");
  const input = await users();
  using logs = new LogRecords();
  await using server = await startServer(input);
  const texts: string[] = [];
  const tries = [
    { user: "ada", password: "canary-1" },
    { user: "ada", password: "ada's secret" },
    { token: ci.token },
    { user: "canary", token: "canary-2" },
  ];
  for (const said of tries) {
    const { client, answer } = await greet(server, "tcp", said);
    texts.push(JSON.stringify(answer, (_, value) => typeof value === "bigint" ? null : value));
    client.close();
  }
  const all = [
    ...texts,
    ...logs.records.map((one) => JSON.stringify([one.message, one.properties])),
  ].join("\n");
  for (const secret of ["canary-1", "canary-2", "ada's secret", ci.token, ci.entry.hash]) {
    assert.ok(!all.includes(secret), secret);
  }
});

Deno.test("of very many wrong passwords few are looked at, and others come in meanwhile", async () => {
  await using server = await startServer(await users());
  const guesser = await open(server, "tcp");
  const tries = 2000;
  const guesses = Array.from(
    { length: tries },
    (_, index) => helloMessage({ user: "ada", password: `guess ${index}` }, BigInt(index + 1)),
  );
  await guesser.sendMessages(...guesses);
  const codes = new Map<ErrorCode, number>();
  for (let index = 0; index < tries; index++) {
    const { code } = errorOf(await guesser.readMessage());
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (index !== tries >> 1) continue;
    const ada = await SocketClient.connect(server, "tcp", { hostname: "::1" });
    const right = helloMessage({ user: "ada", password: "ada's secret" });
    assert.equal((await ada.request(right)).message.case, "welcome");
    ada.close();
  }
  // Those that are free, and one or another after a wait that was over meanwhile.
  const looked = codes.get(ErrorCode.UNAUTHENTICATED) ?? 0;
  assert.ok(looked >= FREE_TRIES && looked < FREE_TRIES + 10, `${looked} were looked at`);
  assert.equal(codes.get(ErrorCode.RESOURCE_EXHAUSTED), tries - looked);
  guesser.close();
});

Deno.test("a crowd of halves of a Hello is gone at the deadline", async () => {
  await using server = await startServer(await users({ limits: { login_timeout_ms: 500 } }));
  const whole = frame(helloMessage({ user: "ada", password: "x".repeat(1000) }));
  const crowd = await Promise.all(Array.from({ length: 200 }, async () => {
    const client = await open(server, "tcp");
    await client.send(whole.subarray(0, whole.length >> 1));
    return client;
  }));
  for (const client of crowd) {
    const error = errorOf(await client.readMessageOrEnd());
    assert.equal(error.closeReason, CloseReason.AUTH_TIMEOUT);
    client.close();
  }
  assert.ok(server.stats().inputBytes < 200 * 8192);
});
