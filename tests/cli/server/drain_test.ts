/**
 * `parley drain` and `--drain-to`: a server process stops in order, and its clients are pointed elsewhere.
 */
import assert from "node:assert/strict";
import { CloseReason, connect, type ParleyError } from "../../../lib/client/mod.ts";
import { LOCAL, Running, runProcess } from "../processes.ts";

async function start(...options: string[]) {
  const server = new Running(["serve", "--json", ...LOCAL, ...options]);
  const { listeners } = JSON.parse((await server.lines(1))[0]);
  return { server, url: listeners[0].urls[0] as string };
}

/** A client, and the error with which its connection is lost. */
async function clientOf(url: string) {
  const lost = Promise.withResolvers<ParleyError>();
  const client = await connect(url, {
    reconnect: false,
    onStatus: (_status, reason) => reason && lost.resolve(reason),
  });
  return { client, lost: lost.promise };
}

Deno.test("parley drain has a server stop, and points its clients to others", async () => {
  const { server, url } = await start();
  await using _ = server;
  const { client, lost } = await clientOf(url);
  const wrong = await runProcess(["drain", "--server", url, "--to", "http://a"]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^parley: cannot point clients to "http:\/\/a"; accepted: URLs like/);
  const done = await runProcess([
    "drain",
    "--server",
    url,
    "--to",
    "parley://b",
    "--to",
    "wss://c",
  ]);
  assert.deepEqual([done.code, done.stderr], [0, ""]);
  assert.equal(done.stdout, "the server stops: 2 connections are told\n");
  const reason = await lost;
  assert.equal(reason.closeReason, CloseReason.SHUTDOWN);
  assert.deepEqual(reason.goTo, ["parley://b", "wss://c"]);
  await client.close();
  assert.equal((await server.ended()).code, 0);
});

Deno.test({
  name: "a server that is told to stop points to where --drain-to says",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { server, url } = await start("--drain-to", "parley://b", "--drain-to", "parley://c:7");
    await using _ = server;
    const { client, lost } = await clientOf(url);
    server.child.kill("SIGTERM");
    assert.deepEqual((await lost).goTo, ["parley://b", "parley://c:7"]);
    await client.close();
    assert.equal((await server.ended()).code, 0);
  },
});
