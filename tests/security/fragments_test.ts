/**
 * Peers that nobody knows yet, and that send a message in fragments of one byte, or half a Hello and nothing more:
 * what they hold is bounded, they are closed in time, and others are served.
 */
import assert from "node:assert/strict";
import { frame, helloMessage, join } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { isReset } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";
import { user } from "../support/users.ts";
import { handshakeRequest, Opcode, webSocketFrame } from "../support/websocket_peer.ts";

const PEERS = Number(Deno.env.get("FRAGMENT_PEERS") ?? 200);
const HALVES = Number(Deno.env.get("HALF_HELLOS") ?? 1000);
const FRAGMENTS = 10_000;
const TIMEOUT_MS = 2000;
const FOR_EVER_MS = 3_600_000;
const MAX_MIB = 150;
const encoder = new TextEncoder();

async function start(): Promise<MeasuredServer> {
  return await MeasuredServer.start({
    config: {
      users: [await user("ada", "all")],
      roles: { all: { allow: { publish: [">"] } } },
      limits: {
        login_timeout_ms: TIMEOUT_MS,
        handshake_timeout_ms: TIMEOUT_MS,
        // Nothing but the other two ends anybody.
        message_timeout_ms: FOR_EVER_MS,
      },
    },
    said: { user: "ada", password: "ada's secret" },
  });
}

/** Sends bytes, and waits until the server ends the connection. */
async function isEnded(port: number, parts: readonly Uint8Array[]): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const send = async () => {
    for (const bytes of parts) {
      for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    }
  };
  const sending = send().catch(() => {});
  const into = new Uint8Array(16_384);
  try {
    while (await settles(connection.read(into), "the end of a peer", 120_000) !== null);
  } catch (reason) {
    if (!isReset(reason)) throw reason;
  } finally {
    connection.close();
    await sending;
  }
}

Deno.test("fragments of one byte from strangers hold next to nothing", async () => {
  await using server = await start();
  const first = webSocketFrame(Uint8Array.of(0xff), { fin: false });
  const next = webSocketFrame(Uint8Array.of(0xff), { fin: false, opcode: Opcode.CONTINUATION });
  const shake = encoder.encode(handshakeRequest({ host: "localhost" }));
  // A length of a megabyte, and then its bytes one by one.
  const prefix = webSocketFrame(Uint8Array.of(0xff, 0xff, 0x3f), { fin: false });
  const rest = join(...Array.from({ length: FRAGMENTS }, () => next));
  await server.innocents.during(`${PEERS} strangers with fragments of one byte`, async () => {
    await Promise.all(
      Array.from(
        { length: PEERS },
        (_, index) => isEnded(server.ports.ws, [shake, index % 2 === 0 ? first : prefix, rest]),
      ),
    );
    const most = server.mostAboveQuietMiB;
    assert(most <= MAX_MIB, `${most} MiB above quiet`);
    return `all ended, at most ${most} MiB above quiet`;
  });
  assert.equal((await server.stats()).internalErrors, 0);
});

Deno.test("many halves of a Hello hold next to nothing, and end at the deadline", async () => {
  await using server = await start();
  const hello = frame(helloMessage({ user: "ada", password: "x".repeat(1000) }));
  const half = hello.subarray(0, hello.length >> 1);
  await server.innocents.during(`${HALVES} halves of a Hello`, async () => {
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: HALVES }, () => isEnded(server.ports.tcp, [half])));
    const seconds = (performance.now() - startedMs) / 1000;
    const most = server.mostAboveQuietMiB;
    assert(most <= MAX_MIB, `${most} MiB above quiet`);
    return `all ended within ${seconds.toFixed(1)} s (deadline ${TIMEOUT_MS / 1000} s), ` +
      `at most ${most} MiB above quiet`;
  });
  // The innocents are left.
  while ((await server.stats()).connectionsOpen > 2);
  assert.equal((await server.stats()).internalErrors, 0);
});
