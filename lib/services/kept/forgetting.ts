/**
 * Kept topics that go: those that have been empty for as long as their policy lets them, and those that
 * somebody removes.
 *
 * A topic that somebody reads the history of, or a room with people in it, stays. A topic goes as a whole, in
 * one transaction; of a large one the oldest events are dropped before. What is published meanwhile
 * is either dropped with it or keeps it, with its seqs; nothing is lost that was published after it went.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { detached } from "../../base/detached.ts";
import { quote } from "../../base/quote.ts";
import type { StoreTopic } from "../../ports/store.ts";
import type { ServerContext } from "../connection/server_context.ts";
import { committed } from "./committed.ts";
import type { KeepPolicy } from "../../logic/topics/keep_policies.ts";
import type { Store } from "../../ports/store.ts";
import type { Feeds } from "./feeds.ts";

const log = logger("server");

/** A topic of at most so many bytes goes as a whole in one transaction. */
const WHOLE_BYTES = 64 * 1024 * 1024;
/** The number of topics that are looked at in one sweep. */
const LOOKED_AT_ONCE = 512;

/** The outcome of a request to remove a topic. */
export interface Removal {
  /** The number of events that were dropped. */
  readonly dropped: number;
  /** Whether its name is gone, too. */
  readonly gone: boolean;
}

/** The parts of the kept topics that forgetting needs. */
interface KeptStore {
  readonly store: Store;
  readonly feeds: Feeds;
  policyOf(name: string): KeepPolicy | null;
  trim(topic: StoreTopic, beforeSeq: number): Promise<number>;
}

/** Forgets topics. */
export class Forgetting {
  readonly #context: ServerContext;
  readonly #kept: KeptStore;
  /** The topics that are being forgotten, so that a disk that stands still is not asked again and again. */
  readonly #going = new Set<StoreTopic>();
  /** Whether another feature uses a topic, such as a room that people are in. */
  isUsedElsewhere: (topic: string) => boolean = () => false;
  /** The position of the walk over all topics; null between two walks. */
  #walk: Iterator<StoreTopic> | null = null;

  constructor(context: ServerContext, kept: KeptStore) {
    this.#context = context;
    this.#kept = kept;
  }

  /** Looks at some topics, and forgets those that have been empty for long enough. */
  sweep(): void {
    const { store: { overloaded, replica } } = this.#kept;
    // Of nodes that share a log, only who writes forgets.
    if (overloaded || replica !== null && replica.refusal !== null) return;
    const wallMs = this.#context.clock.wallMs();
    const walk = this.#walk ??= this.#kept.store.topics()[Symbol.iterator]();
    for (let looked = 0; looked < LOOKED_AT_ONCE; looked++) {
      const { done, value } = walk.next();
      if (done) {
        this.#walk = null;
        return;
      }
      if (value.events > 0 || this.#going.has(value) || !this.#isDue(value, wallMs)) continue;
      if (!this.isUsed(value)) detached(this.#forgetQuietly(value), "forget an empty topic");
    }
  }

  /** Drops all events of a topic, and its name unless it is used. */
  async remove(topic: StoreTopic): Promise<Removal> {
    if (this.isUsed(topic)) return { dropped: 0, gone: false };
    const before = topic.bytes <= WHOLE_BYTES ? 0 : await this.#kept.trim(topic, topic.lastSeq + 1);
    if (this.isUsed(topic)) return { dropped: before, gone: false };
    const { events } = topic;
    const forgotten = await this.#forget(topic, false);
    return { dropped: before + (forgotten.done ? events : 0), gone: forgotten.gone };
  }

  #isDue(topic: StoreTopic, wallMs: number): boolean {
    const forgetAfterMs = this.#kept.policyOf(topic.name)?.forgetAfterMs;
    return forgetAfterMs !== undefined && wallMs - topic.lastTimeMs >= forgetAfterMs;
  }

  /** Whether somebody is about to read it, or is in the room that it belongs to. */
  isUsed(topic: StoreTopic): boolean {
    return this.#kept.feeds.isFed(topic) || this.isUsedElsewhere(topic.name);
  }

  async #forgetQuietly(topic: StoreTopic): Promise<void> {
    this.#going.add(topic);
    try {
      const { gone } = await this.#forget(topic, true);
      if (gone) log.debug("an empty topic was forgotten: {topic}", { topic: quote(topic.name) });
    } finally {
      this.#going.delete(topic);
    }
  }

  /** Forgets a topic; gives whether its events are, and whether its name is: events that came meanwhile keep it. */
  async #forget(topic: StoreTopic, onlyEmpty: boolean): Promise<{ done: boolean; gone: boolean }> {
    const { store } = this.#kept;
    try {
      await committed((ticket) => store.forget(topic, ticket, onlyEmpty));
    } catch (reason) {
      if (!(reason instanceof ParleyError)) throw reason;
      // Events came for it, or it could not be kept that it is forgotten: then it stays for now.
      const stays = reason.code === ErrorCode.FAILED_PRECONDITION || reason.retryable;
      if (stays) return { done: false, gone: false };
      throw reason;
    }
    return { done: true, gone: store.topic(topic.name) !== topic };
  }
}
