/**
 * What nodes tell each other of interest, as messages between the frames of events and calls: JSON in a field that
 * ServerMessage does not have.
 *
 * Messages are numbered and confirmed, so that whoever subscribes can be told when the other nodes know of it.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import type { InterestChange } from "./interest.ts";

/** The number of the field. */
export const INTEREST_FIELD = 1000;
/** The most changes in one message. */
const MAX_CHANGES = 256;

const encoder = new TextEncoder();

/** A message about interest. */
export interface InterestMessage {
  /** Its number on this link, from 1; 0 for one that only confirms. */
  readonly number: number;
  /** The number of the last message that the sender has taken. */
  readonly taken: number;
  readonly changes: readonly InterestChange[];
}

/** A change as it is written: a sign, and a method or pattern, type and group. */
type Written = readonly [sign: 0 | 1, what: string, type?: string, group?: string];

/** Cuts changes into lists that fit a message. */
export function* inMessages(changes: Iterable<InterestChange>): Iterable<InterestChange[]> {
  let list: InterestChange[] = [];
  for (const change of changes) {
    list.push(change);
    if (list.length < MAX_CHANGES) continue;
    yield list;
    list = [];
  }
  if (list.length > 0) yield list;
}

/** A message as bytes. */
export function encodeInterest({ number, taken, changes }: InterestMessage): Uint8Array {
  const written = changes.map(({ isWanted, what }): Written => {
    const sign = isWanted ? 1 : 0;
    return typeof what === "string" ? [sign, what] : [sign, what.pattern, what.type, what.group];
  });
  const body = encoder.encode(JSON.stringify([number, taken, written]));
  const tag = INTEREST_FIELD << 3 | 2;
  const message = new Uint8Array(varintSize(tag) + varintSize(body.length) + body.length);
  const at = putVarint(message, putVarint(message, 0, tag), body.length);
  message.set(body, at);
  return message;
}

/** The message in a body. Raises an error for what is none. */
export function decodeInterest(body: Uint8Array): InterestMessage {
  const [number, taken, written] = JSON.parse(decodeTextLeniently(body)) as [
    number,
    number,
    Written[],
  ];
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(taken) || !Array.isArray(written)) {
    throw new Error("it tells of its interest in a way that this version does not know");
  }
  return { number, taken, changes: written.map(changeOf) };
}

function changeOf([sign, what, type, group]: Written): InterestChange {
  const isWanted = sign === 1;
  if (type === undefined || group === undefined) return { isWanted, what: String(what) };
  return { isWanted, what: { pattern: String(what), type: String(type), group: String(group) } };
}
