/**
 * What is said in a room, and who has heard it: every member each message, once and in order.
 *
 * A message carries its number in its text, so how long it took is known at each member. The first ones
 * warm up and are not recorded. Pure: bytes and times are arguments. Raises when a message is missing,
 * comes twice or out of order, and when something is refused.
 */
import { Histogram } from "../../lib/cli/bench/histogram.ts";
import { indexOfText } from "./target.ts";

/** What a message begins with, before its number. */
const MARK = "say:";
const DIGITS = 8;
const ZERO = "0".charCodeAt(0);
/** Tags of ServerMessage. */
const EVENT_TAG = 0x1a;
const ERROR_TAG = 0x32;
const ANSWER_TAG = 0x52;

/** One conversation. */
export class Talk {
  /** The delays of all deliveries that are not of the warm-up. */
  readonly delays = new Histogram();
  /** How many deliveries have come. */
  deliveries = 0;
  readonly #heard: Uint32Array;
  readonly #saidMs: number[] = [];
  readonly #inFlight: number;
  readonly #textBytes: number;
  #warmUp = 0;
  #until = 0;
  #answered = 0;
  #settle: () => void = () => {};

  /** `inFlight` messages may wait for their answers at once; each is `textBytes` long. */
  constructor(members: number, inFlight: number, textBytes: number) {
    this.#heard = new Uint32Array(members);
    this.#inFlight = inFlight;
    this.#textBytes = textBytes;
  }

  /** Allows so many messages more; resolves when all are answered and everybody has heard them. */
  allow(messages: number, warmUp: boolean): Promise<void> {
    this.#until += messages;
    if (warmUp) this.#warmUp = this.#until;
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#settleIfDone();
    });
  }

  /** The text of the next message, which is said now; undefined while there is none to say. */
  next(nowMs: number): string | undefined {
    const number = this.#saidMs.length;
    if (number >= this.#until || number - this.#answered >= this.#inFlight) return undefined;
    this.#saidMs.push(nowMs);
    return (MARK + String(number).padStart(DIGITS, "0")).padEnd(this.#textBytes, "x");
  }

  /** Takes a message of the server that came to `member`. */
  take(member: number, message: Uint8Array, nowMs: number): void {
    if (message[0] === ERROR_TAG) {
      throw new Error(`the server refused: ${new TextDecoder().decode(message)}`);
    }
    if (message[0] === ANSWER_TAG) this.#answered++;
    else if (message[0] === EVENT_TAG) this.#hear(member, message, nowMs);
    this.#settleIfDone();
  }

  #hear(member: number, message: Uint8Array, nowMs: number): void {
    const at = indexOfText(message, MARK);
    // Somebody came or went.
    if (at < 0) return;
    let number = 0;
    for (let index = 0; index < DIGITS; index++) {
      number = number * 10 + message[at + MARK.length + index] - ZERO;
    }
    const expected = this.#heard[member]++;
    if (number !== expected || number >= this.#saidMs.length) {
      throw new Error(`a member got message ${number} instead of ${expected}`);
    }
    this.deliveries++;
    if (number >= this.#warmUp) this.delays.record(nowMs - this.#saidMs[number]);
  }

  #settleIfDone(): void {
    if (this.#answered < this.#until) return;
    if (this.deliveries === this.#until * this.#heard.length) this.#settle();
  }
}
