/**
 * Tests that a second Hello renews a login in the same connection: with every kind of credentials of the same user, and
 * that anything else is refused and changes nothing.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import type { ListenerKind } from "../../../lib/ports/link.ts";
import { bytesOf, publish, subscribe } from "../../support/bus_messages.ts";
import { contentOf, echoMessage, helloMessage, type ServerMessage } from "../../support/frames.ts";
import { jwt, makeKey } from "../../support/jwt.ts";
import { ALL_KINDS, startServer, type TestServer } from "../../support/server.ts";
import { SetClock } from "../../support/set_clock.ts";
import { greet, open, token, user } from "../../support/users.ts";

const KINDS: readonly ListenerKind[] = ALL_KINDS;
const key = await makeKey("ES256");
const pem = await Deno.makeTempFile({ prefix: "parley-renewal-", suffix: ".pem" });
await Deno.writeTextFile(pem, key.pem);
globalThis.addEventListener("unload", () => Deno.removeSync(pem));

const FAR_AWAY = "2099-01-01T00:00:00Z";

async function start(
  guest = "",
): Promise<{ server: TestServer; clock: SetClock; ci: string }> {
  const ci = token("ci", FAR_AWAY);
  const clock = new SetClock();
  const server = await startServer({
    users: [await user("ada", "all", { tokens: [ci.entry] }), await user("bob", "all")],
    roles: {
      all: { allow: { publish: ">", subscribe: ">" } },
      orders: { allow: { publish: "orders.>" } },
    },
    auth: {
      guest_role: guest,
      jwt: { public_keys: pem, audience: "parley", clock_tolerance_ms: 0 },
    },
  }, { clock });
  return { server, clock, ci: ci.token };
}

function errorOf(message: ServerMessage | null) {
  assert.ok(message !== null, "the server answers");
  return contentOf(message, "error");
}

for (const kind of KINDS) {
  Deno.test(`a login goes on with other credentials of the same user: ${kind}`, async () => {
    const { server, clock, ci } = await start();
    await using _ = server;
    const short = await jwt(key, { expires: 60 });
    const { client, answer } = await greet(server, kind, { token: short });
    const first = contentOf(answer, "welcome");
    assert.ok(first.loginEndsInMs > 0n && first.loginEndsInMs <= 60_000n);
    const { client: other } = await greet(server, "tcp", { token: short });
    const again = [
      { said: { token: ci }, lasts: true },
      { said: { user: "ada", password: "ada's secret" }, lasts: false },
      { said: { token: await jwt(key, { expires: 3600 }) }, lasts: true },
    ];
    for (const { said, lasts } of again) {
      const welcome = contentOf(await client.request(helloMessage(said)), "welcome");
      assert.equal(welcome.sessionId, first.sessionId);
      assert.equal(welcome.loginEndsInMs > 0n, lasts);
    }
    // The end of the first one comes and goes; who came behind and has not renewed it is looked at later, and gone.
    clock.set(90_000);
    assert.equal(errorOf(await other.readMessage()).closeReason, CloseReason.REVOKED);
    other.close();
    assert.equal((await client.request(echoMessage("hi", 2n))).message.case, "echoMessage");
    client.close();
  });

  Deno.test(`wrong credentials, and those of another user, change nothing: ${kind}`, async () => {
    const { server, ci } = await start();
    await using _ = server;
    const { client } = await greet(server, kind, { token: ci });
    const refusals: [Parameters<typeof helloMessage>[0], ErrorCode][] = [
      [{ user: "ada", password: "wrong" }, ErrorCode.UNAUTHENTICATED],
      [{ token: await jwt(key, { expires: -60 }) }, ErrorCode.UNAUTHENTICATED],
      [{ user: "bob", password: "bob's secret" }, ErrorCode.FAILED_PRECONDITION],
      [{ token: await jwt(key, { claims: { sub: "bob" } }) }, ErrorCode.FAILED_PRECONDITION],
      [{}, ErrorCode.FAILED_PRECONDITION],
    ];
    for (const [said, code] of refusals) {
      const error = errorOf(await client.request(helloMessage(said)));
      assert.equal(error.code, code, JSON.stringify(said));
      assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
      assert.equal((await client.request(echoMessage("hi", 2n))).message.case, "echoMessage");
    }
    client.close();
  });
}

Deno.test("a login that is not renewed ends when it was to", async () => {
  const { server, clock } = await start();
  await using _ = server;
  const { client } = await greet(server, "tcp", { token: await jwt(key, { expires: 60 }) });
  const other = helloMessage({ token: await jwt(key, { claims: { sub: "bob" } }) });
  assert.equal(errorOf(await client.request(other)).code, ErrorCode.FAILED_PRECONDITION);
  clock.set(60_000);
  assert.equal(errorOf(await client.readMessage()).closeReason, CloseReason.REVOKED);
  client.close();
});

Deno.test("a renewal brings other rights, and ends what they do not allow", async () => {
  const { server } = await start();
  await using _ = server;
  const { client } = await greet(server, "tcp", {
    token: await jwt(key, { claims: { roles: ["all"] } }),
  });
  assert.equal((await client.request(subscribe("a", 2n))).message.case, "ack");
  await client.sendMessages(
    helloMessage({ token: await jwt(key, { claims: { roles: ["orders"] } }) }, 3n),
  );
  const came = [await client.readMessage(), await client.readMessage()];
  const cases = came.map(({ message }) => message.case).toSorted();
  assert.deepEqual(cases, ["error", "welcome"]);
  const denied = errorOf(await client.request(publish({ topic: "a", payload: bytesOf("x") }, 4n)));
  assert.equal(denied.code, ErrorCode.PERMISSION_DENIED);
  client.close();
});

Deno.test("a guest who was welcomed stays a guest on its connection", async () => {
  const { server } = await start("orders");
  await using _ = server;
  const client = await open(server, "tcp");
  assert.equal((await client.request(helloMessage({}))).message.case, "welcome");
  const said = helloMessage({ user: "ada", password: "ada's secret" });
  assert.match(errorOf(await client.request(said)).message, /it is that of a guest/);
  client.close();
});
