/**
 * A publish as the bytes of its message, delimited: what the generated classes would write, in one piece and without an
 * object for each part of it.
 *
 * Publishing is what HTTP is asked for most often. Pure.
 */
import { Buffer } from "node:buffer";
import { putVarint, putVarint53, varint53Size, varintSize } from "../../../wire/varint.ts";

/** What is published. Texts that are empty are left out. */
export interface PublishedEvent {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly type: string;
  readonly messageId: string;
  readonly headers: Readonly<Record<string, string>>;
}

const LENGTH_DELIMITED = 2;
/** Numbers of fields: of ClientMessage, of Event, and of an entry of its headers. */
const EVENT = 3, ID = 15;
const TOPIC = 1, PAYLOAD = 2, TYPE = 3, HEADERS = 4, MESSAGE_ID = 5;
const KEY = 1, VALUE = 2;

/** The message that publishes `event` under `id`, behind its length. */
export function eventMessage(event: PublishedEvent, id: number): Uint8Array {
  const names = Object.keys(event.headers);
  const entries = names.map((name) => entryBytes(name, event.headers[name]));
  const body = eventBytes(event, entries);
  const message = fieldBytes(body) + 1 + varint53Size(id);
  const bytes = Buffer.allocUnsafeSlow(varintSize(message) + message);
  let at = putVarint(bytes, 0, message);
  at = putHead(bytes, at, EVENT, body);
  if (event.topic !== "") at = putText(bytes, at, TOPIC, event.topic);
  if (event.payload.length > 0) {
    at = putHead(bytes, at, PAYLOAD, event.payload.length);
    bytes.set(event.payload, at);
    at += event.payload.length;
  }
  if (event.type !== "") at = putText(bytes, at, TYPE, event.type);
  for (let index = 0; index < names.length; index++) {
    at = putHead(bytes, at, HEADERS, entries[index]);
    at = putText(bytes, at, KEY, names[index]);
    at = putText(bytes, at, VALUE, event.headers[names[index]]);
  }
  if (event.messageId !== "") at = putText(bytes, at, MESSAGE_ID, event.messageId);
  bytes[at++] = ID << 3;
  putVarint53(bytes, at, id);
  return bytes;
}

function eventBytes(event: PublishedEvent, entries: readonly number[]): number {
  const { topic, payload, type, messageId } = event;
  let bytes = textBytes(topic) + textBytes(type) + textBytes(messageId);
  if (payload.length > 0) bytes += fieldBytes(payload.length);
  for (const entry of entries) bytes += fieldBytes(entry);
  return bytes;
}

/** Both parts of an entry are there, also when they are empty. */
function entryBytes(name: string, value: string): number {
  return fieldBytes(Buffer.byteLength(name)) + fieldBytes(Buffer.byteLength(value));
}

function textBytes(text: string): number {
  return text === "" ? 0 : fieldBytes(Buffer.byteLength(text));
}

function fieldBytes(length: number): number {
  return 1 + varintSize(length) + length;
}

function putHead(bytes: Buffer, at: number, field: number, length: number): number {
  bytes[at++] = field << 3 | LENGTH_DELIMITED;
  return putVarint(bytes, at, length);
}

function putText(bytes: Buffer, at: number, field: number, text: string): number {
  at = putHead(bytes, at, field, Buffer.byteLength(text));
  return at + bytes.write(text, at);
}
