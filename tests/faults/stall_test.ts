/**
 * When the server itself stood still, for want of a processor or in a long pause, the silence was its own:
 * what its clients sent meanwhile is still in the sockets, and none of them may be taken for gone.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../support/manual_clock.ts";
import { contentOf, echoMessage, helloMessage } from "../support/frames.ts";
import { startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settles, until } from "../support/until.ts";

/** A manual clock that knows how often it was read: each sweep reads it once. */
class WatchedClock extends ManualClock {
  readings = 0;

  override monotonicMs(): number {
    this.readings++;
    return super.monotonicMs();
  }

  /** Lets time pass and resolves after the next sweep. */
  async advanceAndSweep(ms: number): Promise<void> {
    const before = this.readings;
    this.advance(ms);
    await until(() => this.readings > before, "a sweep");
  }
}

Deno.test("clients are not taken for gone because the server stood still", async () => {
  const clock = new WatchedClock();
  const limits = { ping_interval_ms: 1500, ping_timeout_ms: 4000 };
  await using server = await startServer({ limits }, { clock });
  using client = await SocketClient.connect(server, "tcp");
  contentOf(await client.request(helloMessage({ answersPings: true })), "welcome");
  await clock.advanceAndSweep(3_600_000);
  await clock.advanceAndSweep(1);
  contentOf(await client.request(echoMessage("still here")), "echoMessage");
  assert.equal(server.stats().idleCloses, 0);
  // Silence that the server was there to hear still counts.
  for (let sweeps = 0; sweeps < 2; sweeps++) await clock.advanceAndSweep(999);
  contentOf(await client.readMessage(), "ping");
});

Deno.test("a server that always lags behind still parts with those who are gone", async () => {
  const clock = new WatchedClock();
  await using server = await startServer({}, { clock });
  using client = await SocketClient.connect(server, "tcp");
  contentOf(await client.request(helloMessage({ answersPings: true })), "welcome");
  for (let sweeps = 0; sweeps < 4; sweeps++) await clock.advanceAndSweep(46_000);
  await client.closedByServer();
  assert.equal(server.stats().idleCloses, 1);
});

Deno.test("a stall while draining does not count as quiet", async () => {
  const clock = new WatchedClock();
  await using server = await startServer({ limits: { linger_ms: 10 } }, { clock });
  using client = await SocketClient.connect(server, "tcp");
  contentOf(await client.request(echoMessage("before")), "echoMessage");
  const stopping = server.server.stop();
  contentOf(await client.readMessage(), "error");
  await clock.advanceAndSweep(5000);
  contentOf(await client.request(echoMessage("sent during the stall")), "echoMessage");
  for (let passed = 0; passed < 300; passed += 30) await clock.advanceAndSweep(30);
  await client.closedByServer();
  client.close();
  await settles(stopping, "stop");
});
