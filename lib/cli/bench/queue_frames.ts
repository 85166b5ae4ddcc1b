/**
 * The bytes of the load on queues: prebuilt pushes out, and of what is delivered only the token and a stamp.
 *
 * A delivery begins with the pushed bytes as they were, so it is walked over and never decoded. Answers that
 * are rare, and refusals, are decoded whole.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { JobSchema, PullSchema } from "../../gen/parley/v1/queue_pb.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { FrameReader } from "../../wire/frame_reader.ts";
import { ACK_TAG, requestFrame } from "./bus_frames.ts";

/** Tags of ServerMessage's members that come often: one byte each. */
const TAG = { ack: ACK_TAG, job: 0x6a } as const;
/** Fields of Job. */
const FIELD = { payload: 2, token: 16 } as const;
const TOKEN_BYTES = 8;
/** One consumer a connection. */
const CONSUMER = 1;
const VERDICT_ACK = 1;
/** Member and fields of ClientMessage.settle. */
const SETTLE_FIELD = 17;
const ID_FIELD = 15;
/** Bytes behind the payload of a push: the tag of the id, and its value. */
const ID_BYTES = 2;

/** One push, ready to be sent. */
export interface PushFrame {
  readonly bytes: Uint8Array;
  /** Where the payload begins in `bytes`. */
  readonly payloadAt: number;
}

/** Builds a push of `sizeBytes` bytes of payload, which asks for an answer. */
export function pushFrame(queue: string, sizeBytes: number): PushFrame {
  const payload = new Uint8Array(sizeBytes).fill(0x78);
  // One id for all: they are counted, not told apart.
  const bytes = requestFrame({ case: "job", value: create(JobSchema, { queue, payload }) }, 1n);
  return { bytes, payloadAt: bytes.length - ID_BYTES - sizeBytes };
}

/** Asks for the jobs of a queue. */
export function pullFrame(queue: string, prefetch: number): Uint8Array {
  const value = create(PullSchema, { consumer: BigInt(CONSUMER), queue, prefetch });
  return requestFrame({ case: "pull", value }, 1n);
}

/** What came of a job: the answer to its push, or the job itself; anything else is decoded. */
type Arrival = "ack" | "job" | ServerMessage;

/** Reads what one connection brings. */
export class QueueArrivals {
  /** Where the payload of the job begins that came last, in the reader's buffer; -1 when it has none. */
  payloadAt = -1;
  readonly #cursor = new FieldCursor();
  readonly #tokens: Uint8Array;
  #held = 0;

  /** `most` jobs can be held at once. */
  constructor(most: number) {
    this.#tokens = new Uint8Array(most * TOKEN_BYTES);
  }

  /** How many jobs came and are not settled. */
  get held(): number {
    return this.#held;
  }

  /** Looks at the present message. Raises the server's error, and INTERNAL for more jobs than were asked for. */
  take(reader: FrameReader): Arrival {
    const { buffer, messageStart, messageEnd } = reader;
    const tag = buffer[messageStart];
    if (tag === TAG.ack) return "ack";
    if (tag === TAG.job) {
      this.#takeJob(buffer, messageStart, messageEnd);
      return "job";
    }
    const answer = fromBinary(ServerMessageSchema, buffer.slice(messageStart, messageEnd));
    if (answer.message.case !== "error") return answer;
    const { code, message, retryable, accepted } = answer.message.value;
    throw new ParleyError(code, message, { retryable, accepted });
  }

  /** A message that says that all jobs held are done. */
  settle(id: number): Uint8Array {
    const tokens = this.#tokens.subarray(0, this.#held * TOKEN_BYTES);
    this.#held = 0;
    const body = new BinaryWriter().tag(1, 0).uint32(CONSUMER).tag(2, 2).bytes(tokens)
      .tag(3, 0).uint32(VERDICT_ACK).finish();
    const message = new BinaryWriter().tag(SETTLE_FIELD, 2).bytes(body)
      .tag(ID_FIELD, 0).uint32(id).finish();
    return new BinaryWriter().bytes(message).finish();
  }

  #takeJob(buffer: Uint8Array, start: number, end: number): void {
    const cursor = this.#cursor;
    cursor.open(buffer, start, end);
    cursor.next();
    cursor.open(buffer, cursor.start, cursor.end);
    this.payloadAt = -1;
    let tokenAt = -1;
    while (cursor.next()) {
      if (cursor.field === FIELD.payload) this.payloadAt = cursor.start;
      else if (cursor.field === FIELD.token) tokenAt = cursor.start;
    }
    const into = this.#held * TOKEN_BYTES;
    if (tokenAt < 0 || into >= this.#tokens.length) {
      const what = tokenAt < 0 ? "a job without a token" : "more jobs than were asked for";
      throw new ParleyError(ErrorCode.INTERNAL, `the server sent ${what}`);
    }
    this.#tokens.set(buffer.subarray(tokenAt, tokenAt + TOKEN_BYTES), into);
    this.#held++;
  }
}
