/**
 * A million frames of random and damaged bytes through reader, scan and dispatch: nothing but ParleyErrors,
 * nothing that the reader gives twice or from beyond its bytes, and the process lives.
 *
 * Seeded loops carry the mass; fast-check, which can shrink what it finds, covers whole sessions.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CloseReason, ParleyError } from "../../lib/base/errors.ts";
import { dispatch } from "../../lib/services/handlers/dispatch.ts";
import { FrameReader, type Framing } from "../../lib/wire/frame_reader.ts";
import {
  addMessage,
  type ClientMessageInit,
  echoMessage,
  encode,
  frame,
  helloMessage,
  hex,
  join,
} from "../support/frames.ts";
import { Random } from "../support/random.ts";
import { TestSession } from "../support/session.ts";

const FRAMES = 1_000_000;
const MAX_FRAME_BYTES = 4096;

const VALID: readonly Uint8Array[] = ([
  echoMessage("Hello, World!"),
  echoMessage("größer €𝄞", 7n),
  echoMessage("x".repeat(300), 2n ** 63n),
  echoMessage(""),
  addMessage(-5, 3),
  addMessage(2 ** 31 - 1, 1, 3n),
  helloMessage({ clientName: "fuzz", answersPings: true }),
  { message: { case: "ping", value: { nonce: 77n } }, id: 1n },
  { message: { case: "pong", value: {} } },
  { message: { case: "event", value: { topic: "a.b", payload: new Uint8Array(40) } }, id: 5n },
  { message: { case: "subscribe", value: { pattern: "a.>" } }, id: 6n },
  { message: { case: "call", value: { method: "a/B", headers: { a: "b" } } }, id: 8n },
  { message: { case: "job", value: { queue: "q", payload: new Uint8Array(9), key: "k" } }, id: 9n },
  { message: { case: "pull", value: { consumer: 1n, queue: "q", prefetch: 8 } }, id: 2n },
  { message: { case: "settle", value: { consumer: 1n, tokens: [1n, 2n], verdict: 1 } }, id: 4n },
] satisfies ClientMessageInit[]).map(encode);

/** One frame's worth of input: valid, damaged inside, damaged anywhere, or noise. */
function someFrame(random: Random, framing: "delimited" | "prefixed32" | "bare"): Uint8Array {
  const kind = random.below(8);
  if (kind === 0) return random.bytes(1 + random.below(24));
  if (kind === 1) return frame(random.bytes(random.below(24)), framing);
  const bytes = frame(random.pick(VALID), framing).slice();
  if (kind === 2) return bytes;
  // Mostly inside, so that the framing lives on; sometimes the prefix.
  const from = kind === 3 ? 0 : Math.min(bytes.length - 1, framing === "prefixed32" ? 4 : 2);
  for (let flips = 1 + random.below(3); flips > 0; flips--) {
    bytes[from + random.below(bytes.length - from)] ^= 1 << random.below(8);
  }
  return bytes;
}

interface Tally {
  frames: number;
  errors: number;
  answered: number;
}

/**
 * Hands the messages of a reader to the dispatch of a session, as the session itself does. Gives false
 * when the connection would end.
 */
function drainReader(reader: FrameReader, peer: TestSession, tally: Tally): boolean {
  const { session, host } = peer;
  let behind = 0;
  for (;;) {
    try {
      if (!reader.next()) return true;
      tally.frames++;
      assert(reader.messageStart >= behind && reader.messageEnd >= reader.messageStart);
      assert(reader.messageEnd <= reader.buffer.length);
      behind = reader.messageEnd;
      host.context.scan.scan(reader.buffer, reader.messageStart, reader.messageEnd);
      const before = session.outbox.length;
      dispatch(host, session, reader.buffer, host.context.scan);
      if (session.outbox.length > before) tally.answered++;
    } catch (error) {
      assert(error instanceof ParleyError, `not a ParleyError: ${(error as Error).stack}`);
      tally.errors++;
      if (error.closeReason === CloseReason.PROTOCOL_ERROR) return false;
    }
  }
}

Deno.test("a million damaged frames raise nothing but ParleyErrors", () => {
  const stackTraceLimit = Error.stackTraceLimit;
  // Half of the frames end in an error, and their stacks would cost more than all the rest.
  Error.stackTraceLimit = 0;
  const peer = new TestSession();
  try {
    const random = new Random(20_240_601);
    const tally: Tally = { frames: 0, errors: 0, answered: 0 };
    let fed = 0;
    while (fed < FRAMES) {
      const framing = random.pick(["delimited", "prefixed32", "bare"] as const);
      const asked: Framing = framing === "delimited" || random.below(2) === 0 ? framing : "raw";
      const reader = new FrameReader(asked, MAX_FRAME_BYTES);
      for (let count = 0; count < 64 && fed < FRAMES; count++) {
        fed++;
        const bytes = someFrame(random, framing);
        const space = reader.space();
        const taken = Math.min(space.length, bytes.length);
        space.set(bytes.subarray(0, taken));
        reader.filled(taken);
        if (!drainReader(reader, peer, tally)) break;
        assert(reader.buffer.length <= 64 * 1024);
      }
      peer.session.outbox.rewind(0);
      peer.session.client = null;
    }
    peer.dispose();
    assert(tally.answered > FRAMES / 20 && tally.errors > FRAMES / 20, JSON.stringify(tally));
  } finally {
    peer.host.calls.close();
    Error.stackTraceLimit = stackTraceLimit;
  }
});

Deno.test("a session lives through any bytes in any pieces, and ends when its peer does", async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(...VALID.map((each) => frame(each))),
    fc.constantFrom(...VALID),
    fc.constantFrom(...VALID.map((each) => frame(each, "prefixed32"))),
    fc.constantFrom(hex("ff ff ff ff 07"), hex("80 00"), hex("00"), hex("0a 80")),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 12 }),
      fc.constantFrom("tcp", "raw"),
      async (pieces, kind) => {
        const peer = new TestSession(kind as "tcp" | "raw").start();
        peer.link.feed(...pieces);
        peer.link.end();
        await peer.ended();
        peer.dispose();
        assert(peer.link.closed);
        assert.equal(peer.host.context.counters.internalErrors, 0);
        assert.equal(peer.session.outbox.size, 0);
        const first = join(...pieces)[0];
        // Whatever was said, it was answered in whole messages of the framing that was spoken.
        peer.messages(kind === "tcp" ? "delimited" : first === 0 ? "prefixed32" : "bare");
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("bit by bit damaged: every single flip of a valid frame is survived", async () => {
  for (const message of VALID) {
    const bytes = frame(message);
    for (let bit = 0; bit < Math.min(bytes.length, 40) * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      const peer = new TestSession().start();
      peer.link.feed(damaged, frame(addMessage(1, 1)));
      peer.link.end();
      await peer.ended();
      peer.dispose();
      assert.equal(peer.host.context.counters.internalErrors, 0, `bit ${bit} of ${message}`);
      peer.messages();
    }
  }
});
