/**
 * The contract of a transport, held by Deno's and Node's alike, over tcp and unix sockets.
 *
 * Node's runs here on Deno's node:net; node_test.ts runs it on Node itself.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import type { Transport } from "../../../lib/client/transport/transport.ts";
import { openDenoTransport } from "../../../lib/client/transport/deno.ts";
import { openNodeTransport } from "../../../lib/client/transport/node.ts";
import type { SocketTarget } from "../../../lib/client/transport/url.ts";
import { settles } from "../../support/until.ts";
import { ResettingServer } from "../connection/resetting_server.ts";

type OpenTransport = typeof openDenoTransport;

const transports: [string, OpenTransport][] = [
  ["Deno", openDenoTransport],
  ["Node", openNodeTransport],
];
const never = new AbortController().signal;

/** A pair of ends: the transport, and the socket at its other end. */
interface Pair extends AsyncDisposable {
  transport: Transport;
  peer: Deno.Conn;
}

async function listen(kind: "tcp" | "unix") {
  if (kind === "tcp") {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const target: SocketTarget = { kind, hostname: "127.0.0.1", port };
    return { listener, target, remove: () => Promise.resolve() };
  }
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  const path = `${folder}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const target: SocketTarget = { kind, path };
  return { listener, target, remove: () => Deno.remove(folder, { recursive: true }) };
}

async function pair(open: OpenTransport, kind: "tcp" | "unix"): Promise<Pair> {
  const { listener, target, remove } = await listen(kind);
  const taking = listener.accept();
  const transport = await open(target, "the url", never);
  const peer = await taking;
  return {
    transport,
    peer,
    async [Symbol.asyncDispose]() {
      transport.close();
      listener.close();
      try {
        peer.close();
      } catch {
        // The test closed it.
      }
      await remove();
    },
  };
}

Deno.test("Deno: closing settles what is under way where the runtime leaves it waiting", async () => {
  const { connect } = Deno;
  let closed = 0;
  const deaf = {
    read: () => new Promise(() => {}),
    write: () => new Promise(() => {}),
    close: () => void closed++,
    setNoDelay() {},
    setKeepAlive() {},
  };
  Deno.connect = (() => Promise.resolve(deaf)) as unknown as typeof connect;
  try {
    const target = { kind: "tcp", hostname: "127.0.0.1", port: 1 } as const;
    const transport = await openDenoTransport(target, "the url", never);
    const underWay: Promise<unknown>[] = [
      transport.read(new Uint8Array(1)),
      transport.write(new Uint8Array(1)),
    ];
    transport.close();
    for (const each of underWay) await assert.rejects(settles(each, "it"), /has closed/);
    assert.equal(closed, 1);
  } finally {
    Deno.connect = connect;
  }
});

for (const [runtime, open] of transports) {
  for (const kind of ["tcp", "unix"] as const) {
    Deno.test(`${runtime} ${kind}: bytes go both ways, in order, up to the end`, async () => {
      await using both = await pair(open, kind);
      const sent = new Uint8Array(3_000_000).map((_, index) => index * 7 + (index >> 8));
      const received = new Uint8Array(sent.length);
      const sending = both.transport.write(sent);
      const echoing = (async () => {
        const buffer = new Uint8Array(100_000);
        for (let total = 0; total < sent.length;) {
          const count = await both.peer.read(buffer) ?? 0;
          for (let at = 0; at < count;) at += await both.peer.write(buffer.subarray(at, count));
          total += count;
        }
        both.peer.close();
      })();
      let length = 0;
      for (;;) {
        const into = received.subarray(length, Math.min(received.length, length + 10_000));
        const count = await settles(
          both.transport.read(into.length > 0 ? into : new Uint8Array(1)),
          "a read",
        );
        if (count === null) break;
        assert(count > 0);
        length += count;
      }
      await Promise.all([sending, echoing]);
      assert.equal(length, sent.length);
      assert(received.every((byte, index) => byte === sent[index]));
      assert.equal(await both.transport.read(new Uint8Array(1)), null);
    });

    Deno.test(`${runtime} ${kind}: closing settles what is under way`, async () => {
      await using both = await pair(open, kind);
      const reading = both.transport.read(new Uint8Array(10));
      const writing = both.transport.write(new Uint8Array(20_000_000));
      both.transport.close();
      both.transport.close();
      const outcomes = await settles(Promise.allSettled([reading, writing]), "both");
      assert.equal(outcomes[0].status, "rejected");
      await assert.rejects(settles(both.transport.read(new Uint8Array(1)), "a read"));
    });

    Deno.test(`${runtime} ${kind}: nobody listens: UNAVAILABLE, with the url`, async () => {
      const { listener, target, remove } = await listen(kind);
      listener.close();
      await assert.rejects(open(target, "the url", never), (error) => {
        assert(error instanceof ParleyError);
        assert.equal(error.code, ErrorCode.UNAVAILABLE);
        assert.match(error.message, /^cannot connect to the url: .*is the server running/);
        return true;
      });
      await remove();
    });
  }

  Deno.test(`${runtime}: a reset makes reads reject`, async () => {
    await using server = await ResettingServer.start();
    const { port } = server;
    const transport = await open({ kind: "tcp", hostname: "127.0.0.1", port }, "the url", never);
    await transport.write(new Uint8Array(10));
    await assert.rejects(settles(transport.read(new Uint8Array(1)), "a read"), /reset/i);
    transport.close();
  });

  Deno.test(`${runtime}: an aborted attempt rejects`, async () => {
    const target: SocketTarget = { kind: "tcp", hostname: "127.0.0.1", port: 1 };
    await assert.rejects(open(target, "the url", AbortSignal.abort()), ParleyError);
  });

  Deno.test(`${runtime}: a host that is not known is named`, async () => {
    const target: SocketTarget = { kind: "tcp", hostname: "nowhere.invalid", port: 1 };
    await assert.rejects(open(target, "the url", never), /host nowhere\.invalid cannot be found/);
  });
}
