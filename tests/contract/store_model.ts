/**
 * A store as simple as it can be said, to compare others with: arrays and maps, everything at once.
 *
 * It has no batches and no failures; whoever compares flushes first.
 */
import type { Retention } from "../../lib/ports/store.ts";

/** An event of the model. */
export interface ModelEvent {
  readonly seq: number;
  readonly timeMs: number;
  readonly payload: string;
  readonly size: number;
}

/** A topic of the model. */
export class ModelTopic {
  events: ModelEvent[] = [];
  lastSeq = 0;
  lastTimeMs = 0;
  retention: Retention = {};

  get firstSeq(): number {
    return this.lastSeq - this.events.length + 1;
  }

  get bytes(): number {
    return this.events.reduce((sum, event) => sum + event.size, 0);
  }

  /** Drops what the retention does not keep. */
  trim(): void {
    const { maxEvents = Infinity, maxBytes = Infinity } = this.retention;
    while (this.events.length > maxEvents || this.bytes > maxBytes) this.events.shift();
  }
}

/** The model. */
export class ModelStore {
  readonly topics = new Map<string, ModelTopic>();
  /** The greatest seq of a topic that was forgotten. */
  forgottenSeq = 0;
  readonly records = new Map<string, { value: string; revision: number }>();
  /** In the order they were seen. */
  readonly #seen = new Map<string, { seq: number; wallMs: number; atMs: number }>();

  constructor(readonly windowMs: number) {}

  topic(name: string): ModelTopic {
    const present = this.topics.get(name);
    if (present !== undefined) return present;
    const topic = new ModelTopic();
    topic.lastSeq = this.forgottenSeq;
    this.topics.set(name, topic);
    return topic;
  }

  /** Forgets an empty topic, with the message_ids that were seen in it, unless it `stays` after all. */
  forget(name: string, stays: boolean): void {
    this.forgottenSeq = Math.max(this.forgottenSeq, this.topic(name).lastSeq);
    if (stays) return;
    this.topics.delete(name);
    for (const key of this.#seen.keys()) if (key.startsWith(`${name} `)) this.#seen.delete(key);
  }

  /** Gives the seq, and whether it is that of a duplicate. */
  append(
    name: string,
    payload: string,
    { wallMs, nowMs, id }: { wallMs: number; nowMs: number; id: string },
  ): [number, boolean] {
    const topic = this.topic(name);
    const seen = this.#seen.get(`${name} ${id}`);
    if (id !== "" && seen !== undefined && nowMs - seen.atMs <= this.windowMs) {
      return [seen.seq, true];
    }
    const seq = ++topic.lastSeq;
    const timeMs = topic.lastTimeMs = Math.max(topic.lastTimeMs, wallMs);
    topic.events.push({ seq, timeMs, payload, size: 0 });
    if (id !== "") {
      this.#seen.delete(`${name} ${id}`);
      this.#seen.set(`${name} ${id}`, { seq, wallMs, atMs: nowMs });
    }
    return [seq, false];
  }

  /** After a restart only the wall clock tells how old an id is; an earlier one is no younger. */
  restart(wallMs: number, nowMs: number): void {
    let ageMs = 0;
    for (const [key, seen] of [...this.#seen].reverse()) {
      ageMs = Math.max(ageMs, wallMs - seen.wallMs);
      seen.atMs = nowMs - ageMs;
      if (ageMs > this.windowMs) this.#seen.delete(key);
    }
  }
}
