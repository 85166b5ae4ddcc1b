/**
 * A WebSocket as a link: the contract of the port, and what a peer may do wrong with frames.
 */
import assert from "node:assert/strict";
import { ALONE } from "../../support/alone.ts";
import { plentyOfInput } from "../../support/input_budget.ts";
import { openGate } from "../../support/open_gate.ts";
import {
  type HttpListener,
  listenHttp,
  maxWebSocketPayload,
} from "../../../lib/adapters/http/listener.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/base/limits.ts";
import type { Link } from "../../../lib/ports/link.ts";
import {
  type LinkContract,
  type LinkPair,
  testLinkContract,
} from "../../contract/link_contract.ts";
import { join } from "../../support/frames.ts";
import { isReset } from "../../support/socket_client.ts";
import { settled, settles } from "../../support/until.ts";
import {
  closePayload,
  type FrameOptions,
  Opcode,
  webSocketFrame,
  WebSocketPeer,
} from "../../support/websocket_peer.ts";

const LIMITS: Limits = { ...DEFAULT_LIMITS, lingerMs: 500 };

function listen(limits: Limits = LIMITS): HttpListener[] {
  return listenHttp("127.0.0.1", 0, {
    input: plentyOfInput(),
    turn: ALONE,
    limits,
    guard: { loopback: true, hosts: [], origins: [] },
    gate: openGate,
  });
}

/** Takes the next link of a listener that `dial` connects to, and closes the listener. */
async function take<Peer>(
  dial: (port: number) => Promise<Peer>,
  limits?: Limits,
): Promise<{ link: Link; peer: Peer }> {
  const [listener] = listen(limits);
  const links = listener[Symbol.asyncIterator]();
  const taken = links.next();
  const peer = await settles(dial(listener.port), "connect");
  const link = (await settles(taken, "accept")).value as Link;
  listener.close();
  await settles(links.next(), "the end of the listener");
  return { link, peer };
}

async function connect(): Promise<LinkPair> {
  const { link, peer } = await take((port) => WebSocketPeer.connect(port));
  return { link, peer, dispose: () => peer.close() };
}

const contract: LinkContract = {
  name: "ws",
  kind: "ws",
  address: "127.0.0.1",
  connect,
  async connectToReset() {
    const { link, peer } = await take((port) => WebSocketPeer.connect(port));
    // A socket that is closed with bytes unread resets its peer.
    await link.write(new Uint8Array(1000));
    await peer.connection.read(new Uint8Array(1));
    return { link, reset: () => peer.close() };
  },
};
testLinkContract(contract);

/** What a peer may do wrong, and the status code that it is told. */
const FAULTS: Record<string, { frames: [Uint8Array, FrameOptions?][]; code: number }> = {
  "a frame without a mask": { frames: [[Uint8Array.of(1), { masked: false }]], code: 1002 },
  "a compressed frame": { frames: [[Uint8Array.of(1), { reserved: 4 }]], code: 1002 },
  "a reserved bit": { frames: [[Uint8Array.of(1), { reserved: 1 }]], code: 1002 },
  "a reserved opcode": { frames: [[Uint8Array.of(1), { opcode: 3 }]], code: 1002 },
  "a reserved control opcode": { frames: [[Uint8Array.of(1), { opcode: 11 }]], code: 1002 },
  "text": { frames: [[Uint8Array.of(0x61), { opcode: Opcode.TEXT }]], code: 1003 },
  "text that is no UTF-8": { frames: [[Uint8Array.of(0xff), { opcode: Opcode.TEXT }]], code: 1003 },
  "a frame that claims too much": {
    frames: [[new Uint8Array(10), { length: maxWebSocketPayload(LIMITS) + 1 }]],
    code: 1009,
  },
  "a frame that claims more than any memory": {
    frames: [[new Uint8Array(10), { length: Number.MAX_SAFE_INTEGER }]],
    code: 1009,
  },
  "a message of fragments that is too large": {
    frames: [
      [new Uint8Array(maxWebSocketPayload(LIMITS)), { fin: false }],
      [new Uint8Array(1), { opcode: Opcode.CONTINUATION, fin: false }],
    ],
    code: 1009,
  },
  "a continuation of nothing": {
    frames: [[Uint8Array.of(1), { opcode: Opcode.CONTINUATION }]],
    code: 1002,
  },
  "a message within another": {
    frames: [[Uint8Array.of(1), { fin: false }], [Uint8Array.of(1)]],
    code: 1002,
  },
  "a ping that is too long": {
    frames: [[new Uint8Array(126), { opcode: Opcode.PING }]],
    code: 1002,
  },
  "a ping in fragments": {
    frames: [[new Uint8Array(1), { opcode: Opcode.PING, fin: false }]],
    code: 1002,
  },
  "a Close frame of one byte": {
    frames: [[new Uint8Array(1), { opcode: Opcode.CLOSE }]],
    code: 1002,
  },
  "a Close frame with a code that nobody may send": {
    frames: [[closePayload(1005), { opcode: Opcode.CLOSE }]],
    code: 1002,
  },
};

for (const [name, { frames, code }] of Object.entries(FAULTS)) {
  Deno.test({
    name: `ws: ${name} ends the connection with ${code}`,
    async fn() {
      const { link, peer } = await take((port) => WebSocketPeer.connect(port));
      const outcome = readAll(link).then(() => null, (error: unknown) => error);
      const sent = peer.send(
        join(...frames.map(([payload, options]) => webSocketFrame(payload, options))),
      ).catch(() => {});
      assert.equal(await peer.closedByServer(), code);
      await sent;
      peer.close();
      const error = await settles(outcome, "the read");
      assert(error instanceof Error && error.message !== "", `${error}`);
      await assert.rejects(link.write(Uint8Array.of(1)));
      link.close();
    },
  });
}

Deno.test({
  name: "ws: a peer that was refused and goes on sending is cut off",
  async fn() {
    // Long, so that it is the amount that ends it.
    const patient = { ...LIMITS, lingerMs: 3_600_000, drainMs: 3_600_000 };
    const { link, peer } = await take((port) => WebSocketPeer.connect(port), patient);
    const outcome = readAll(link).then(() => null, (error: unknown) => error);
    const chunk = new Uint8Array(64 * 1024);
    const flood = async () => {
      await peer.sendFrame(Uint8Array.of(1), { masked: false });
      for (;;) await peer.send(chunk);
    };
    const end = await settles(flood().catch((error: unknown) => error), "the end of the flood");
    assert(isReset(end), `${end}`);
    assert(await settles(outcome, "the read") instanceof Error);
    link.close();
    peer.close();
  },
});

Deno.test({
  name: "ws: a peer that was refused and says nothing more is cut off",
  async fn() {
    const { link, peer } = await take((port) => WebSocketPeer.connect(port));
    await peer.sendFrame(Uint8Array.of(0x61), { opcode: Opcode.TEXT });
    await assert.rejects(settles(readAll(link), "the read"), /text frame; only binary/);
    link.close();
    peer.close();
  },
});

Deno.test({
  name: "ws: frames may be cut and joined in any way",
  async fn() {
    const { link, peer } = await take((port) => WebSocketPeer.connect(port));
    const parts = [[1, 2], [], [3], [4, 5, 6], [7]].map((part) => Uint8Array.from(part));
    const whole = join(
      webSocketFrame(parts[0]),
      webSocketFrame(parts[1]),
      webSocketFrame(parts[2], { fin: false }),
      webSocketFrame(Uint8Array.of(9), { opcode: Opcode.PING }),
      webSocketFrame(parts[3], { opcode: Opcode.CONTINUATION, fin: false }),
      webSocketFrame(parts[4], { opcode: Opcode.CONTINUATION }),
    );
    const pongs = [];
    for (const chunks of [[whole], [...whole].map((byte) => Uint8Array.of(byte))]) {
      for (const chunk of chunks) await peer.send(chunk);
      assert.deepEqual(await readBytes(link, 7), Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
      pongs.push(await peer.readFrame());
    }
    for (const pong of pongs) assert.deepEqual([pong?.opcode, pong?.payload[0]], [Opcode.PONG, 9]);
    link.close();
    peer.close();
  },
});

Deno.test({
  name: "ws: what nobody reads holds the peer back",
  async fn() {
    const { link, peer } = await take((port) => WebSocketPeer.connect(port));
    const frame = webSocketFrame(new Uint8Array(32 * 1024).fill(7));
    const count = 2048;
    let sent = 0;
    const sending = (async () => {
      for (; sent < count; sent++) {
        // Without a deadline: it is meant to stand still.
        for (let at = 0; at < frame.length;) {
          at += await peer.connection.write(frame.subarray(at));
        }
      }
    })();
    assert(await settled(() => sent, "the peer stands still") < count);
    await readBytes(link, 32 * 1024 * count);
    await settles(sending, "the rest");
    link.close();
    peer.close();
  },
});

Deno.test({
  name: "ws: a long batch is one message in fragments, and a pong may come between",
  async fn() {
    const { link, peer } = await take((port) => WebSocketPeer.connect(port));
    const batch = new Uint8Array(1_000_000).fill(5);
    const writing = link.write(batch);
    await peer.sendFrame(Uint8Array.of(1), { opcode: Opcode.PING });
    let length = 0;
    for (let first = true, more = true; more;) {
      const frame = await peer.readFrame();
      assert(frame !== null);
      if (frame.opcode === Opcode.PONG) continue;
      assert.equal(frame.opcode, first ? Opcode.BINARY : Opcode.CONTINUATION);
      assert(frame.payload.every((byte) => byte === 5));
      length += frame.payload.length;
      first = false;
      more = !frame.fin;
    }
    assert.equal(length, batch.length);
    await settles(writing, "the write");
    link.close();
    peer.close();
  },
});

async function readAll(link: Link): Promise<void> {
  const into = new Uint8Array(64 * 1024);
  while (await link.read(into) !== null);
}

async function readBytes(link: Link, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let have = 0; have < count;) {
    const got = await settles(link.read(bytes.subarray(have)), "a read");
    if (got === null) throw new Error(`the end came after ${have} of ${count} bytes`);
    have += got;
  }
  return bytes;
}
