/**
 * Tests how the client library says who it is: by options, by the URL, over each transport; what it does when that is
 * refused or taken back; and that no password is shown.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { CloseReason } from "../../../lib/base/errors.ts";
import { credentialsOf, splitUserPart } from "../../../lib/client/connection/credentials.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { token, user } from "../../support/users.ts";

Deno.test("the user part of a URL is taken out, and read as it is encoded", () => {
  const split = (url: string) => {
    const { url: rest, user, password } = splitUserPart(url);
    return [rest, user, password];
  };
  assert.deepEqual(split("parley://host:1"), ["parley://host:1", "", ""]);
  assert.deepEqual(split("parley://ada@host:1"), ["parley://host:1", "ada", ""]);
  assert.deepEqual(split("parley://ada:s%20%40%3A@host"), ["parley://host", "ada", "s @:"]);
  assert.deepEqual(split("parley://a:b:c@d@host"), ["parley://host", "a", "b:c@d"]);
  assert.deepEqual(split("ws://a:b@host/path?x@y"), ["ws://host/path?x@y", "a", "b"]);
  assert.deepEqual(split("ws://host/path@x"), ["ws://host/path@x", "", ""]);
  assert.deepEqual(split("unix:///a@b"), ["unix:///a@b", "", ""]);
  assert.throws(() => splitUserPart("parley://a:%zz@host"), (error) => {
    assert.ok(error instanceof ParleyError && error.code === ErrorCode.INVALID_ARGUMENT);
    assert.ok(!error.message.includes("%zz"));
    return true;
  });
});

Deno.test("options count, whatever the URL says", () => {
  const url = splitUserPart("parley://ada:secret@host");
  const nothing = { user: "", password: "", token: "" };
  assert.deepEqual(credentialsOf({}, url), { ...nothing, user: "ada", password: "secret" });
  assert.deepEqual(credentialsOf({ user: "bob" }, url), { ...nothing, user: "bob" });
  assert.deepEqual(credentialsOf({ password: "x" }, url), {
    ...nothing,
    user: "ada",
    password: "x",
  });
  assert.deepEqual(credentialsOf({ token: "t" }, url), { ...nothing, user: "ada", token: "t" });
});

async function start(): Promise<{ server: TestServer; token: string }> {
  const ci = token("ci");
  const server = await startServer({
    users: [
      await user("ada", "all", { tokens: [ci.entry] }),
      await user("nobody", "none"),
    ],
    roles: { all: { allow: { publish: ">", subscribe: ">" } }, none: {} },
  });
  return { server, token: ci.token };
}

Deno.test("a client is who its options or its URL say, over each transport", async () => {
  const { server, token } = await start();
  await using _ = server;
  const secret = encodeURIComponent("ada's secret");
  const password = "ada's secret";
  for (const scheme of ["parley", "ws"]) {
    const place = scheme === "ws"
      ? `127.0.0.1:${server.port("ws")}/ws`
      : `127.0.0.1:${server.port("tcp")}`;
    const ways = [
      connect(`${scheme}://${place}`, { user: "ada", password }),
      connect(`${scheme}://${place}`, { token }),
      connect(`${scheme}://ada:${secret}@${place}`),
      connect(`${scheme}://ada@${place}`, { password }),
    ];
    for (const way of ways) {
      await using client = await way;
      assert.equal(client.welcome.user, "ada");
      assert.deepEqual(client.welcome.roles, ["all"]);
      assert.equal(client.url, `${scheme}://${place}`);
      await client.publish("a", "x");
    }
  }
});

Deno.test("who is not let in is told so at once, without the password", async () => {
  const { server } = await start();
  await using _ = server;
  const place = `127.0.0.1:${server.port("tcp")}`;
  for (const url of [`parley://${place}`, `parley://ada:canary@${place}`]) {
    await assert.rejects(connect(url), (error) => {
      assert.ok(error instanceof ParleyError);
      assert.equal(error.code, ErrorCode.UNAUTHENTICATED);
      assert.ok(!`${error.message}${error.stack}`.includes("canary"));
      return true;
    });
  }
  await assert.rejects(connect("parley://ada:canary@host/path"), (error) => {
    assert.ok(error instanceof ParleyError && !error.message.includes("canary"));
    return true;
  });
});

Deno.test("what a user may not do is refused, and the client goes on", async () => {
  const { server } = await start();
  await using _ = server;
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  await using client = await connect(url, { user: "nobody", password: "nobody's secret" });
  await assert.rejects(client.publish("a", "x"), (error) => {
    assert.ok(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.PERMISSION_DENIED);
    assert.match(error.reason, /no permission publish "a"$/);
    return true;
  });
  await assert.rejects(client.subscribe("a"), /no permission subscribe "a"; accepted: /);
  assert.equal(await client.echo("still here"), "still here");
});

Deno.test("a client whose user is gone closes, and does not come again", async () => {
  const file = await Deno.makeTempFile({ prefix: "parley-users-" });
  await Deno.writeTextFile(
    file,
    `[[users]]\nname = "ada"\npassword = "${(await user("ada", "")).password}"\n`,
  );
  {
    await using server = await startServer({ auth: { users_file: file } });
    const url = `parley://127.0.0.1:${server.port("tcp")}`;
    const closed = Promise.withResolvers<ParleyError | undefined>();
    await using _client = await connect(url, {
      user: "ada",
      password: "ada's secret",
      onStatus: (status, reason) => status === "closed" && closed.resolve(reason),
    });
    await Deno.writeTextFile(file, "");
    await server.server.reload();
    const reason = await closed.promise;
    assert.equal(reason?.code, ErrorCode.UNAUTHENTICATED);
    assert.equal(reason?.closeReason, CloseReason.REVOKED);
  }
  await Deno.remove(file);
});
