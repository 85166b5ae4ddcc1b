/**
 * Damaged and odd frames over real sockets, on every listener, before a Hello and after it: the process lives, has no
 * defect, and whoever behaves is served.
 *
 * FUZZ_FRAMES=10000000 is the long run; PARLEY_SEED=n replays one.
 */
import assert from "node:assert/strict";
import { connectTls } from "../support/certificate.ts";
import { type FuzzDoor, MESSAGE_DOORS, someTalk } from "../support/fuzz_talks.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { Random } from "../support/random.ts";
import type { PlainConnection } from "../support/server.ts";
import { isReset } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";
import { token, user } from "../support/users.ts";
import { handshakeRequest } from "../support/websocket_peer.ts";

const FRAMES = Number(Deno.env.get("FUZZ_FRAMES") ?? 20_000);
const FRAMES_A_CONNECTION = 100;
const AT_ONCE = 8;
const SEED = Number(Deno.env.get("PARLEY_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

const CASES: readonly { door: FuzzDoor; greets: boolean }[] = [
  ...MESSAGE_DOORS.flatMap((door) => [{ door, greets: false }, { door, greets: true }]),
  { door: "http", greets: true },
  ...(["http", "text", "handshake"] as const).map((door) => ({ door, greets: false })),
];

async function connectTo(server: MeasuredServer, door: FuzzDoor): Promise<PlainConnection> {
  const { ports, path } = server;
  if (door === "unix") return await Deno.connect({ transport: "unix", path });
  if (door === "tls") return await connectTls(ports.tls, "127.0.0.1");
  const kind = door === "handshake" ? "tls" : door === "http" ? "ws" : door;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: ports[kind] });
  if (door === "ws") {
    await connection.write(new TextEncoder().encode(handshakeRequest({ host: "localhost" })));
  }
  return connection;
}

function holds(bytes: Uint8Array, mark: Uint8Array): boolean {
  search: for (let at = bytes.length - mark.length; at >= 0; at--) {
    for (let index = 0; index < mark.length; index++) {
      if (bytes[at + index] !== mark[index]) continue search;
    }
    return true;
  }
  return false;
}

/** Says something, and reads until the answer to the last of it is there or the server ends the connection. */
async function talk(
  connection: PlainConnection,
  bytes: Uint8Array,
  mark: Uint8Array | null,
): Promise<void> {
  const send = async () => {
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    await connection.closeWrite();
  };
  const sending = send().catch(() => {});
  const into = new Uint8Array(65_536);
  // The mark may lie across two reads.
  let tail = new Uint8Array(0);
  try {
    for (;;) {
      const count = await settles(connection.read(into), "an answer or the end");
      if (count === null) break;
      const all = new Uint8Array(tail.length + count);
      all.set(tail);
      all.set(into.subarray(0, count), tail.length);
      if (mark !== null && holds(all, mark)) break;
      tail = all.slice(-16);
    }
  } catch (reason) {
    if (!isReset(reason)) throw reason;
  } finally {
    connection.close();
    await sending;
  }
}

Deno.test(`${FRAMES} frames on every listener, before and after Hello, end nothing but their own connection`, async () => {
  console.log(`PARLEY_SEED=${SEED}`);
  const random = new Random(SEED);
  const secret = token("fuzz");
  const all = [">"];
  const config = {
    data: "",
    users: [await user("ada", "all"), await user("eve", "all", { tokens: [secret.entry] })],
    roles: {
      all: {
        allow: {
          publish: all,
          subscribe: all,
          call: all,
          serve: all,
          push: all,
          pull: all,
          join: all,
        },
      },
    },
    keep: [{ pattern: "k.>" }, { pattern: "a.>" }],
  };
  const said = { user: "ada", password: "ada's secret" };
  await using server = await MeasuredServer.start({ config, tls: true, said });
  await server.innocents.during(`${FRAMES} fuzzed frames`, async () => {
    const before = await server.stats();
    let sent = 0;
    let connections = 0;
    const go = async () => {
      while (sent < FRAMES) {
        const { door, greets } = CASES[connections++ % CASES.length];
        const said = someTalk(random, door, FRAMES_A_CONNECTION, greets ? secret.token : null);
        sent += said.frames;
        await talk(await connectTo(server, door), said.bytes, said.mark);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, go));
    const { messagesIn, internalErrors } = await server.stats();
    assert.equal(internalErrors, 0);
    return `${connections} connections on ${CASES.length} doors, ` +
      `${messagesIn - before.messagesIn} messages were taken, no defect, ` +
      `${server.mostAboveQuietMiB} MiB above quiet`;
  });
});
