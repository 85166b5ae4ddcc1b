/**
 * Every size that has ever been a boundary, byte for byte, over every listener; and exactly where the
 * limit of a message lies, with an error that its sender really reads.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import {
  type ClientFraming,
  contentOf,
  echoMessage,
  encode,
  frame,
  hex,
  join,
  textOf,
} from "../support/frames.ts";
import { ALL_KINDS, startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";

const SIZES = [0, 1, 127, 128, 511, 512, 513, 1023, 1024, 65_535, 65_536, 1_048_000];

/** Every way to speak to a server. */
const WAYS = [
  { kind: "tcp", framing: "delimited" },
  { kind: "unix", framing: "delimited" },
  { kind: "raw", framing: "bare" },
  { kind: "raw", framing: "prefixed32" },
] as const;

for (const { kind, framing } of WAYS) {
  Deno.test(`${kind}, ${framing}: content of every size comes back byte for byte`, async () => {
    await using server = await startServer();
    using client = await SocketClient.connect(server, kind, { framing });
    for (const size of SIZES) {
      const request = encode(echoMessage(textOf(size)));
      const framed = frame(request, framing);
      await client.send(framed);
      const answer = await client.readBytes(framed.length);
      assert(answer.every((byte, index) => byte === framed[index]), `${size} bytes`);
    }
  });

  Deno.test(`${kind}, ${framing}: all sizes pipelined, in order`, async () => {
    await using server = await startServer();
    using client = await SocketClient.connect(server, kind, { framing });
    const stream = join(...SIZES.map((size) => frame(echoMessage(textOf(size)), framing)));
    const sending = client.send(stream);
    const answers = await client.readBytes(stream.length);
    await sending;
    assert(answers.every((byte, index) => byte === stream[index]));
  });

  Deno.test(`${kind}, ${framing}: a message of exactly the limit passes, one byte more does not`, async () => {
    const limit = 20_000;
    await using server = await startServer({ limits: { max_frame_bytes: limit } });
    for (const excess of [-1, 0, 1, 2, 1000]) {
      using client = await SocketClient.connect(server, kind, { framing });
      const message = messageOf(limit + excess);
      await client.send(frame(message, framing));
      const answer = await client.readMessage();
      if (excess <= 0) {
        assert.equal(contentOf(answer, "echoMessage").content.length, limit + excess - 8);
        continue;
      }
      const error = contentOf(answer, "error");
      assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
      assert.match(error.message, new RegExp(`${limit + excess} bytes.*${limit}`));
      assert.match(error.accepted, /20000/);
      assert.equal(await client.readMessageOrEnd(), null);
    }
  });

  Deno.test(`${kind}, ${framing}: who sends too much reads why, with megabytes sent behind it`, async () => {
    await using server = await startServer({ limits: { max_frame_bytes: 2048 } });
    using client = await SocketClient.connect(server, kind, { framing });
    const noise = new Uint8Array(5_000_000).fill(0x41);
    await client.send(join(frame(echoMessage("first"), framing), frame(noise, framing)));
    if (framing === "bare") {
      // Without a prefix the noise is no message at all, which is another error of the same end.
      assert.equal(contentOf(await client.readMessage(), "echoMessage").content, "first");
      assert.equal(contentOf(await client.readMessage(), "error").code, ErrorCode.INVALID_ARGUMENT);
    } else {
      assert.equal(contentOf(await client.readMessage(), "echoMessage").content, "first");
      const error = contentOf(await client.readMessage(), "error");
      assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    }
    await client.send(noise.subarray(0, 100_000));
    await client.closeWrite();
    assert.equal(await client.readMessageOrEnd(), null, "the end of the stream, not a reset");
  });
}

/** An echo message of exactly `length` bytes, with three-byte lengths. */
function messageOf(length: number): Uint8Array<ArrayBuffer> {
  const message = encode(echoMessage("x".repeat(length - 8)));
  assert.equal(message.length, length);
  return message;
}

const BOMBS: readonly [string, ClientFraming, string, ErrorCode][] = [
  ["2^31 - 1", "delimited", "ff ff ff ff 07", ErrorCode.RESOURCE_EXHAUSTED],
  ["2^32", "delimited", "80 80 80 80 10", ErrorCode.RESOURCE_EXHAUSTED],
  ["ten bytes", "delimited", "ff ff ff ff ff ff ff ff ff 01", ErrorCode.INVALID_ARGUMENT],
  ["an overlong zero", "delimited", "80 00", ErrorCode.INVALID_ARGUMENT],
  ["an overlong one", "delimited", "81 80 80 00", ErrorCode.INVALID_ARGUMENT],
  ["2^31 - 1", "bare", "0a ff ff ff ff 07", ErrorCode.RESOURCE_EXHAUSTED],
  ["ten bytes", "bare", "0a ff ff ff ff ff ff ff ff ff 01", ErrorCode.INVALID_ARGUMENT],
  ["2^31 - 1", "prefixed32", "00 00 00 02 0a 00 7f ff ff ff", ErrorCode.RESOURCE_EXHAUSTED],
];

Deno.test("length bombs are answered with a typed error over every listener, others go on", async () => {
  await using server = await startServer();
  using bystander = await SocketClient.connect(server, "tcp");
  for (const [name, framing, digits, code] of BOMBS) {
    for (const kind of ALL_KINDS) {
      if ((kind === "raw") === (framing === "delimited")) continue;
      using client = await SocketClient.connect(server, kind, { framing });
      await client.send(hex(digits));
      let answer = await client.readMessage();
      if (framing === "prefixed32") answer = await client.readMessage();
      const error = contentOf(answer, "error");
      assert.equal(error.code, code, `${kind} ${name}`);
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
      assert.equal(await client.readMessageOrEnd(), null);
      contentOf(await bystander.request(echoMessage("still here")), "echoMessage");
    }
  }
});

Deno.test("a length of zero is an empty message: refused, and the connection lives", async () => {
  await using server = await startServer();
  for (const [kind, framing] of [["tcp", "delimited"], ["raw", "prefixed32"]] as const) {
    using client = await SocketClient.connect(server, kind, { framing });
    await client.send(frame(new Uint8Array(0), framing));
    const error = contentOf(await client.readMessage(), "error");
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    contentOf(await client.request(echoMessage("after")), "echoMessage");
  }
});
