/**
 * A queue as the front of a store knows it: a topic of its own kind, under a name that no topic can have.
 *
 * So its jobs take the way of events: numbered, deduplicated and written like them. What differs is that
 * they are dropped by chunks from anywhere.
 */
import type { StoreQueue } from "../../ports/job_log.ts";
import { type TopicFigures, TopicState } from "./topic.ts";

/** No name of a topic has a space in it. */
const PREFIX = "queue ";

/** The name of the queue that is kept under this name; null when it is a topic. */
export function queueNameOf(storedName: string): string | null {
  return storedName.startsWith(PREFIX) ? storedName.slice(PREFIX.length) : null;
}

/** What is kept under this name, in the words of an error. */
export function describeStored(storedName: string): string {
  const queue = queueNameOf(storedName);
  return queue === null ? `topic ${JSON.stringify(storedName)}` : `queue ${JSON.stringify(queue)}`;
}

/** A queue. */
export class QueueState extends TopicState implements StoreQueue {
  constructor(id: number, name: string, figures: TopicFigures | null, behindId = 0) {
    super(id, name, figures, behindId, PREFIX + name);
  }

  get lastId(): number {
    return this.lastSeq;
  }

  get nextId(): number {
    return this.tentativeSeq + 1;
  }
}
