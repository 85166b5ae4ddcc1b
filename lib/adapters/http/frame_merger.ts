/**
 * Makes of the WebSocket frames that arrive others that `ws` never has to wait for: what has come of a frame
 * becomes a whole frame at once, and what came together becomes one.
 *
 * Here frame boundaries mean nothing on the way in, so there is no reason to hold a frame, or a message in many
 * frames, until it is whole; `ws` would hold both, and an object for each fragment. Payloads are unmasked and moved
 * together in place, and go on under one head. Everything else stays the business of `ws`: control frames reach it
 * as they are, in their place, and what breaks the rules reaches it so that it says so: from then on the bytes are
 * passed on as they are. A message over the limit is refused as soon as its length is known.
 *
 * Invariant: at most a head, or a control frame, waits here. Non-goals: extensions, of which there are none.
 */
import { Buffer } from "node:buffer";

/** So much room has to be in front of what is merged: for what waits here, and for a head. */
export const ROOM_IN_FRONT_BYTES = 160;
/** The longest payload of a control frame. */
const MAX_CONTROL_BYTES = 125;
const FIN = 0x80, MASKED = 0x80, RESERVED = 0x70;
const CONTINUATION = 0, TEXT = 1, BINARY = 2, FIRST_CONTROL = 8, LAST_CONTROL = 10;

/** Merges the frames of one connection. */
export class FrameMerger {
  readonly #maxPayloadBytes: number;
  /** A head, or a control frame, that is not whole. */
  readonly #waiting = new Uint8Array(MAX_CONTROL_BYTES + 14);
  #waitingLength = 0;
  /** What is still to come of the payload in hand, the mask for it, and where in the mask it goes on. */
  #remaining = 0;
  readonly #mask = new Uint8Array(4);
  #maskAt = 0;
  #inMessage = false;
  #messageBytes = 0;
  #verbatim = false;

  /** `maxPayloadBytes` is the largest message, in however many frames. */
  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** Merges what came without room in front of it. */
  mergeAll(bytes: Uint8Array): Buffer[] {
    const roomy = new Uint8Array(ROOM_IN_FRONT_BYTES + bytes.length);
    roomy.set(bytes, ROOM_IN_FRONT_BYTES);
    return this.merge(roomy, roomy.length);
  }

  /** Whether all is passed on as it comes, because it breaks the rules. */
  get verbatim(): boolean {
    return this.#verbatim;
  }

  /**
   * Merges what lies from ROOM_IN_FRONT_BYTES to `end`. Gives what `ws` is to get, in order; it lies in `bytes`,
   * which is given away with it.
   */
  merge(bytes: Uint8Array, end: number): Buffer[] {
    const merged: Buffer[] = [];
    let at = ROOM_IN_FRONT_BYTES - this.#waitingLength;
    bytes.set(this.#waiting.subarray(0, this.#waitingLength), at);
    this.#waitingLength = 0;
    if (this.#verbatim) return [slice(bytes, at, end)];
    // Payload gathers from `from` to `to`, which never passes `at`.
    let from = at;
    let to = at;
    const flush = (): void => {
      if (to > from) merged.push(...framed(bytes, from, to));
    };
    while (at < end) {
      if (this.#remaining > 0) {
        const count = Math.min(this.#remaining, end - at);
        this.#unmask(bytes, at, to, count);
        this.#remaining -= count;
        at += count;
        to += count;
        continue;
      }
      const size = headBytes(bytes, at, end);
      if (size === 0) break;
      const opcode = opcodeOf(bytes, at);
      if (opcode >= FIRST_CONTROL && isSound(bytes, at) && opcode <= LAST_CONTROL) {
        const length = size + (bytes[at + 1] & 0x7f);
        if (length - size <= MAX_CONTROL_BYTES) {
          if (end - at < length) break;
          flush();
          // A pong is made of a ping, and sent later.
          merged.push(Buffer.from(bytes.subarray(at, at + length)));
          at += length;
          from = to = at;
          continue;
        }
      }
      const length = payloadLength(bytes, at);
      if (!this.#accepts(bytes, at, opcode, length)) {
        flush();
        merged.push(this.#refused(bytes, at, end));
        return merged;
      }
      this.#inMessage = (bytes[at] & FIN) === 0;
      this.#messageBytes = this.#inMessage ? this.#messageBytes + length : 0;
      this.#mask.set(bytes.subarray(at + size - 4, at + size));
      this.#maskAt = 0;
      this.#remaining = length;
      at += size;
    }
    flush();
    this.#waitingLength = end - at;
    this.#waiting.set(bytes.subarray(at, end));
    return merged;
  }

  /** Whether the frame of data whose head is at `at` may come here. */
  #accepts(bytes: Uint8Array, at: number, opcode: number, length: number): boolean {
    return isSound(bytes, at) && opcode === (this.#inMessage ? CONTINUATION : BINARY) &&
      this.#messageBytes + length <= this.#maxPayloadBytes;
  }

  /** What `ws` is to get of a frame that may not come: something that it refuses for the same reason, at once. */
  #refused(bytes: Uint8Array, at: number, end: number): Buffer {
    this.#verbatim = true;
    const opcode = opcodeOf(bytes, at);
    if (!isSound(bytes, at)) return slice(bytes, at, end);
    // The rest of a text is not waited for.
    if (opcode === TEXT && !this.#inMessage) return Buffer.from([FIN | TEXT, MASKED, 0, 0, 0, 0]);
    if (opcode !== (this.#inMessage ? CONTINUATION : BINARY)) {
      // To `ws` no message is ever open: there a continuation is out of place, as a new message is here.
      if (opcode === BINARY || opcode === TEXT) bytes[at] &= 0xf0;
      return slice(bytes, at, end);
    }
    return head(Math.max(payloadLength(bytes, at), this.#maxPayloadBytes + 1));
  }

  /** Moves `count` bytes of payload from `at` to `to`, without their mask. */
  #unmask(bytes: Uint8Array, at: number, to: number, count: number): void {
    const mask = this.#mask;
    const place = this.#maskAt;
    const [one, two] = [mask[place], mask[(place + 1) & 3]];
    const [three, four] = [mask[(place + 2) & 3], mask[(place + 3) & 3]];
    this.#maskAt = (place + count) & 3;
    if ((one | two | three | four) === 0) {
      bytes.copyWithin(to, at, at + count);
      return;
    }
    const end = at + count;
    for (; at + 3 < end; at += 4, to += 4) {
      bytes[to] = bytes[at] ^ one;
      bytes[to + 1] = bytes[at + 1] ^ two;
      bytes[to + 2] = bytes[at + 2] ^ three;
      bytes[to + 3] = bytes[at + 3] ^ four;
    }
    if (at < end) bytes[to] = bytes[at] ^ one;
    if (at + 1 < end) bytes[to + 1] = bytes[at + 1] ^ two;
    if (at + 2 < end) bytes[to + 2] = bytes[at + 2] ^ three;
  }
}

/** The size of the head at `at`; 0 when it is not whole. Heads without a mask are as long as others to it. */
function headBytes(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 2) return 0;
  const short = bytes[at + 1] & 0x7f;
  const masked = (bytes[at + 1] & MASKED) !== 0;
  const size = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (masked ? 4 : 0);
  return end - at < size ? 0 : size;
}

/** The opcode of the frame at `at`. */
function opcodeOf(bytes: Uint8Array, at: number): number {
  return bytes[at] & 0x0f;
}

/** Whether the frame at `at` is masked, and nothing in its first byte is reserved. */
function isSound(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 1] & MASKED) !== 0 && (bytes[at] & RESERVED) === 0;
}

/** The length of the payload of the frame whose whole head is at `at`. */
function payloadLength(bytes: Uint8Array, at: number): number {
  const short = bytes[at + 1] & 0x7f;
  if (short < 126) return short;
  const digits = short === 126 ? 2 : 8;
  let length = 0;
  for (let index = 0; index < digits; index++) length = length * 256 + bytes[at + 2 + index];
  return length;
}

/** A head of a whole binary message, with a mask that changes nothing. */
function head(length: number): Buffer {
  if (length < 126) return Buffer.from([FIN | BINARY, MASKED | length, 0, 0, 0, 0]);
  const bytes = Buffer.alloc(length < 65_536 ? 8 : 14);
  bytes[0] = FIN | BINARY;
  bytes[1] = MASKED | (length < 65_536 ? 126 : 127);
  if (length < 65_536) bytes.writeUInt16BE(length, 2);
  else bytes.writeBigUInt64BE(BigInt(Math.min(length, Number.MAX_SAFE_INTEGER)), 2);
  return bytes;
}

/** The payload from `from` to `to` under a head, which stands in front of it where there is room. */
function framed(bytes: Uint8Array, from: number, to: number): Buffer[] {
  const front = head(to - from);
  if (from < front.length || from > ROOM_IN_FRONT_BYTES) return [front, slice(bytes, from, to)];
  bytes.set(front, from - front.length);
  return [slice(bytes, from - front.length, to)];
}

function slice(bytes: Uint8Array, from: number, to: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}
