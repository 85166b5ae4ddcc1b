/**
 * The names that logs are stored under: a topic has its own, a queue one that no topic can have. With it goes who made
 * the topic or queue.
 */
import { decodeText } from "../../base/utf8_text.ts";

/** No name of a topic has a space in it. */
const PREFIX = "queue ";
/** Stands between a name and who made what it names; in neither is a line feed in the first. */
const BY = "\n";
const encoder = new TextEncoder();

/** The payload of an operation that names a log: `owner` is empty when nobody counts as who made it. */
export function namePayload(storedName: string, owner: string): Uint8Array {
  return encoder.encode(owner === "" ? storedName : storedName + BY + owner);
}

/** The name and the owner in a payload of `namePayload`. */
export function readName(payload: Uint8Array): { storedName: string; owner: string } {
  const text = decodeText(payload);
  const at = text.indexOf(BY);
  if (at < 0) return { storedName: text, owner: "" };
  return { storedName: text.slice(0, at), owner: text.slice(at + 1) };
}

/** The name that the jobs of a queue are stored under. */
export function storedNameOf(queue: string): string {
  return PREFIX + queue;
}

/** The name of the queue whose jobs are stored under `storedName`; null when that is a topic's. */
export function queueNameOf(storedName: string): string | null {
  return storedName.startsWith(PREFIX) ? storedName.slice(PREFIX.length) : null;
}

/** The topic or queue that is stored under `storedName`, in the words of an error. */
export function describeStored(storedName: string): string {
  const queue = queueNameOf(storedName);
  return queue === null ? `topic ${JSON.stringify(storedName)}` : `queue ${JSON.stringify(queue)}`;
}
