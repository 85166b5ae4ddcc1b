/**
 * The topics of a store by name, and the numbers of topics and queues: which are there, which come, and
 * which are forgotten.
 *
 * A topic that is forgotten keeps its object until the batch that forgets it is committed, so that an event
 * that comes meanwhile goes on behind it. One that is made anew afterwards counts on from the greatest seq
 * that any forgotten topic gave.
 */
import type { Clock } from "../../base/clock.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { MAX_KEPT_TOPICS, type StoreLimits } from "../../base/store_limits.ts";
import type { Snapshot } from "./backend.ts";
import { TopicNumbers } from "./numbers.ts";
import { queueNameOf, QueueState } from "./queue.ts";
import { TopicState } from "./topic.ts";

/** What a store knows by name. */
export class StoreNames {
  readonly byName = new Map<string, TopicState>();
  readonly #numbers: TopicNumbers;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #released: (topic: TopicState) => void;
  #forgottenSeq: number;
  #newestOrder = 0;

  /** `seen` are the numbers under which message_ids are remembered; `released` is told of what is forgotten. */
  constructor(
    snapshot: Pick<Snapshot, "topics" | "forgottenSeq">,
    seen: ReadonlySet<number>,
    limits: StoreLimits,
    options: { clock: Clock; released: (topic: TopicState) => void },
  ) {
    this.#limits = limits;
    this.#clock = options.clock;
    this.#released = options.released;
    this.#forgottenSeq = snapshot.forgottenSeq;
    this.#numbers = new TopicNumbers(MAX_KEPT_TOPICS, limits.dedupWindowMs);
    for (const figures of snapshot.topics) {
      const queue = queueNameOf(figures.name);
      if (queue !== null) this.#numbers.enter(new QueueState(figures.id, queue, figures));
      else {
        const topic = new TopicState(figures.id, figures.name, figures);
        this.#numbers.enter(topic);
        this.#enter(topic);
      }
    }
    this.#numbers.fill(seen, options.clock.monotonicMs());
  }

  /** The greatest seq that a forgotten topic gave. */
  get forgottenSeq(): number {
    return this.#forgottenSeq;
  }

  /** The order of the newest topic; 0 before the first. */
  get newestOrder(): number {
    return this.#newestOrder;
  }

  /** The topic or queue of a number. */
  of(number: number): TopicState {
    return this.#numbers.of(number);
  }

  /** The queues that were there at start. */
  queues(): QueueState[] {
    return this.#numbers.all().filter((topic) => topic instanceof QueueState);
  }

  /** Makes the topic of a name that is not there. Raises RESOURCE_EXHAUSTED past `percent` of their number. */
  open(name: string, percent: number): TopicState {
    const { size } = this.byName;
    const most = Math.ceil(this.#limits.maxKeptTopics * percent / 100);
    if (size >= most) {
      const keys = `store.max_kept_topics${percent < 100 ? ", limits.guest_names_percent" : ""}`;
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot keep topic ${JSON.stringify(name)}: ${size} topics are kept`,
        {
          accepted: `at most ${most} kept topics (${keys}); empty ones are forgotten by ` +
            "`forget_after_ms` of [[keep]], any one by `parley topic rm`",
        },
      );
    }
    const topic = this.number(name, TopicState);
    this.#enter(topic);
    return topic;
  }

  #enter(topic: TopicState): void {
    topic.order = ++this.#newestOrder;
    this.byName.set(topic.name, topic);
  }

  /** Makes a topic or a queue with a number of its own. Raises RESOURCE_EXHAUSTED when none is free. */
  number<T extends TopicState>(
    name: string,
    kind: new (id: number, name: string, figures: null, behindSeq: number) => T,
  ): T {
    const make = (id: number) => new kind(id, name, null, this.#forgottenSeq);
    const topic = this.#numbers.take(this.#clock.monotonicMs(), make);
    if (topic !== null) return topic;
    throw new ParleyError(
      ErrorCode.RESOURCE_EXHAUSTED,
      `cannot keep ${JSON.stringify(name)}: no number for its name is free`,
      { retryable: true, accepted: "another try once the numbers of forgotten names are free" },
    );
  }

  /** Lets go of a topic that was forgotten, unless something came for it since. */
  forgot(topic: TopicState): void {
    topic.isStored = false;
    topic.firstSeq = topic.lastSeq + 1;
    topic.bytes = topic.firstTimeMs = 0;
    this.#forgottenSeq = Math.max(this.#forgottenSeq, topic.lastSeq);
    if (topic.named || topic.isReleased) return;
    topic.isReleased = true;
    if (!(topic instanceof QueueState)) this.byName.delete(topic.name);
    this.#numbers.release(topic, this.#clock.monotonicMs());
    this.#released(topic);
  }
}
