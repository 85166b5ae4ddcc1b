/**
 * The logs of a store by name, and their numbers: which are there, which come, and which are forgotten.
 *
 * A topic that is forgotten keeps its object until the batch that forgets it is committed, so that an event
 * that comes meanwhile goes on behind it. A topic that is made anew afterwards counts on from the greatest seq
 * that any forgotten topic gave. All of that holds for queues, too.
 */
import type { Clock } from "../../base/clock.ts";
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import { MAX_KEPT_TOPICS, type StoreLimits } from "../../base/store_limits.ts";
import { StoreHolders } from "./holders.ts";
import type { Snapshot } from "./backend.ts";
import { TopicNumbers } from "./numbers.ts";
import { queueNameOf } from "./queue_name.ts";
import { StoredLog } from "./stored_log.ts";

/** The surroundings of the names of a store. */
export interface NamesOptions {
  /** The numbers under which message_ids are remembered. */
  readonly seen: ReadonlySet<number>;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** Called with each log that was forgotten for good. */
  readonly released: (log: StoredLog) => void;
}

/** The topics and queues of a store. */
export class StoreNames {
  readonly topics = new Map<string, StoredLog>();
  readonly queues = new Map<string, StoredLog>();
  /** Those who made them. */
  readonly holders = new StoreHolders();
  readonly #numbers: TopicNumbers;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #released: (log: StoredLog) => void;
  #forgottenSeq: number;
  #newestOrder = 0;

  constructor(
    { topics, forgottenSeq }: Pick<Snapshot, "topics" | "forgottenSeq">,
    { seen, limits, clock, released }: NamesOptions,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#released = released;
    this.#forgottenSeq = forgottenSeq;
    this.#numbers = new TopicNumbers(MAX_KEPT_TOPICS, limits.dedupWindowMs);
    for (const figures of topics) {
      const log = StoredLog.restore(figures);
      log.holder = this.holders.refer(figures.owner);
      this.#numbers.enter(log);
      this.#enter(log);
    }
    this.#numbers.fill(seen, clock.monotonicMs());
  }

  /** The greatest seq that a forgotten topic or queue gave. */
  get forgottenSeq(): number {
    return this.#forgottenSeq;
  }

  /** The order of the newest topic or queue; 0 before the first. */
  get newestOrder(): number {
    return this.#newestOrder;
  }

  /** The topic or queue of a number. */
  of(number: number): StoredLog {
    return this.#numbers.of(number);
  }

  /** Makes the topic of a name that is not there, for `owner`. Raises RESOURCE_EXHAUSTED past `percent` of their number. */
  openTopic(name: string, percent: number, owner: string): StoredLog {
    const { size } = this.topics;
    const most = Math.ceil(this.#limits.maxKeptTopics * percent / 100);
    if (size >= most) {
      const keys = `store.max_kept_topics${percent < 100 ? ", limits.guest_names_percent" : ""}`;
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot keep topic ${JSON.stringify(name)}: ${size} topics are kept`,
        {
          limit: "kept_topics",
          accepted: `at most ${most} kept topics (${keys}); empty ones are forgotten by ` +
            "`forget_after_ms` of [[keep]], any one by `parley topic rm`",
        },
      );
    }
    return this.#open("topic", name, owner);
  }

  /** Makes the queue of a name that is not there, for `owner`. Raises RESOURCE_EXHAUSTED when no number is free. */
  openQueue(name: string, owner: string): StoredLog {
    return this.#open("queue", name, owner);
  }

  /** Lets go of a topic or queue that was forgotten, unless something came for it since. */
  forgot(log: StoredLog): void {
    log.clear();
    this.#forgottenSeq = Math.max(this.#forgottenSeq, log.lastSeq);
    if (log.named || log.isReleased) return;
    log.isReleased = true;
    const logs = this.#logsOf(log.kind);
    if (logs.get(log.name) === log) this.#remove(log);
    this.#numbers.release(log, this.#clock.monotonicMs());
    this.#released(log);
  }

  /**
   * Enters a topic or queue that another node has made, under its number; gives it when it has not had that number
   * before, else null.
   */
  adopt(
    id: number,
    { storedName, owner }: { readonly storedName: string; readonly owner: string },
    behindSeq: number,
  ): StoredLog | null {
    const queue = queueNameOf(storedName);
    const [kind, name] = queue === null
      ? ["topic", storedName] as const
      : ["queue", queue] as const;
    const present = this.#logsOf(kind).get(name);
    if (present !== undefined && present.id === id) {
      present.named = true;
      return null;
    }
    assert(present?.isStored !== true, `${storedName} is stored under number ${present?.id}`);
    const log = present ?? new StoredLog(id, kind, name, behindSeq);
    log.take(id, behindSeq);
    this.holders.release(log.holder);
    log.holder = this.holders.refer(owner);
    this.#numbers.enter(log);
    if (present === undefined) this.#enter(log);
    return log;
  }

  /** Notes that another node forgets the topic or queue of a number, which may have had nothing that came with the log. */
  leave(id: number, lastSeq: number): void {
    const present: StoredLog | undefined = this.#numbers.of(id);
    if (present !== undefined) present.named = false;
    else {
      const unheardOf = new StoredLog(id, "topic", "", lastSeq);
      unheardOf.isReleased = true;
      this.#numbers.enter(unheardOf);
    }
  }

  /** Takes the numbers from logs that are not stored, since another node gives numbers from now on. */
  giveUpNumbers(): void {
    for (const logs of [this.topics, this.queues]) {
      for (const log of logs.values()) if (!log.isStored && log.id > 0) this.#numbers.unset(log);
    }
  }

  /** Gives numbers from now on, to logs that have none as well. */
  takeUpNumbers(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#numbers.takeOver(nowMs);
    for (const logs of [this.topics, this.queues]) {
      for (const log of logs.values()) {
        if (log.id > 0) continue;
        const given = this.#numbers.take(nowMs, (id) => {
          log.take(id, this.#forgottenSeq);
          log.named = false;
          return log;
        });
        // There are more names than numbers: this one goes, as if nobody had asked for it.
        if (given === null) this.#remove(log);
      }
    }
  }

  #logsOf(kind: StoredLog["kind"]): Map<string, StoredLog> {
    return kind === "queue" ? this.queues : this.topics;
  }

  /** Makes a topic or queue with a number of its own. Raises RESOURCE_EXHAUSTED when no number is free. */
  #open(kind: StoredLog["kind"], name: string, owner: string): StoredLog {
    const make = (id: number) => new StoredLog(id, kind, name, this.#forgottenSeq);
    const log = this.#numbers.take(this.#clock.monotonicMs(), make);
    if (log === null) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot keep ${JSON.stringify(name)}: no number for its name is free`,
        { retryable: true, accepted: "another try once the numbers of forgotten names are free" },
      );
    }
    log.holder = this.holders.refer(owner);
    this.#enter(log);
    return log;
  }

  #remove(log: StoredLog): void {
    this.#logsOf(log.kind).delete(log.name);
    const { holder } = log;
    log.holder = null;
    this.holders.release(holder);
  }

  #enter(log: StoredLog): void {
    log.order = ++this.#newestOrder;
    this.#logsOf(log.kind).set(log.name, log);
  }
}
