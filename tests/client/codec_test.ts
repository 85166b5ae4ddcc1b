/**
 * The encoders and decoders that are written by hand, held against the generated classes.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { ClientMessageSchema, ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import {
  Incoming,
  readAny,
  readEcho,
  readError,
  readSum,
} from "../../lib/client/connection/answers.ts";
import {
  encodeAdd,
  encodeEcho,
  encodeRequest,
  PING_REQUEST,
} from "../../lib/client/connection/requests.ts";
import { type ClientMessageInit, textOf } from "../support/frames.ts";

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const text = fc.string({ unit: "binary", maxLength: 300 });

function encoded(message: ClientMessageInit["message"]): Uint8Array {
  return toBinary(ClientMessageSchema, create(ClientMessageSchema, { message }));
}

/** What a server would answer, looked at as the connection does, with other bytes around it. */
function incoming(message: Parameters<typeof create<typeof ServerMessageSchema>>[1], id = 0n) {
  const bytes = toBinary(ServerMessageSchema, create(ServerMessageSchema, { ...message, id }));
  const around = new Uint8Array(bytes.length + 20).fill(0xff);
  around.set(bytes, 10);
  const one = new Incoming();
  one.open(around, 10, 10 + bytes.length);
  return one;
}

function refuses(action: () => unknown, message: RegExp): void {
  assert.throws(action, (error) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    assert.match(error.reason, message);
    assert(error.message.startsWith(error.reason));
    return true;
  });
}

Deno.test("an echo is encoded as the generated class does", () => {
  const check = (content: string) =>
    assert.deepEqual(encodeEcho(content), encoded({ case: "echoMessage", value: { content } }));
  for (const bytes of [0, 1, 99, 100, 101, 123, 124, 127, 128, 16_383, 16_384]) {
    check("x".repeat(bytes));
    check(textOf(bytes));
  }
  fc.assert(fc.property(text, check));
});

Deno.test("an echo and an addition come back as the generated class decodes them", () => {
  fc.assert(fc.property(text, (content) => {
    const answer = incoming({ message: { case: "echoMessage", value: { content } } });
    assert.equal(readEcho(answer), content);
  }));
  for (const content of ["", "\uFEFFmark", textOf(127), textOf(128), textOf(70_000)]) {
    const answer = incoming({ message: { case: "echoMessage", value: { content } } });
    assert.equal(readEcho(answer), content);
  }
  fc.assert(fc.property(int32, int32, (a, b) => {
    const { message } = fromBinary(ClientMessageSchema, encodeAdd(a, b));
    assert(message.case === "addRequest");
    assert.deepEqual([message.value.a, message.value.b], [a, b]);
    assert.equal(
      readSum(incoming({ message: { case: "addResponse", value: { result: a } } })),
      a,
    );
  }));
});

Deno.test("an id is read without loss", () => {
  for (const id of [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n]) {
    assert.equal(BigInt(incoming({ message: { case: "ack", value: {} } }, id).id), id);
  }
});

Deno.test("the ping is a ping", () => {
  assert.equal(fromBinary(ClientMessageSchema, PING_REQUEST).message.case, "ping");
});

Deno.test("what has no encoding is refused and says why", () => {
  refuses(() => encodeAdd(1.5, 1), /cannot add 1.5 and 1$/);
  refuses(() => encodeAdd(1, 2 ** 31), /cannot add 1 and 2147483648$/);
  refuses(() => encodeAdd(NaN, 0), /cannot add NaN/);
  refuses(() => encodeAdd("1" as unknown as number, 0), /cannot add/);
  refuses(() => encodeEcho("a\ud800"), /half of a surrogate pair/);
  refuses(() => encodeEcho("\udc00".repeat(200)), /half of a surrogate pair/);
  refuses(() => encodeRequest(undefined), /cannot request "nothing"/);
  refuses(() => encodeRequest({ case: undefined }), /cannot request "nothing"/);
  refuses(() => encodeRequest({ case: "pong", value: {} }), /cannot request "pong"/);
  refuses(
    () => encodeRequest({ case: "addRequest", value: { a: 0.5 } }),
    /cannot encode addRequest/,
  );
});

Deno.test("an answer of another kind, or one that cannot be decoded, raises", () => {
  const ack = incoming({ message: { case: "ack", value: {} } });
  assert.throws(() => readEcho(ack), /an answer of field 5 where echoMessage was asked for/);
  const bad = new Incoming();
  bad.open(new Uint8Array([0x0a, 0x03, 0x0a, 0x01, 0xff]), 0, 5);
  assert.throws(() => readEcho(bad));
});

Deno.test("bytes of an answer do not change when the connection reads on", () => {
  const answer = incoming({
    message: { case: "answer", value: { payload: new Uint8Array([1, 2]) } },
  });
  const message = readAny(answer);
  answer.bytes.fill(0);
  assert(message.case === "answer");
  assert.deepEqual(message.value.payload, new Uint8Array([1, 2]));
});

Deno.test("an error keeps everything that the server said", () => {
  const value = { code: 8, message: "late", retryable: true, accepted: "sooner", closeReason: 3 };
  const error = readError(incoming({ message: { case: "error", value } }));
  const { code, message, retryable, accepted, closeReason } = error;
  assert.deepEqual({ code, message, retryable, accepted, closeReason }, value);
});
