/**
 * A client that sends its requests and closes its sending side still gets every answer, however many,
 * however large and however slowly it reads.
 */
import assert from "node:assert/strict";
import { contentOf, echoMessage, frame, join } from "../support/frames.ts";
import { ALL_KINDS, startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settled, until } from "../support/until.ts";

const MIB = 1 << 20;

for (const kind of ALL_KINDS) {
  const framing = kind === "raw" ? "bare" : "delimited";

  Deno.test(`${kind}: requests, half a close, all answers, the end`, async () => {
    await using server = await startServer();
    for (const [count, bytes] of [[1, 5], [1, 1_000_000], [500, 20], [40, 50_000]]) {
      using client = await SocketClient.connect(server, kind);
      const requests = Array.from(
        { length: count },
        (_, index) => echoMessage(`${index}`.padEnd(bytes, ".")),
      );
      const sending = client.sendMessages(...requests).then(() => client.closeWrite());
      const answers = await client.readMessagesUntilClosed();
      await sending;
      assert.equal(answers.length, count);
      answers.forEach((answer, index) => {
        assert(contentOf(answer, "echoMessage").content.startsWith(`${index}`));
      });
    }
  });

  Deno.test(`${kind}: nothing sent and half a close is no error`, async () => {
    await using server = await startServer();
    using client = await SocketClient.connect(server, kind);
    await client.closeWrite();
    assert.equal((await client.readUntilClosed()).length, 0);
    await until(() => server.stats().connectionsOpen === 0, "the connection is gone");
    assert.equal(server.stats().protocolErrors, 0);
  });

  // Small limits: nearly all requests wait until the client begins to read. Large ones: all of them are
  // answered, and the answers wait behind the end of the input.
  for (const high of [8192, 24 * MIB]) {
    Deno.test(`${kind}: one that reads only after everything stands still gets everything, ${high}`, async () => {
      await using server = await startServer({
        limits: { outbox_high_water_bytes: high, max_outbox_bytes: 32 * MIB, linger_ms: 50 },
      });
      using client = await SocketClient.connect(server, kind, { readBytes: 65_536 });
      const count = 120;
      const stream = join(
        ...Array.from(
          { length: count },
          (_, index) => frame(echoMessage(`${index}`.padEnd(100_000, ".")), framing),
        ),
      );
      const sending = client.send(stream).then(() => client.closeWrite());
      const bytesIn = await settled(() => server.stats().bytesIn, "the server stops reading");
      assert.equal(bytesIn === stream.length, high > stream.length && kind !== "raw");
      const received = await client.readUntilClosed();
      await sending;
      assert.equal(received.length, stream.length);
      assert(received.every((byte, index) => byte === stream[index]));
    });
  }
}
