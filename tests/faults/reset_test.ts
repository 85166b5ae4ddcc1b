/**
 * Connections that end without a goodbye: while the server reads, while it writes, and right after they
 * began. Each is a line for debugging, everything is given back, and nobody else notices.
 */
import assert from "node:assert/strict";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { contentOf, echoMessage, frame, hex } from "../support/frames.ts";
import { LogRecords } from "../support/log_records.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { CLOSE_ENDS_WRITES } from "../support/runtime.ts";
import { ALL_KINDS, startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settled, settles, until } from "../support/until.ts";
import { handshakeRequest, webSocketFrame } from "../support/websocket_peer.ts";

/** A client that can reset its connection. */
interface Resettable {
  /** Sends without waiting for it to be taken. */
  send(bytes: Uint8Array): void;
  reset(): void;
}

async function connectResettable(server: TestServer, kind: ListenerKind): Promise<Resettable> {
  const raw = kind === "unix"
    ? net.connect(server.path)
    : net.connect(server.port(kind), "127.0.0.1");
  const taken = server.stats().connectionsTotal;
  await settles(new Promise((resolve) => raw.once("connect", resolve)), "connect");
  raw.on("error", () => {});
  const socket = kind === "tls" ? underTls(raw) : raw;
  if (kind === "ws") socket.write(handshakeRequest());
  await until(() => server.stats().connectionsTotal > taken, "the connection is taken");
  socket.on("error", () => {});
  // Nothing is ever read: a unix socket that is closed with bytes unread resets its peer.
  raw.pause();
  return {
    send: (bytes) => void socket.write(kind === "ws" ? webSocketFrame(bytes) : bytes),
    reset: () => void (kind !== "unix" ? raw.resetAndDestroy() : raw.destroy()),
  };
}

/** TLS over a socket that is read no more once it is paused. */
function underTls(raw: net.Socket): tls.TLSSocket {
  const between = new Duplex({
    read() {},
    write: (chunk, _encoding, done) => void raw.write(chunk, () => done()),
  });
  raw.on("data", (chunk) => between.push(chunk));
  const socket = tls.connect({ socket: between, rejectUnauthorized: false });
  raw.on("close", () => socket.destroy());
  return socket;
}

/** Runs an action against a server, and checks afterwards that it left nothing but lines for debugging. */
async function survives(
  kind: ListenerKind,
  action: (server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startServer({ limits: { outbox_high_water_bytes: 64 * 1024 } });
  // From here on: what a start has to say of an old runtime is not the matter.
  using logs = new LogRecords();
  {
    using bystander = await SocketClient.connect(server, kind);
    contentOf(await bystander.request(echoMessage("before")), "echoMessage");
    await action(server);
    await until(() => server.stats().connectionsOpen === 1, "only the bystander is left");
    contentOf(await bystander.request(echoMessage("after")), "echoMessage");
  }
  await until(() => server.stats().connectionsOpen === 0, "all are gone");
  assert.equal(server.stats().internalErrors, 0);
  assert.equal(server.stats().outboxBytes, 0);
  const loud = logs.records.filter((record) => !["debug", "info"].includes(record.level));
  assert.deepEqual(loud.map((record) => record.rawMessage), []);
}

for (const kind of ALL_KINDS) {
  const framing = kind === "raw" ? "bare" : "delimited";

  Deno.test(`${kind}: resets while the server reads`, () =>
    survives(kind, async (server) => {
      for (const sent of [hex(""), hex("0a"), frame(echoMessage("x".repeat(5000)), framing)]) {
        for (let round = 0; round < 5; round++) {
          const client = await connectResettable(server, kind);
          const half = sent.subarray(0, Math.ceil(sent.length / 2));
          const bytesIn = server.stats().bytesIn;
          client.send(half);
          await until(() => server.stats().bytesIn === bytesIn + half.length, "half is read");
          client.reset();
        }
      }
    }));

  Deno.test(`${kind}: resets with answers unread`, () =>
    survives(kind, async (server) => {
      for (let round = 0; round < 5; round++) {
        const client = await connectResettable(server, kind);
        const answered = server.stats().messagesOut;
        client.send(frame(echoMessage("x".repeat(5000)), framing));
        await until(() => server.stats().messagesOut > answered, "it is answered");
        client.reset();
      }
    }));

  Deno.test({
    name: `${kind}: resets while the server writes`,
    // Both sides have a write under way here.
    ignore: !CLOSE_ENDS_WRITES,
    fn: () =>
      survives(kind, async (server) => {
        for (let round = 0; round < 3; round++) {
          const client = await connectResettable(server, kind);
          const request = frame(echoMessage("f".repeat(100_000)), framing);
          for (let count = 0; count < 200; count++) client.send(request);
          await until(() => server.stats().outboxBytes > 0, "answers wait");
          await settled(() => server.stats().bytesIn, "the server stops reading");
          assert(server.stats().outboxBytes > 0, "a write is under way");
          client.reset();
          await until(() => server.stats().connectionsOpen === 1, "it is gone");
        }
      }),
  });

  Deno.test(`${kind}: resets of a crowd at the same moment`, () =>
    survives(kind, async (server) => {
      const crowd = await Promise.all(
        Array.from({ length: 50 }, () => server.connect(kind)),
      );
      await until(() => server.stats().connectionsTotal >= 51, "all are taken");
      const request = frame(echoMessage("y".repeat(2000)), framing);
      await Promise.all(crowd.map((connection) => connection.write(request)));
      for (const connection of crowd) connection.close();
    }));
}
