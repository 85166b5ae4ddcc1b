/**
 * The memory of a whole server process, as the system sees it: bounded while peers begin messages and do not go
 * on, or subscribe and do not read, and given back when they are gone.
 *
 * A bound is only looked at when the server has read all there is, so that a busy machine cannot hide what it
 * holds. MEMORY_CONNECTIONS=2000 measures all kinds of peers in full, and prints what it finds.
 */
import assert from "node:assert/strict";
import { publish, subscribe } from "../support/bus_messages.ts";
import { frame, join, varint } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { handshakeRequest, webSocketFrame } from "../support/websocket_peer.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** How many peers there are in full; 0 leaves it at the least that tells. */
const FULL_CONNECTIONS = Number(Deno.env.get("MEMORY_CONNECTIONS") ?? 0);
const FEW_CONNECTIONS = 600;
const MAX_MIB = 300;
/** A WebSocket costs more beside what waits, and those that were ended do so until garbage is collected. */
const MAX_WEBSOCKETS_MIB = 450;
const MAX_UNREAD_MIB = 450;
const LEFT_BYTES = 100 * MIB;
const LEFT_AFTER_MS = 60_000;
const AT_ONCE = 20;
const SUBSCRIBERS = 100;
const EVENTS = 4000;
const EVENT_BYTES = 16 * KIB;
const encoder = new TextEncoder();

type Kind = "tcp" | "raw" | "ws" | "text" | "http";

/** What a peer of each kind begins with, and never ends. */
function begun(kind: Kind): Uint8Array {
  const part = join(varint(MIB - 10), new Uint8Array(MIB - KIB));
  switch (kind) {
    case "tcp":
      return part;
    case "raw":
      return join(Uint8Array.of(0x0a), part);
    case "ws":
      return join(
        encoder.encode(handshakeRequest({ host: "localhost" })),
        webSocketFrame(part, { length: MIB + 10 }),
      );
    case "text":
      return encoder.encode("x".repeat(4096));
    case "http":
      return encoder.encode("GET / HTTP/1.1\r\nX: ".padEnd(16 * KIB - 100, "x"));
  }
}

async function send(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await connection.write(bytes.subarray(sent));
  }
}

/** Connects `count` peers that send `bytes` and nothing more. Who is ended meanwhile is no failure. */
async function crowd(port: number, count: number, bytes: Uint8Array): Promise<Deno.Conn[]> {
  const connections: Deno.Conn[] = [];
  let left = count;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      try {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        connections.push(connection);
        await send(connection, bytes);
      } catch {
        // The server parts with those that hold most.
      }
    }
  }));
  return connections;
}

/** Measures what `come` makes of a server: at most `mostMiB` above quiet while they are there. */
async function measure(
  what: string,
  mostMiB: number,
  come: (server: MeasuredServer) => Promise<Deno.Conn[]>,
): Promise<void> {
  await using server = await MeasuredServer.start();
  const quiet = await server.waits();
  const connections = await come(server);
  try {
    const during = await server.waits();
    await server.readsNoMore();
    const most = server.mostAboveQuietMiB;
    const { slowSenderCloses, slowCloses } = await server.stats();
    const ended = slowSenderCloses + slowCloses;
    if (FULL_CONNECTIONS > 0) {
      console.log(
        `${what}: most ${most} MiB above quiet, ${ended} ended; an innocent's p99 ` +
          `${quiet.p99Ms.toFixed(1)} ms before, ${during.p99Ms.toFixed(1)} ms during, ` +
          `longest ${during.mostMs.toFixed(0)} ms of ${during.count}`,
      );
    }
    assert(most <= mostMiB, `${what}: ${most} MiB above quiet, and at most ${mostMiB} may be`);
  } finally {
    for (const connection of connections) connection.close();
  }
  const startedMs = performance.now();
  await server.comesBack(LEFT_BYTES, LEFT_AFTER_MS);
  if (FULL_CONNECTIONS > 0) {
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    console.log(
      `${what}: ${server.aboveQuietMiB} MiB above quiet ${seconds} s after they were gone`,
    );
  }
}

/** Subscribers that never read, and somebody who publishes to them. */
async function unread(server: MeasuredServer): Promise<Deno.Conn[]> {
  const { tcp } = server.ports;
  const connections = await crowd(tcp, SUBSCRIBERS, frame(subscribe("t")));
  await server.readsNoMore();
  const publisher = await Deno.connect({ hostname: "127.0.0.1", port: tcp });
  const event = frame(publish({ topic: "t", payload: new Uint8Array(EVENT_BYTES) }));
  for (let count = 0; count < EVENTS; count++) await send(publisher, event);
  return [...connections, publisher];
}

const linux = Deno.build.os === "linux";
const kinds: Kind[] = FULL_CONNECTIONS > 0 ? ["tcp", "raw", "ws", "text", "http"] : ["tcp"];
const connections = FULL_CONNECTIONS || FEW_CONNECTIONS;

for (const kind of kinds) {
  Deno.test({
    name:
      `${connections} that begin and do not go on are bounded, and all of it comes back (${kind})`,
    ignore: !linux,
    async fn() {
      const what = `${connections} begun on ${kind}`;
      const bytes = begun(kind);
      await measure(
        what,
        kind === "ws" ? MAX_WEBSOCKETS_MIB : MAX_MIB,
        ({ ports }) => crowd(ports[kind === "http" ? "ws" : kind], connections, bytes),
      );
    },
  });
}

if (FULL_CONNECTIONS > 0) {
  Deno.test({
    name: `${SUBSCRIBERS} subscribers that never read are bounded, and all of it comes back`,
    ignore: !linux,
    fn: () => measure(`${SUBSCRIBERS} that never read`, MAX_UNREAD_MIB, unread),
  });
}
