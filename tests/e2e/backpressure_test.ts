/**
 * A peer that asks and does not read: the server stops reading it, keeps a bounded number of bytes for
 * it, serves others meanwhile, loses nothing when it reads after all, and parts with it when it never does.
 */
import assert from "node:assert/strict";
import { contentOf, echoMessage, frame } from "../support/frames.ts";
import { CLOSE_ENDS_WRITES } from "../support/runtime.ts";
import { ALL_KINDS, startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settled, settles, until } from "../support/until.ts";

const MIB = 1 << 20;
/** Far more than the server and the sockets of both sides hold together. */
const FLOOD_BYTES = 48 * MIB;
const REQUEST_BYTES = 10_000;

for (const kind of ALL_KINDS) {
  const framing = kind === "raw" ? "bare" : "delimited";
  const request = frame(echoMessage("f".repeat(REQUEST_BYTES)), framing);
  const count = Math.ceil(FLOOD_BYTES / request.length);

  Deno.test(`${kind}: who does not read is not read, and gets every answer when it does`, async () => {
    await using server = await startServer({ limits: { outbox_high_water_bytes: 64 * 1024 } });
    using flooder = await SocketClient.connect(server, kind, { readBytes: MIB });
    const flooding = (async () => {
      for (let sent = 0; sent < count; sent++) await flooder.send(request);
      await flooder.closeWrite();
    })();
    const bytesIn = await settled(() => server.stats().bytesIn, "the server stops reading");
    assert(bytesIn < FLOOD_BYTES / 2, `${bytesIn} bytes were read of a peer that does not read`);
    // As memory: the batch under way and the one that gathers, each in a buffer of up to twice its size.
    assert(server.stats().outboxBytes <= 4 * (64 * 1024 + 2 * request.length));
    using other = await SocketClient.connect(server, kind);
    contentOf(await other.request(echoMessage("not concerned")), "echoMessage");
    let received = 0;
    for (;;) {
      const chunk = await flooder.readOnce(MIB);
      if (chunk === null) break;
      for (let at = 0; at < chunk.length; at++, received++) {
        if (chunk[at] !== request[received % request.length]) assert.fail(`byte ${received}`);
      }
    }
    await settles(flooding, "the rest of the requests");
    assert.equal(received, count * request.length);
    assert.equal(server.stats().outboxBytes, 0);
  });

  Deno.test({
    name: `${kind}: who never reads is closed when its write stands still`,
    ignore: !CLOSE_ENDS_WRITES,
    async fn() {
      await using server = await startServer({
        limits: { outbox_high_water_bytes: 64 * 1024, write_timeout_ms: 300 },
      });
      using flooder = await SocketClient.connect(server, kind);
      const flooding = (async () => {
        for (;;) await flooder.send(request);
      })();
      await assert.rejects(settles(flooding, "the end of the connection"));
      await until(() => server.stats().connectionsOpen === 0, "the connection is gone");
      assert.equal(server.stats().slowCloses, 1);
      assert.equal(server.stats().internalErrors, 0);
      assert.equal(server.stats().outboxBytes, 0);
    },
  });
}
