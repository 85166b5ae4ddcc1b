/**
 * The messages of one connection to NATS, read in place: `MSG subject sid [reply] length`, and the payload
 * behind it.
 *
 * What the server says beside them is skipped, but for errors: those raise, as do messages with headers,
 * by which JetStream says that it will not deliver. Pure.
 */
import { Inbox } from "./inbox.ts";

const [SPACE, ZERO, RETURN] = [" ", "0", "\r"].map((each) => each.charCodeAt(0));
const [MSG, PLUS] = ["M", "+"].map((each) => each.charCodeAt(0));
const [PING_OR_PONG, INFO] = ["P", "I"].map((each) => each.charCodeAt(0));
const LINE_END_BYTES = 2;

/** Cuts bytes into messages. */
export class NatsReader extends Inbox {
  /** Where the reply subject of the present message begins and ends; empty when it has none. */
  replyStart = 0;
  replyEnd = 0;
  /** Where its payload begins and ends. */
  payloadStart = 0;
  payloadEnd = 0;

  /** Moves on to the next whole message and says whether there is one. */
  next(): boolean {
    while (this.begin < this.end) {
      const lineEnd = this.buffer.indexOf(RETURN, this.begin);
      if (lineEnd < 0 || lineEnd + LINE_END_BYTES > this.end) return false;
      const kind = this.buffer[this.begin];
      if (kind === MSG) return this.#take(lineEnd);
      if (kind !== PING_OR_PONG && kind !== PLUS && kind !== INFO) throw this.#refusal();
      this.begin = lineEnd + LINE_END_BYTES;
    }
    return false;
  }

  /** Takes the message with this line, if all of it is there. */
  #take(lineEnd: number): boolean {
    const buffer = this.buffer;
    const lengthStart = buffer.lastIndexOf(SPACE, lineEnd) + 1;
    let length = 0;
    for (let at = lengthStart; at < lineEnd; at++) length = length * 10 + buffer[at] - ZERO;
    const start = lineEnd + LINE_END_BYTES;
    if (start + length + LINE_END_BYTES > this.end) return false;
    const subjectEnd = buffer.indexOf(SPACE, this.begin + "MSG ".length);
    const sidEnd = buffer.indexOf(SPACE, subjectEnd + 1);
    this.replyStart = sidEnd + 1;
    this.replyEnd = Math.max(this.replyStart, lengthStart - 1);
    this.payloadStart = start;
    this.payloadEnd = start + length;
    this.begin = this.payloadEnd + LINE_END_BYTES;
    return true;
  }

  #refusal(): Error {
    const said = new TextDecoder().decode(this.buffer.subarray(this.begin, this.end).slice(0, 200));
    return new Error(`the server refused: ${said}`);
  }
}
