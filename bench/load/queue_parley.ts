/**
 * Parley's queues for the load generator: jobs out, and of what is delivered only the token.
 *
 * The server makes a queue with its first job. All that one read brought is settled with one message that
 * wants an answer, and a job counts as done when that has come: after the fsync. A token that is late
 * raises, as every refusal does.
 */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import { fields, frame, hello } from "./dialect_parley.ts";
import type { ConsumerWire, ProducerWire, QueueDialect } from "./queue_wire.ts";

/** Members of ClientMessage. */
const FIELD = { job: 14, pull: 16, settle: 17 } as const;
/** Tags of ServerMessage; all of them have one byte. */
const TAG = { ack: 0x2a, job: 0x6a, settled: 0x72 } as const;
const ID_TAG = 15 << 3;
/** Tag of Job.token, in its two bytes. */
const TOKEN_TAG = 16 << 3 | 1;
const TOKEN_BYTES = 8;
const LATE_TOKENS_FIELD = 1;
const CONSUMER = 1;
const VERDICT_ACK = 1;
const MAX_FRAME_BYTES = 1 << 20;

/** Queues of Parley. */
export const parleyQueue: QueueDialect = {
  make: () => Promise.resolve(),
  async producer(setup, queue, payload) {
    await hello(setup);
    return new ParleyProducer(frame(FIELD.job, fields(queue, payload), 1));
  },
  async consumer(setup, queue, prefetch) {
    await hello(setup);
    await setup.write(pullFrame(queue, prefetch));
    return new ParleyConsumer(prefetch);
  },
};

/** The bytes that pull from a queue. */
export function pullFrame(queue: string, prefetch: number): Uint8Array {
  const body = new BinaryWriter().tag(1, 0).uint64(CONSUMER).tag(2, 2).string(queue)
    .tag(3, 0).uint32(prefetch);
  return frame(FIELD.pull, body.finish(), 1);
}

/** The messages of one connection. */
class ParleyReader {
  protected readonly reader = new FrameReader("delimited", MAX_FRAME_BYTES);

  space(): Uint8Array {
    return this.reader.space();
  }

  /** The present message as one that was not expected. */
  protected refusal(): Error {
    const { buffer, messageStart, messageEnd } = this.reader;
    const said = new TextDecoder().decode(buffer.slice(messageStart, messageEnd));
    return new Error(`the server refused: ${said.replace(/[^ -~]/g, " ").trim()}`);
  }
}

/** Counts acknowledgements. */
export class ParleyProducer extends ParleyReader implements ProducerWire {
  readonly job: Uint8Array;

  constructor(job: Uint8Array) {
    super();
    this.job = job;
  }

  filled(count: number): number {
    this.reader.filled(count);
    let confirmed = 0;
    while (this.reader.next()) {
      if (this.reader.buffer[this.reader.messageStart] !== TAG.ack) throw this.refusal();
      confirmed++;
    }
    return confirmed;
  }
}

/** Gathers the tokens of what is delivered. */
export class ParleyConsumer extends ParleyReader implements ConsumerWire {
  readonly #tokens: Uint8Array;
  #held = 0;
  #done = 0;
  /** How many jobs each message settles that is not answered yet, by its id. */
  readonly #settling = new Map<number, number>();
  #lastId = 1;

  constructor(prefetch: number) {
    super();
    this.#tokens = new Uint8Array(prefetch * TOKEN_BYTES);
  }

  filled(count: number): number {
    this.reader.filled(count);
    let jobs = 0;
    while (this.reader.next()) {
      const { buffer, messageStart, messageEnd } = this.reader;
      const tag = buffer[messageStart];
      if (tag === TAG.job) {
        this.#keepToken(buffer, messageStart, messageEnd);
        jobs++;
      } else if (tag === TAG.settled) {
        this.#settled(buffer.subarray(messageStart, messageEnd));
      } else if (tag !== TAG.ack) {
        throw this.refusal();
      }
    }
    return jobs;
  }

  settle(): Uint8Array {
    const body = new BinaryWriter().tag(1, 0).uint32(CONSUMER)
      .tag(2, 2).bytes(this.#tokens.subarray(0, this.#held * TOKEN_BYTES))
      .tag(3, 0).uint32(VERDICT_ACK);
    this.#lastId++;
    this.#settling.set(this.#lastId, this.#held);
    this.#held = 0;
    return frame(FIELD.settle, body.finish(), this.#lastId);
  }

  takeDone(): number {
    const done = this.#done;
    this.#done = 0;
    return done;
  }

  /** Finds the token among the fields of a job. */
  #keepToken(bytes: Uint8Array, start: number, end: number): void {
    let at = varintEnd(bytes, start + 1);
    while (at < end) {
      const tag = varint(bytes, at);
      at = varintEnd(bytes, at);
      if (tag === TOKEN_TAG) {
        const into = this.#held * TOKEN_BYTES;
        for (let index = 0; index < TOKEN_BYTES; index++) {
          this.#tokens[into + index] = bytes[at + index];
        }
        this.#held++;
        return;
      }
      at = fieldEnd(bytes, at, tag & 7);
    }
    throw new Error("a job came without a token");
  }

  #settled(message: Uint8Array): void {
    const reader = new BinaryReader(message);
    reader.tag();
    const body = new BinaryReader(reader.bytes());
    while (body.pos < body.len) {
      const [field, type] = body.tag();
      if (field === LATE_TOKENS_FIELD) throw new Error("the server says that a token was late");
      body.skip(type);
    }
    if (reader.uint32() !== ID_TAG) throw new Error("an answer has no id");
    const id = reader.uint32();
    const jobs = this.#settling.get(id);
    if (jobs === undefined) throw new Error(`the server answered ${id}, which was not asked`);
    this.#settling.delete(id);
    this.#done += jobs;
  }
}

/** Where the field ends whose value begins at `at`. */
function fieldEnd(bytes: Uint8Array, at: number, wireType: number): number {
  switch (wireType) {
    case 0:
      return varintEnd(bytes, at);
    case 1:
      return at + 8;
    case 2:
      return varintEnd(bytes, at) + varint(bytes, at);
    case 5:
      return at + 4;
    default:
      throw new Error(`a field has wire type ${wireType}`);
  }
}

/** The value of a varint below 2^28. */
function varint(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let shift = 0;; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80 || shift > 21) return value;
  }
}

function varintEnd(bytes: Uint8Array, at: number): number {
  while (bytes[at] >= 0x80) at++;
  return at + 1;
}
