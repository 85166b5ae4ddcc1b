/**
 * The messages that were decoded last, for all people at the text listener.
 *
 * What is said in a room goes to everybody in it with the same bytes, and so does its history to all who come. Each
 * message is decoded once for all of them. Bounded by number and by bytes; the oldest go first.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { fnv1a, FNV1A_START } from "../../base/fnv1a.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";

/** The most messages, and the longest that is kept. */
const MAX_MESSAGES = 4096;
const MAX_KEPT_BYTES = 2048;

interface Decoded {
  readonly bytes: Uint8Array;
  readonly message: ServerMessage;
}

/** Messages by their bytes. */
export class DecodedMessages {
  readonly #byHash = new Map<number, Decoded>();

  /** The message that `bytes` are. Not to be changed: others are given the same object. */
  of(bytes: Uint8Array): ServerMessage {
    if (bytes.length > MAX_KEPT_BYTES) return fromBinary(ServerMessageSchema, bytes.slice());
    const hash = hashOf(bytes);
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
}

function hashOf(bytes: Uint8Array): number {
  let hash = FNV1A_START;
  for (let index = 0; index < bytes.length; index++) hash = fnv1a(hash, bytes[index]);
  return hash;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
