/**
 * What each message is answered with: echo, add, hello, ping and pong, and what nobody answers.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { VERSION } from "../../../lib/base/version.ts";
import {
  addMessage,
  type ClientMessageInit,
  contentOf,
  echoMessage,
  encode,
  field,
  frame,
  helloMessage,
  hex,
  join,
  type ServerMessage,
  textOf,
} from "../../support/frames.ts";
import { INVALID_UTF8 } from "../../support/invalid_utf8.ts";
import { TestSession } from "../../support/session.ts";

/** Sends messages and finishes; gives everything that came back. */
async function answersTo(
  ...messages: readonly (ClientMessageInit | Uint8Array)[]
): Promise<ServerMessage[]> {
  const peer = new TestSession().start();
  for (const message of messages) peer.link.feed(frame(message));
  peer.link.end();
  await peer.ended();
  assert.equal(peer.host.context.counters.internalErrors, 0);
  return peer.messages();
}

/** The bytes that come back for one message. */
async function bytesFor(message: Uint8Array): Promise<Uint8Array> {
  const peer = new TestSession().start();
  peer.link.feed(frame(message));
  peer.link.end();
  await peer.ended();
  return peer.link.written;
}

Deno.test("an echo comes back as it went, with the id", async () => {
  for (const length of [0, 1, 127, 128, 511, 512, 513, 1023, 1024, 65_535, 65_536, 1_048_000]) {
    const text = textOf(length);
    for (const id of [0n, 1n, 127n, 128n, 2n ** 64n - 1n]) {
      const [answer] = await answersTo(echoMessage(text, id));
      assert(contentOf(answer, "echoMessage").content === text, `${length} bytes`);
      assert.equal(answer.id, id);
    }
  }
});

Deno.test("an echo is encoded as protobuf encodes it, and repeats nothing that it does not know", async () => {
  assert.deepEqual(await bytesFor(hex("0a 05 0a 03 61 62 63")), frame(hex("0a 05 0a 03 61 62 63")));
  assert.deepEqual(await bytesFor(hex("0a 00")), frame(hex("0a 00")));
  assert.deepEqual(await bytesFor(hex("0a 02 0a 00")), frame(hex("0a 00")));
  const stuffed = join(field(1, hex("10 05 0a 01 41 1a 01 42")), hex("a2 01 01 43 78 07"));
  assert.deepEqual(await bytesFor(stuffed), frame(hex("0a 03 0a 01 41 78 07")));
  const twice = field(1, hex("0a 01 41 0a 01 42"));
  assert.deepEqual(await bytesFor(twice), frame(hex("0a 03 0a 01 42")), "the last one counts");
});

Deno.test("content that is no UTF-8 ends the connection, and nothing of it comes back", async () => {
  for (const [name, digits] of INVALID_UTF8) {
    for (const padding of [0, 300]) {
      const content = join(new Uint8Array(padding).fill(97), hex(digits));
      const answers = await answersTo(field(1, field(1, content)), echoMessage("after"));
      assert.equal(answers.length, 1, name);
      const error = contentOf(answers[0], "error");
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT, name);
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR, name);
      assert.match(error.message, /UTF-8/);
    }
  }
});

Deno.test("add adds, also negative numbers and up to the ends", async () => {
  const max = 2 ** 31 - 1;
  const min = -(2 ** 31);
  for (
    const [a, b] of [[0, 0], [1, 2], [-5, 3], [5, -5], [max, 0], [max, min], [min, 0], [-1, -1]]
  ) {
    const [answer] = await answersTo(addMessage(a, b, 9n));
    assert.equal(contentOf(answer, "addResponse").result, a + b, `${a} + ${b}`);
    assert.equal(answer.id, 9n);
  }
  assert.deepEqual(await bytesFor(encode(addMessage(0, 0))), frame(hex("12 00")));
  assert.deepEqual(
    await bytesFor(encode(addMessage(-5, 3))),
    frame(hex("12 0b 08 fe ff ff ff ff ff ff ff ff 01")),
  );
});

Deno.test("a sum that does not fit is refused in both directions, and the connection lives", async () => {
  const max = 2 ** 31 - 1;
  const min = -(2 ** 31);
  for (const [a, b] of [[max, 1], [1, max], [max, max], [min, -1], [min, min]]) {
    const [refusal, next] = await answersTo(addMessage(a, b, 5n), addMessage(1, 1, 6n));
    const error = contentOf(refusal, "error");
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
    assert.equal(refusal.id, 5n);
    assert.match(error.message, new RegExp(`${a} and ${b}.*${a + b}`));
    assert.match(error.accepted, /-2147483648 to 2147483647/);
    assert.equal(contentOf(next, "addResponse").result, 2);
  }
});

Deno.test("summands are read as protobuf reads int32: low 32 bits, the last one counts", async () => {
  const wide = hex("08 ff ff ff ff ff ff ff ff 7f 10 05");
  const [answer] = await answersTo(field(2, wide), field(2, hex("08 01 08 02 10 03")));
  assert.equal(contentOf(answer, "addResponse").result, 4, "all bits set is -1");
  const [, last] = await answersTo(addMessage(0, 0), field(2, hex("08 01 08 02 10 03")));
  assert.equal(contentOf(last, "addResponse").result, 5);
});

Deno.test("bodies that are no such message end the connection", async () => {
  const bodies: [number, string][] = [
    [1, "08 01"],
    [1, "0a 05 41"],
    [1, "0b 0c"],
    [1, "0a 80 00"],
    [2, "0a 01 41"],
    [2, "08"],
    [2, "08 80 00"],
    [2, "0d 00 00 00 00"],
    [4, "08"],
    [4, "12 02 ff ff"],
    [7, "08"],
    [8, "08 ff ff ff ff ff ff ff ff ff ff 01"],
  ];
  for (const [member, digits] of bodies) {
    const answers = await answersTo(field(member, hex(digits)), echoMessage("after"));
    assert.equal(answers.length, 1, `${member}: ${digits}`);
    const error = contentOf(answers[0], "error");
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT, digits);
    assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR, digits);
  }
});

Deno.test("an empty message and one that nobody knows are refused, and the connection lives", async () => {
  const cases: [string, ErrorCode, RegExp][] = [
    ["", ErrorCode.INVALID_ARGUMENT, /empty message/],
    ["78 05", ErrorCode.INVALID_ARGUMENT, /empty message/],
    ["92 01 00", ErrorCode.UNIMPLEMENTED, /field 18/],
    ["92 01 00 78 05", ErrorCode.UNIMPLEMENTED, /field 18/],
    ["a2 01 00", ErrorCode.UNIMPLEMENTED, /field 20/],
    ["a0 01 05 78 05", ErrorCode.UNIMPLEMENTED, /field 20/],
  ];
  for (const [digits, code, reason] of cases) {
    const [refusal, next] = await answersTo(hex(digits), echoMessage("after"));
    const error = contentOf(refusal, "error");
    assert.equal(error.code, code, digits);
    assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
    assert.match(error.message, reason);
    assert.equal(refusal.id, digits.endsWith("78 05") ? 5n : 0n);
    assert.equal(contentOf(next, "echoMessage").content, "after");
  }
});

Deno.test("two members, a wrong wire type and a group end the connection with one typed error", async () => {
  for (const digits of ["0a 00 12 00", "08 01", "0b 0c", "a3 01 a4 01", "7a 00", "0a 02 0a"]) {
    const answers = await answersTo(hex(digits), echoMessage("after"));
    assert.equal(answers.length, 1, digits);
    const error = contentOf(answers[0], "error");
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
  }
});

Deno.test("hello is answered by welcome with the limits, once", async () => {
  const [answer, again, echo] = await answersTo(
    helloMessage({ clientName: "n".repeat(64), library: "l", answersPings: true }, 3n),
    helloMessage({}, 4n),
    echoMessage("after"),
  );
  const welcome = contentOf(answer, "welcome");
  assert.equal(answer.id, 3n);
  assert.equal(welcome.protocolVersion, 1);
  assert.equal(welcome.serverVersion, VERSION);
  assert.equal(welcome.sessionId, "test-1");
  assert.equal(welcome.serverId, "test");
  assert.equal(welcome.pingIntervalMs, DEFAULT_LIMITS.pingIntervalMs);
  assert.equal(welcome.limits?.maxFrameBytes, DEFAULT_LIMITS.maxFrameBytes);
  assert.equal(contentOf(again, "error").code, ErrorCode.FAILED_PRECONDITION);
  assert.equal(again.id, 4n);
  assert.equal(contentOf(echo, "echoMessage").content, "after");
});

Deno.test("a name in a hello that is too long is refused, and hello may be said again", async () => {
  const [refusal, accepted] = await answersTo(
    helloMessage({ clientName: "é".repeat(33) }),
    helloMessage({ clientName: "é".repeat(32) }),
  );
  const error = contentOf(refusal, "error");
  assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
  assert.match(error.message, /client_name of 66 bytes/);
  assert.match(error.accepted, /64/);
  contentOf(accepted, "welcome");
});

Deno.test("a newer protocol is answered with ours, and a missing version counts as the first", async () => {
  for (const protocolVersion of [0, 1, 2, 2 ** 32 - 1]) {
    const [answer] = await answersTo({ message: { case: "hello", value: { protocolVersion } } });
    assert.equal(contentOf(answer, "welcome").protocolVersion, 1);
  }
});

Deno.test("a ping is answered with its nonce, a pong with nothing", async () => {
  const nonce = 2n ** 64n - 1n;
  const answers = await answersTo(
    { message: { case: "ping", value: { nonce } }, id: 8n },
    { message: { case: "pong", value: { nonce: 1n } }, id: 9n },
    echoMessage("after"),
  );
  assert.equal(answers.length, 2);
  assert.equal(contentOf(answers[0], "pong").nonce, nonce);
  assert.equal(answers[0].id, 8n);
  contentOf(answers[1], "echoMessage");
});
