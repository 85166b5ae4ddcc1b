/**
 * The messages that were decoded last, for all people at the text listener, and for all streams of events over HTTP.
 *
 * What is said in a room goes to everybody in it with the same bytes, and so does its history to all who come. Each
 * message is decoded once for all of them. Bounded by number and by bytes; the oldest go first. Long messages have a
 * bound of their own, so that a few of them do not push out all others.
 */
import { Buffer } from "node:buffer";
import { fromBinary } from "@bufbuild/protobuf";
import { fnv1a, FNV1A_START } from "../../base/fnv1a.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";

/** The most messages of up to so many bytes; those that are longer count by their bytes. */
const MAX_MESSAGES = 4096;
const MAX_SHORT_BYTES = 2048;
/** So much of each end of a long message goes into its hash. */
const HASHED_BYTES = 256;

interface Decoded {
  readonly bytes: Uint8Array;
  readonly message: ServerMessage;
}

/** Messages by their bytes. */
export class DecodedMessages {
  readonly #byHash = new Map<number, Decoded>();
  readonly #longByHash = new Map<number, Decoded>();
  readonly #maxLongBytes: number;
  #longBytes = 0;

  /** `maxLongBytes` bounds all messages together that are longer than 2048 bytes. Default: none of them are kept. */
  constructor(maxLongBytes = 0) {
    this.#maxLongBytes = maxLongBytes;
  }

  /** The message that `bytes` are. Not to be changed: others are given the same object. */
  of(bytes: Uint8Array): ServerMessage {
    if (bytes.length > MAX_SHORT_BYTES) return this.#ofLong(bytes);
    const hash = hashOf(FNV1A_START, bytes, 0, bytes.length);
    const known = this.#byHash.get(hash);
    if (known !== undefined && isSame(known.bytes, bytes)) return known.message;
    const copy = bytes.slice();
    const message = fromBinary(ServerMessageSchema, copy);
    // What answers a request is for one alone.
    if (message.id !== 0n) return message;
    if (this.#byHash.size >= MAX_MESSAGES) {
      const [oldest] = this.#byHash.keys();
      this.#byHash.delete(oldest);
    }
    this.#byHash.set(hash, { bytes: copy, message });
    return message;
  }

  #ofLong(bytes: Uint8Array): ServerMessage {
    const { length } = bytes;
    if (length > this.#maxLongBytes) return fromBinary(ServerMessageSchema, bytes.slice());
    const begin = hashOf(FNV1A_START ^ length, bytes, 0, HASHED_BYTES);
    const hash = hashOf(begin, bytes, length - HASHED_BYTES, length);
    const known = this.#longByHash.get(hash);
    if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known.message;
    const copy = bytes.slice();
    const message = fromBinary(ServerMessageSchema, copy);
    if (message.id !== 0n) return message;
    if (known !== undefined) this.#forgetLong(hash, known);
    for (const [oldest, decoded] of this.#longByHash) {
      if (this.#longBytes + length <= this.#maxLongBytes) break;
      this.#forgetLong(oldest, decoded);
    }
    this.#longByHash.set(hash, { bytes: copy, message });
    this.#longBytes += length;
    return message;
  }

  #forgetLong(hash: number, { bytes }: Decoded): void {
    this.#longByHash.delete(hash);
    this.#longBytes -= bytes.length;
  }
}

/** The hash that `hash` becomes by the bytes from `from` to `to`. */
function hashOf(hash: number, bytes: Uint8Array, from: number, to: number): number {
  for (let index = from; index < to; index++) hash = fnv1a(hash, bytes[index]);
  return hash;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
