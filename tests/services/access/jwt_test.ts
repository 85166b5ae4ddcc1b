/**
 * Tests JWTs in a Hello, over every listener: who one is then, what one may do, when it ends, and what a change of keys does.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import type { ListenerKind } from "../../../lib/ports/link.ts";
import { MAX_JWT_BYTES } from "../../../lib/logic/access/token.ts";
import { ConfigError, configFrom, type ConfigInput } from "../../../lib/server/config/config.ts";
import { bytesOf, publish, subscribe } from "../../support/bus_messages.ts";
import { contentOf, echoMessage, helloMessage, type ServerMessage } from "../../support/frames.ts";
import { jwks, jwt, makeKey, type TestKey } from "../../support/jwt.ts";
import { FIRST_PAUSE_MS, FREE_REFUSALS } from "../../../lib/services/access/refusal_pauses.ts";
import { ALL_KINDS, startServer, type TestServer } from "../../support/server.ts";
import { SetClock } from "../../support/set_clock.ts";
import { greet, open, token, user } from "../../support/users.ts";
import { run } from "../../cli/fake_io.ts";

const KINDS: readonly ListenerKind[] = ALL_KINDS;
const key = await makeKey("ES256");
const stranger = await makeKey("ES256");

const ROLES: ConfigInput["roles"] = {
  orders: { allow: { publish: "orders.>", subscribe: "orders.>" } },
  all: { allow: { publish: ">", subscribe: ">" } },
};

/** A server with the public key of a file, which `replace` writes anew. */
class Ground implements AsyncDisposable {
  private constructor(
    readonly server: TestServer,
    readonly file: string,
    readonly clock: SetClock,
  ) {}

  static async start(more: ConfigInput = {}, with_: Partial<TestKey> = key): Promise<Ground> {
    const file = await Deno.makeTempFile({ prefix: "parley-jwt-", suffix: ".pem" });
    await Deno.writeTextFile(file, with_.pem!);
    const { jwt: settings, ...auth } = more.auth ?? {};
    const clock = new SetClock();
    const server = await startServer({
      roles: ROLES,
      ...more,
      auth: { ...auth, jwt: { public_keys: file, audience: "parley", ...settings } },
    }, { clock });
    return new Ground(server, file, clock);
  }

  async replace(text: string): Promise<void> {
    await Deno.writeTextFile(this.file, text);
    await this.server.server.reload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.file).catch(() => undefined);
  }
}

function errorOf(message: ServerMessage | null) {
  assert.ok(message !== null, "the server answers");
  return contentOf(message, "error");
}

for (const kind of KINDS) {
  Deno.test(`whoever has a good JWT is welcome, as the user that it names: ${kind}`, async () => {
    await using ground = await Ground.start();
    const given = await jwt(key, { claims: { roles: ["orders"] } });
    const { client, answer } = await greet(ground.server, kind, { token: given });
    const welcome = contentOf(answer, "welcome");
    assert.equal(welcome.user, "ada");
    assert.deepEqual(welcome.roles, ["orders"]);
    const echoed = await client.request(echoMessage("hi", 2n));
    assert.equal(contentOf(echoed, "echoMessage").content, "hi");
    client.close();
  });

  Deno.test(`whoever has none may do nothing, and is told what is wrong: ${kind}`, async () => {
    await using ground = await Ground.start();
    const client = await open(ground.server, kind);
    assert.equal(
      errorOf(await client.request(echoMessage("hi", 1n))).code,
      ErrorCode.UNAUTHENTICATED,
    );
    const tries: [string, RegExp][] = [
      [await jwt(stranger), /its signature fits none of the keys/],
      [await jwt(key, { expires: -60 }), /it has ended \(exp\)/],
      [await jwt(key, { claims: { aud: "other" } }), /its claim "aud"/],
      [await jwt(key, { claims: { sub: 7 } }), /its claim "sub" is no text/],
      [token("x").token, /the user, the password or the token is wrong/],
      ["eyJ", /the user, the password or the token is wrong/],
    ];
    for (const [given, expected] of tries) {
      const error = errorOf(await client.request(helloMessage({ token: given })));
      assert.equal(error.code, ErrorCode.UNAUTHENTICATED);
      assert.match(error.message, expected);
      for (const part of given.split(".").filter((one) => one.length > 8)) {
        assert.ok(!error.message.includes(part));
      }
    }
    client.close();
  });
}

Deno.test("a JWT gives the rights of its roles, and no others", async () => {
  await using ground = await Ground.start();
  const given = await jwt(key, { claims: { roles: "orders unknown" } });
  const { client } = await greet(ground.server, "tcp", { token: given });
  assert.equal(
    (await client.request(publish({ topic: "orders.a", payload: bytesOf("x") }, 1n))).message.case,
    "ack",
  );
  const refused = errorOf(
    await client.request(publish({ topic: "other", payload: bytesOf("x") }, 2n)),
  );
  assert.equal(refused.code, ErrorCode.PERMISSION_DENIED);
  assert.equal(
    errorOf(await client.request(subscribe(">", 3n))).code,
    ErrorCode.PERMISSION_DENIED,
  );
  client.close();
});

Deno.test("a name beside a JWT has to be its user; a disabled user stays out", async () => {
  const users = [await user("ada", "all"), await user("bob", "all", { disabled: true })];
  await using ground = await Ground.start({ users });
  const { client, answer } = await greet(ground.server, "tcp", {
    user: "ada",
    token: await jwt(key),
  });
  assert.deepEqual(contentOf(answer, "welcome").roles, ["all"]);
  client.close();
  const tries = [
    { user: "eve", token: await jwt(key) },
    { token: await jwt(key, { claims: { sub: "bob", roles: ["all"] } }) },
  ];
  for (const said of tries) {
    const { client, answer } = await greet(ground.server, "tcp", said);
    assert.equal(errorOf(answer).code, ErrorCode.UNAUTHENTICATED);
    client.close();
  }
});

Deno.test("passwords and tokens count beside JWTs", async () => {
  const ci = token("ci");
  const users = [await user("ada", "all", { tokens: [ci.entry] })];
  await using ground = await Ground.start({ users });
  for (const said of [{ token: ci.token }, { user: "ada", password: "ada's secret" }]) {
    const { client, answer } = await greet(ground.server, "tcp", said);
    assert.equal(contentOf(answer, "welcome").user, "ada");
    client.close();
  }
});

Deno.test("a JWT that is longer than any may be is one that is wrong", async () => {
  await using ground = await Ground.start({ auth: { guest_role: "orders" } });
  const of = async (bytes: number) => {
    const empty = await jwt(key, { claims: { x: "" } });
    const spare = Math.floor((bytes - empty.length) * 3 / 4);
    return await jwt(key, { claims: { x: "x".repeat(spare) } });
  };
  const long = await of(MAX_JWT_BYTES - 2);
  const { client, answer } = await greet(ground.server, "tcp", { token: long });
  assert.equal(answer.message.case, "welcome");
  client.close();
  const { client: other, answer: refused } = await greet(ground.server, "tcp", {
    token: await of(MAX_JWT_BYTES + 8),
  });
  assert.match(errorOf(refused).message, /the user, the password or the token is wrong/);
  other.close();
});

Deno.test("whoever shows one wrong JWT after the other has to wait", async () => {
  await using ground = await Ground.start();
  const wrong = helloMessage({ token: await jwt(stranger) });
  const client = await open(ground.server, "tcp");
  for (let time = 0; time < FREE_REFUSALS; time++) errorOf(await client.request(wrong));
  const sentMs = performance.now();
  errorOf(await client.request(wrong));
  assert.ok(performance.now() - sentMs >= FIRST_PAUSE_MS - 5);
  // One that is right is looked at all the same, and another connection does not wait.
  const { client: other, answer } = await greet(ground.server, "tcp", { token: await jwt(key) });
  assert.equal(answer.message.case, "welcome");
  const right = helloMessage({ token: await jwt(key) });
  assert.equal((await client.request(right)).message.case, "welcome");
  client.close();
  other.close();
});

Deno.test("a session ends with its JWT", async () => {
  await using ground = await Ground.start({ auth: { jwt: { clock_tolerance_ms: 0 } } });
  const { client, answer } = await greet(ground.server, "tcp", {
    token: await jwt(key, { expires: 60 }),
  });
  assert.equal(answer.message.case, "welcome");
  ground.clock.set(60_000);
  const last = errorOf(await client.readMessage());
  assert.equal(last.closeReason, CloseReason.REVOKED);
  assert.equal(last.code, ErrorCode.UNAUTHENTICATED);
  client.close();
});

Deno.test("a key that is replaced ends what was verified with it; one that is broken changes nothing", async () => {
  await using ground = await Ground.start();
  const { client } = await greet(ground.server, "tcp", { token: await jwt(key) });
  await assert.rejects(ground.replace("broken"), /it is no public key in PEM/);
  assert.equal((await client.request(echoMessage("still here", 2n))).message.case, "echoMessage");
  await ground.replace(key.pem + "\n");
  assert.equal((await client.request(echoMessage("the same key", 3n))).message.case, "echoMessage");
  await ground.replace(stranger.pem);
  assert.equal(errorOf(await client.readMessage()).closeReason, CloseReason.REVOKED);
  client.close();
  const { client: old, answer: refused } = await greet(ground.server, "tcp", {
    token: await jwt(key),
  });
  assert.equal(errorOf(refused).code, ErrorCode.UNAUTHENTICATED);
  old.close();
  const { client: next, answer } = await greet(ground.server, "tcp", {
    token: await jwt(stranger),
  });
  assert.equal(answer.message.case, "welcome");
  next.close();
});

Deno.test("keys are fetched from a URL, and one that is new there is found", async () => {
  const pairs = [await makeKey("EdDSA", "one"), await makeKey("EdDSA", "two")];
  let shown = pairs.slice(0, 1);
  await using keys = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(jwks(...shown.map((pair) => pair.jwk))),
  );
  const url = `http://127.0.0.1:${keys.addr.port}/jwks.json`;
  await using server = await startServer({
    roles: ROLES,
    auth: { jwt: { jwks_url: url, audience: "parley", roles: "all" } },
  });
  const given = await jwt(pairs[0], { header: { kid: "one" } });
  const { client, answer } = await greet(server, "tcp", { token: given });
  assert.deepEqual(contentOf(answer, "welcome").roles, ["all"]);
  shown = pairs;
  // Within the pause after the first fetch the new one is not known.
  const second = await greet(server, "tcp", {
    token: await jwt(pairs[1], { header: { kid: "two" } }),
  });
  assert.equal(errorOf(second.answer).code, ErrorCode.UNAUTHENTICATED);
  await server.server.reload();
  assert.equal((await client.request(echoMessage("hi", 2n))).message.case, "echoMessage");
  client.close();
  second.client.close();
});

Deno.test("while keys cannot be fetched a client is told to come again, not that it is wrong", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using server = await startServer({
    auth: { jwt: { jwks_url: `http://127.0.0.1:${port}/`, audience: "parley" } },
  });
  const { client, answer } = await greet(server, "tcp", { token: await jwt(key) });
  const error = errorOf(answer);
  assert.equal(error.code, ErrorCode.UNAVAILABLE);
  assert.equal(error.retryable, true);
  client.close();
});

Deno.test("the library and the command line take a JWT as a token", async () => {
  await using ground = await Ground.start();
  const url = `parley://127.0.0.1:${ground.server.port("tcp")}`;
  const given = await jwt(key, { claims: { roles: ["all"] } });
  {
    await using client = await connect(url, { token: given });
    await client.publish("a", "x");
  }
  const ended = await run(["pub", "a", "x", "--server", url], {
    environment: { PARLEY_TOKEN: given },
  });
  assert.equal(ended.code, 0, ended.stderr);
  const file = await Deno.makeTempFile({ prefix: "parley-token-" });
  await Deno.writeTextFile(file, `${given}\n`);
  const from = await run(["pub", "a", "x", "--server", url, "--token-file", file]);
  assert.equal(from.code, 0, from.stderr);
  const health = await run(["health", "--server", url], {
    environment: { PARLEY_TOKEN_FILE: file },
  });
  assert.equal(health.code, 0, health.stderr);
  await Deno.remove(file);
  const none = await run(["pub", "a", "x", "--server", url, "--token-file", file]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /cannot read the token in/);
  const both = await run(["pub", "a", "x", "--server", url, "--token-file", file, "--token", "x"]);
  assert.match(both.stderr, /name one of them/);
});

Deno.test("whom a JWT is taken for, and what that allows, is explained", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-explain-" });
  try {
    await Deno.writeTextFile(`${folder}/key.pem`, key.pem);
    await Deno.writeTextFile(
      `${folder}/parley.toml`,
      `[auth.jwt]\npublic_keys = "${folder}/key.pem"\naudience = "parley"\n[roles.orders.allow]\npublish = "orders.>"\n`,
    );
    const explained = (token: string, topic: string) =>
      run(["explain", "publish", topic, "--token", token, "--config", `${folder}/parley.toml`]);
    const given = await jwt(key, { claims: { roles: ["orders"] } });
    const allowed = await explained(given, "orders.eu");
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.match(
      allowed.stdout,
      /is allowed: role "orders" .*; the user is "ada", its roles are "orders"/,
    );
    assert.equal((await explained(given, "other")).code, 1);
    const wrong = await explained(await jwt(stranger), "orders.eu");
    assert.match(wrong.stderr, /its signature fits none of the keys/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a server does not start with keys that it cannot use, and says which file it is", async () => {
  const start = (jwt: NonNullable<ConfigInput["auth"]>["jwt"]) => startServer({ auth: { jwt } });
  const file = await Deno.makeTempFile();
  try {
    const expected = (name: string) => (error: Error) => {
      assert(error instanceof ConfigError);
      assert.match(
        error.message,
        new RegExp(`auth.jwt.${name}: it has 0 bytes|auth.jwt.${name}: `),
      );
      return true;
    };
    await assert.rejects(start({ secret_file: file }), expected("secret_file"));
    await assert.rejects(start({ public_keys: file, audience: "x" }), expected("public_keys"));
    await assert.rejects(start({ jwks_file: file, audience: "x" }), expected("jwks_file"));
    await assert.rejects(start({ secret_file: `${file}.not` }), /there is no such file/);
  } finally {
    await Deno.remove(file);
  }
});

const FAULTS: [NonNullable<ConfigInput["auth"]>["jwt"], RegExp][] = [
  [{ issuer: "x" }, /issuer is of no use without keys for JWTs/],
  [{ roles: "x" }, /roles is of no use without keys for JWTs/],
  [{ public_keys: "a.pem" }, /need an audience/],
  [{ jwks_url: "http://login.example.com/", audience: "x" }, /https, or of http on this machine/],
  [{ jwks_url: "https://ada@login.example.com/", audience: "x" }, /without a user/],
  [{ jwks_url: "keys", audience: "x" }, /must be a URL/],
  [{ secret_file: "a", jwks_ca: "b" }, /jwks_ca is of no use without jwks_url/],
  [{ secret_file: "a", algorithms: ["none"] }, /"none" is none of HS256/],
  [{ secret_file: "a", roles: "unknown" }, /there is no role "unknown"/],
];

Deno.test("what does not fit together is told", () => {
  for (const [jwt, expected] of FAULTS) {
    assert.throws(() => configFrom({ auth: { jwt } }), expected, JSON.stringify(jwt));
  }
  configFrom({ auth: { jwt: { secret_file: "a" } }, listen: { tcp: "0.0.0.0:7311" } });
  configFrom({ auth: { jwt: { jwks_url: "http://localhost:1/", audience: "x" } } });
  configFrom({ auth: { jwt: { jwks_url: "http://[::1]:1/", audience: "x" } } });
});
