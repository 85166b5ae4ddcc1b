/**
 * The raw listener, exactly: clients in the field write one bare message and do one read of at most
 * 1,024 bytes. What they got from older servers they get here byte for byte, and what older servers lost
 * (pipelined, split and large messages) is answered, in order.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import {
  addMessage,
  contentOf,
  echoMessage,
  encode,
  frame,
  hex,
  join,
  takeServerMessage,
} from "../support/frames.ts";
import { startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";

const HELLO_WORLD = join(hex("0a 0f 0a 0d"), new TextEncoder().encode("Hello, World!"));

const EXCHANGES: readonly [string, Uint8Array, Uint8Array][] = [
  ["Hello, World!", HELLO_WORLD, HELLO_WORLD],
  ["add(-5, 3)", encode(addMessage(-5, 3)), hex("12 0b 08 fe ff ff ff ff ff ff ff ff 01")],
  ["an empty echo", hex("0a 00"), hex("0a 00")],
  ["add(0, 0)", hex("12 00"), hex("12 00")],
  ["add(2, 40)", hex("12 04 08 02 10 28"), hex("12 02 08 2a")],
];

Deno.test("one write, one read: the bytes of every exchange, on both addresses of localhost", async () => {
  await using server = await startServer();
  for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
    for (const [name, request, reply] of EXCHANGES) {
      using client = await SocketClient.connect(server, "raw", { hostname });
      await client.connection.write(request);
      assert.deepEqual(await client.readOnce(), reply, `${name} on ${hostname}`);
    }
    using client = await SocketClient.connect(server, "raw", { hostname });
    for (const [name, request, reply] of EXCHANGES) {
      await client.connection.write(request);
      assert.deepEqual(await client.readOnce(), reply, `${name} on ${hostname}, one connection`);
    }
  }
});

Deno.test("the same exchanges behind four bytes of length, both ways", async () => {
  await using server = await startServer();
  using client = await SocketClient.connect(server, "raw");
  for (const [name, request, reply] of EXCHANGES) {
    await client.connection.write(frame(request, "prefixed32"));
    assert.deepEqual(await client.readOnce(), frame(reply, "prefixed32"), name);
  }
});

Deno.test("pipelined messages are each answered, in order", async () => {
  await using server = await startServer();
  for (const framing of ["bare", "prefixed32"] as const) {
    using client = await SocketClient.connect(server, "raw", { framing });
    const requests = Array.from(
      { length: 300 },
      (_, index) =>
        index % 3 === 0 ? addMessage(index, -1) : echoMessage(`${index}`.padEnd(index * 7, ".")),
    );
    const sending = client.sendMessages(...requests);
    for (let index = 0; index < requests.length; index++) {
      const answer = await client.readMessage();
      if (index % 3 === 0) assert.equal(contentOf(answer, "addResponse").result, index - 1);
      else assert(contentOf(answer, "echoMessage").content.startsWith(`${index}`));
    }
    await sending;
  }
});

Deno.test("a reader that reads once a request gets one whole reply each time, nothing behind it", async () => {
  await using server = await startServer();
  for (const framing of ["bare", "prefixed32"] as const) {
    using client = await SocketClient.connect(server, "raw", { framing });
    for (let round = 0; round < 200; round++) {
      const text = `${round}`.padEnd(1 + (round * 37) % 1000, "x");
      await client.send(frame(echoMessage(text), framing));
      const reply = await client.readOnce();
      const found = takeServerMessage(reply!, framing);
      assert(found !== undefined, `round ${round}: the reply came in one write`);
      assert.equal(found.taken, reply!.length, "nothing stands behind it");
      assert.equal(contentOf(found.message, "echoMessage").content, text);
    }
  }
});

Deno.test("split messages are answered once, when they are whole", async () => {
  await using server = await startServer();
  for (const framing of ["bare", "prefixed32"] as const) {
    using client = await SocketClient.connect(server, "raw", { framing });
    for (const text of ["Hello, World!", "y".repeat(700)]) {
      for (const byte of frame(echoMessage(text), framing)) {
        await client.send(Uint8Array.of(byte));
      }
      assert.equal(contentOf(await client.readMessage(), "echoMessage").content, text);
    }
    await client.closeWrite();
    assert.equal(await client.readMessageOrEnd(), null, "and no more than once");
  }
});

Deno.test("messages of more than 512 and more than 1024 bytes are answered whole", async () => {
  await using server = await startServer();
  for (const framing of ["bare", "prefixed32"] as const) {
    using client = await SocketClient.connect(server, "raw", { framing, readBytes: 1024 });
    for (const length of [505, 512, 600, 1020, 1024, 1025, 5000, 100_000]) {
      const text = "z".repeat(length);
      const answer = await client.request(echoMessage(text));
      assert.equal(contentOf(answer, "echoMessage").content, text);
    }
  }
});

Deno.test("ids come back where a prefix leaves room for them", async () => {
  await using server = await startServer();
  using client = await SocketClient.connect(server, "raw", { framing: "prefixed32" });
  const answer = await client.request(echoMessage("x", 2n ** 60n));
  assert.equal(answer.id, 2n ** 60n);
});

Deno.test("an empty message behind its length is answered", async () => {
  await using server = await startServer();
  using client = await SocketClient.connect(server, "raw", { framing: "prefixed32" });
  await client.send(hex("00 00 00 00"));
  const error = contentOf(await client.readMessage(), "error");
  assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
  assert.match(error.message, /empty message/);
  contentOf(await client.request(echoMessage("after")), "echoMessage");
});

Deno.test("there is always a reply: also to a refused sum, to garbage, and to half a message", async () => {
  await using server = await startServer();
  const cases: [string, string, ErrorCode, boolean][] = [
    ["a sum that overflows", "12 08 08 ff ff ff ff 07 10 01", ErrorCode.INVALID_ARGUMENT, false],
    ["a message that is not for it", "72 00", ErrorCode.PERMISSION_DENIED, false],
    ["a varint", "08 96 01", ErrorCode.INVALID_ARGUMENT, true],
    ["text", "47 45 54 20 2f 0d 0a", ErrorCode.INVALID_ARGUMENT, true],
    ["all bits", "ff ff ff ff", ErrorCode.INVALID_ARGUMENT, true],
    ["a body that is none", "0a 02 0a 05", ErrorCode.INVALID_ARGUMENT, true],
    ["no UTF-8", "0a 03 0a 01 ff", ErrorCode.INVALID_ARGUMENT, true],
    ["a length bomb", "00 7f ff ff ff", ErrorCode.INVALID_ARGUMENT, true],
  ];
  for (const [name, digits, code, ends] of cases) {
    using client = await SocketClient.connect(server, "raw");
    await client.send(hex(digits));
    if (name === "a length bomb") await client.closeWrite();
    const reply = await client.readOnce();
    const framing = digits.startsWith("00") ? "prefixed32" : "bare";
    const found = takeServerMessage(reply!, framing);
    const error = contentOf(found!.message, "error");
    if (framing === "bare") assert.equal(error.code, code, name);
    assert.equal(error.closeReason === CloseReason.PROTOCOL_ERROR, ends, name);
    assert.equal(found!.taken, reply!.length);
  }
});

Deno.test("half a message and then half a connection: a reply that says so", async () => {
  await using server = await startServer();
  for (
    const [framing, digits] of [["bare", "0a"], ["bare", "0a 0f 0a 0d 48"], ["prefixed32", "00"], [
      "prefixed32",
      "00 00 00 05 0a",
    ]] as const
  ) {
    using client = await SocketClient.connect(server, "raw", { framing });
    await client.send(hex(digits));
    await client.closeWrite();
    const error = contentOf(await client.readMessage(), "error");
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(error.message, new RegExp(`ends after ${hex(digits).length} bytes`));
    assert.equal(await client.readMessageOrEnd(), null);
  }
});
