/**
 * Chunks: the form in which events lie in the database. One row holds successive events of one topic from one
 * commit, so that a thousand events cost a few rows, and a topic is read in pieces that lie together.
 *
 * A chunk's number is its topic's number (20 bits) above the seq of its first event (43 bits). In its
 * data each event is: varint length of the body, varint milliseconds after the chunk's first event, body.
 * Every row carries a CRC-32 over all that it says, because SQLite does not notice a flipped bit in it.
 */
import { crc32 } from "node:zlib";
import { copyBytes } from "../../wire/frame_writer.ts";
import { putVarint, putVarint53 } from "../../wire/varint.ts";
import { damaged } from "./errors.ts";
import { describeStored, queueNameOf } from "../store/queue_name.ts";

/** The length of its data at which a chunk ends; one event may be longer. */
const CHUNK_BYTES = 64 * 1024;
/** The most events of a chunk. */
const CHUNK_EVENTS = 4096;
/** The most bytes in front of a body. */
const MAX_PREFIX_BYTES = 5 + 8;
const SEQ_BITS = 43n;
/** The mask, in SQL, of the seq within a chunk's number. */
export const SEQ_MASK = "8796093022207";

/** The number of the chunk of `topic` that begins with `seq`. */
export function chunkNumber(topic: number, seq: number): bigint {
  return (BigInt(topic) << SEQ_BITS) + BigInt(seq);
}

/** The checksum of a row: over all its values but the checksum, and over its bytes. */
export function sumOf(values: readonly (string | number)[], data?: Uint8Array): number {
  const sum = crc32(values.join("\n"));
  return data === undefined ? sum : crc32(data, sum);
}

/** The checksum of the states of a chunk of jobs. */
export function statesSum(topic: number, first: number, states: Uint8Array): number {
  return sumOf([topic, first], states);
}

/** A chunk without its data. */
export interface ChunkHead {
  /** The seq of its first event. */
  readonly first: number;
  readonly events: number;
  /** The bytes of its bodies. */
  readonly bytes: number;
  readonly first_ms: number;
  readonly last_ms: number;
}

/** A chunk as it is read from the database. */
export interface Chunk extends ChunkHead {
  readonly sum: number;
  readonly data: Uint8Array;
}

/** The checksum of a chunk. */
export function chunkSum(topic: number, head: ChunkHead, data: Uint8Array): number {
  const { first, events, bytes, first_ms, last_ms } = head;
  return sumOf([topic, first, events, bytes, first_ms, last_ms], data);
}

/** Whether a chunk is what was written. */
export function isSound(topic: number, chunk: Chunk): boolean {
  return chunkSum(topic, chunk, chunk.data) === chunk.sum;
}

/** Raises when a chunk is not what was written. */
export function verifyChunk(topic: number, name: string, chunk: Chunk): void {
  if (isSound(topic, chunk)) return;
  const what = queueNameOf(name) === null ? "events" : "jobs";
  throw damaged(`${what} ${chunk.first} and following of ${describeStored(name)}`);
}

/** An event or a job to be put into a chunk: the present one of the cursor over a batch. */
export interface ChunkEvent {
  /** The body lies from `start` to `end`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The event's seq. */
  readonly number: number;
  readonly timeMs: number;
}

/** Gathers the events of one chunk. */
export class ChunkBuilder implements ChunkHead {
  first = 0;
  events = 0;
  bytes = 0;
  first_ms = 0;
  last_ms = 0;
  #data = new Uint8Array(1024);
  #length = 0;

  /** The data so far; good until the next call. */
  get data(): Uint8Array {
    return this.#data.subarray(0, this.#length);
  }

  /** Whether another event of `bodyBytes` bytes should go into the next chunk. */
  isFull(bodyBytes: number): boolean {
    return this.events > 0 &&
      (this.#length + bodyBytes > CHUNK_BYTES || this.events >= CHUNK_EVENTS);
  }

  /** Adds an event. */
  add({ bytes, start, end, number: seq, timeMs }: ChunkEvent): void {
    const length = end - start;
    if (this.#length + length + MAX_PREFIX_BYTES > this.#data.length) {
      this.#grow(length + MAX_PREFIX_BYTES);
    }
    if (this.events === 0) {
      this.first = seq;
      this.first_ms = timeMs;
    }
    const data = this.#data;
    let at = putVarint(data, this.#length, length);
    at = putVarint53(data, at, timeMs - this.first_ms);
    this.#length = copyBytes(data, at, bytes, start, end);
    this.last_ms = timeMs;
    this.events++;
    this.bytes += length;
  }

  /** Empties it for the next chunk. */
  clear(): void {
    this.events = this.bytes = this.#length = 0;
  }

  #grow(count: number): void {
    let size = this.#data.length * 2;
    while (size < this.#length + count) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.data);
    this.#data = larger;
  }
}

/** Walks over the events of a chunk. The chunk was verified, so nothing is checked again. */
export class ChunkCursor {
  /** The place where the present event begins with its prefix, those of its body, and its time. */
  entry = 0;
  start = 0;
  end = 0;
  timeMs = 0;
  #data: Uint8Array = new Uint8Array(0);
  #firstMs = 0;

  open(chunk: Chunk): void {
    this.#data = chunk.data;
    this.#firstMs = chunk.first_ms;
    this.end = 0;
  }

  next(): boolean {
    if (this.end >= this.#data.length) return false;
    this.entry = this.end;
    const data = this.#data;
    let at = this.end;
    let length = data[at++];
    if (length >= 0x80) {
      length &= 0x7f;
      for (let scale = 128;; scale *= 128) {
        const byte = data[at++];
        length += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
    }
    let laterMs = data[at++];
    if (laterMs >= 0x80) {
      laterMs &= 0x7f;
      for (let scale = 128;; scale *= 128) {
        const byte = data[at++];
        laterMs += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
    }
    this.start = at;
    this.end = at + length;
    this.timeMs = this.#firstMs + laterMs;
    return true;
  }
}
