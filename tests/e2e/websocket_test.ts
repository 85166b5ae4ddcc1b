/**
 * A whole server over WebSockets: with the client library, with the platform's own WebSocket, and at its
 * end.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { type Client, connect, type ConnectOptions } from "../../lib/client/mod.ts";
import { DEFAULT_LIMITS } from "../../lib/base/limits.ts";
import { contentOf, echoMessage, frame, join } from "../support/frames.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settles, until } from "../support/until.ts";
import { closePayload, Opcode, webSocketFrame, WebSocketPeer } from "../support/websocket_peer.ts";
import { ownPort } from "../support/own_port.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `ws: ${name}`, fn });
}

function dial(server: TestServer, options?: ConnectOptions): Promise<Client> {
  return connect(`ws://127.0.0.1:${server.port("ws")}`, options);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);

test("the client library echoes, adds and pings, also many at once and large ones", async () => {
  await using server = await startServer();
  await using client = await dial(server);
  assert.equal(await client.echo("hällo"), "hällo");
  assert.equal(await client.add(-5, 3), -2);
  assert(await client.ping() >= 0);
  await assert.rejects(client.add(2147483647, 1), /int32/);
  const large = "x".repeat(DEFAULT_LIMITS.maxFrameBytes - 100);
  const sums = Array.from({ length: 2000 }, (_, index) => client.add(index, index));
  const echoes = Array.from({ length: 10 }, () => client.echo(large));
  assert.deepEqual(await Promise.all(sums), sums.map((_, index) => 2 * index));
  assert((await Promise.all(echoes)).every((content) => content === large));
});

test("events and calls go between WebSocket and tcp", async () => {
  await using server = await startServer();
  await using browser = await dial(server);
  await using program = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  for (const [one, other] of [[browser, program], [program, browser]]) {
    const subscription = await one.subscribe("orders.>");
    const events = subscription[Symbol.asyncIterator]();
    await other.publish("orders.eu", bytes("new"));
    const { value } = await settles(events.next(), "the event");
    assert.deepEqual([value?.topic, text(value?.payload ?? bytes(""))], ["orders.eu", "new"]);
    await subscription.unsubscribe();
    const service = await one.serve("acme.Shout/Now", (call) => bytes(text(call.payload) + "!"));
    const answer = await other.call("acme.Shout/Now", bytes("hello"));
    assert.equal(text(answer.payload), "hello!");
    await service.stop();
  }
});

test("the platform's own WebSocket speaks the protocol in binary frames", async () => {
  await using server = await startServer();
  const socket = new WebSocket(`ws://localhost:${server.port("ws")}/ws`);
  socket.binaryType = "arraybuffer";
  await settles(new Promise((resolve) => socket.onopen = resolve), "open");
  const parts: Uint8Array[] = [];
  socket.send(join(frame(echoMessage("one"), "delimited"), frame(echoMessage("two"), "delimited")));
  // The answers of one turn are one message; what arrives in pieces may be of several turns.
  const asked = join(
    frame(echoMessage("one"), "delimited"),
    frame(echoMessage("two"), "delimited"),
  );
  await settles(
    new Promise<void>((resolve) =>
      socket.onmessage = ({ data }) => {
        parts.push(new Uint8Array(data));
        if (join(...parts).length === asked.length) resolve();
      }
    ),
    "the answers",
  );
  assert.deepEqual(join(...parts), asked, "an echo is what was sent");
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  socket.close(1000);
  assert.deepEqual([(await closed).code, (await closed).wasClean], [1000, true]);
  await until(() => server.stats().connectionsOpen === 0, "the connection is gone");
});

test("what was asked before a Close frame in the same packet is answered before it is", async () => {
  await using server = await startServer();
  const peer = await WebSocketPeer.connect(server.port("ws"));
  const requests = Array.from(
    { length: 50 },
    (_, index) => frame(echoMessage(`${index}`), "delimited"),
  );
  await peer.send(join(
    ...requests.map((request) => webSocketFrame(request)),
    webSocketFrame(closePayload(1000), { opcode: Opcode.CLOSE }),
  ));
  using client = new SocketClient(peer, "delimited", 4096);
  const answers = await client.readMessagesUntilClosed();
  assert.equal(answers.length, requests.length);
  assert.equal(peer.closeCode, 1000);
});

test("bytes that are no messages get a typed error, then a Close frame", async () => {
  await using server = await startServer();
  const peer = await WebSocketPeer.connect(server.port("ws"));
  await peer.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f));
  using client = new SocketClient(peer, "delimited", 4096);
  const error = contentOf(await client.readMessage(), "error");
  assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
  assert.equal(await client.readMessageOrEnd(), null);
  assert.equal(peer.closeCode, 1000);
});

test("a stopping server tells SHUTDOWN, then that it goes away", async () => {
  await using server = await startServer({ limits: { drain_quiet_ms: 1 } });
  const peer = await WebSocketPeer.connect(server.port("ws"));
  using client = new SocketClient(peer, "delimited", 4096);
  contentOf(await client.request(echoMessage("here")), "echoMessage");
  const stopping = server.server.stop();
  const notice = contentOf(await client.readMessage(), "error");
  assert.equal(notice.closeReason, CloseReason.SHUTDOWN);
  assert.equal(await client.readMessageOrEnd(), null);
  assert.equal(peer.closeCode, 1001);
  await peer.closeWrite(1001);
  await settles(stopping, "stop");
});

test("a peer that does not answer a Close frame holds the stop no longer than it lingers", async () => {
  await using server = await startServer({ limits: { drain_quiet_ms: 1, linger_ms: 50 } });
  const peer = await WebSocketPeer.connect(server.port("ws"));
  await until(() => server.stats().connectionsOpen === 1, "the connection is taken");
  await settles(server.server.stop(), "stop");
  peer.close();
});

test("the client library comes back after a restart, and resubscribes", async () => {
  const limits = { drain_quiet_ms: 1, linger_ms: 10 };
  using own = ownPort();
  const listen = { http: `127.0.0.1:${own.port}` };
  const first = await startServer({ limits, listen });
  await using client = await dial(first, { reconnect: { minMs: 1, maxMs: 20 } });
  let gaps = 0;
  const subscription = await client.subscribe("a.>", { onGap: () => gaps++ });
  const events = subscription[Symbol.asyncIterator]();
  await first[Symbol.asyncDispose]();
  await using second = await startServer({ limits, listen });
  // Only then the client knows that the first server is gone: what is asked before may be lost with it.
  await until(() => gaps > 0, "the gap is told");
  assert.equal(await client.echo("again"), "again");
  await using other = await dial(second);
  await other.publish("a.b", bytes("x"));
  assert.equal((await settles(events.next(), "the event")).value?.topic, "a.b");
});

test("nobody there, or no Parley there: UNAVAILABLE, with what to look at", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using server = await startServer();
  for (const url of [`ws://127.0.0.1:${port}`, `ws://127.0.0.1:${server.port("ws")}/other`]) {
    await assert.rejects(connect(url), (error: unknown) => {
      assert(error instanceof ParleyError);
      assert.equal(error.code, ErrorCode.UNAVAILABLE);
      assert.match(error.message, /http port.*listen\.origins/);
      return true;
    });
  }
});

test("connecting can be given up, and ends when nobody answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `ws://127.0.0.1:${listener.addr.port}`;
  const taken = listener.accept();
  const giveUp = new AbortController();
  const outcome = connect(url, { signal: giveUp.signal }).catch((error: unknown) => error);
  const connection = await settles(taken, "the connection");
  const reason = new Error("given up");
  giveUp.abort(reason);
  assert.equal(await settles(outcome, "the attempt"), reason);
  connection.close();
  const late = connect(url, { connectTimeoutMs: 20 }).catch((error: unknown) => error);
  const silent = await settles(listener.accept(), "the connection");
  const error = await settles(late, "the attempt");
  assert(error instanceof ParleyError && error.code === ErrorCode.DEADLINE_EXCEEDED, `${error}`);
  silent.close();
  listener.close();
});

test("places are given back, whatever became of the connections", async () => {
  await using server = await startServer({ limits: { max_connections_per_ip: 3, linger_ms: 10 } });
  const port = server.port("ws");
  for (let round = 0; round < 10; round++) {
    const peer = await WebSocketPeer.connect(port);
    if (round % 3 === 0) await peer.closeWrite();
    if (round % 3 === 1) await peer.sendFrame(Uint8Array.of(1), { masked: false });
    if (round % 3 !== 2) await peer.closedByServer();
    peer.close();
    const bare = await Deno.connect({ hostname: "127.0.0.1", port });
    bare.close();
    await until(() => server.stats().connectionsOpen === 0, "the session has ended");
  }
  const peers: WebSocketPeer[] = [];
  // A place is free a moment after its connection is gone.
  while (peers.length < 3) {
    await WebSocketPeer.connect(port).then((peer) => peers.push(peer), () => {});
  }
  await assert.rejects(WebSocketPeer.connect(port), /503/);
  assert.equal(server.stats().internalErrors, 0);
  for (const peer of peers) peer.close();
});
