/**
 * What `parley top` shows: rates out of two looks at a server, and the last minute of them. Pure.
 *
 * A server that was started anew counts from nothing again: such a look gives no rates, and begins the history anew.
 */

/** A kept topic at one look. */
export interface TopicLook {
  readonly topic: string;
  readonly lastSeq: number;
  readonly events: number;
  readonly bytes: number;
}

/** A queue at one look. */
export interface QueueLook {
  readonly name: string;
  readonly ready: number;
  readonly delayed: number;
  readonly leased: number;
  readonly blocked: number;
  readonly dead: number;
  readonly consumers: number;
  readonly paused: boolean;
  readonly pushed: number;
  readonly done: number;
}

/** A connection at one look. */
export interface ConnectionLook {
  readonly sessionId: string;
  readonly kind: string;
  readonly peer: string;
  readonly user: string;
  readonly clientName: string;
  readonly silentMs: number;
  readonly outboxBytes: number;
  readonly subscriptions: number;
  readonly consumers: number;
}

/** Everything at one moment. */
export interface Look {
  /** The time of the look, in seconds of a clock that only goes forward. */
  readonly seconds: number;
  /** What the server counts, by name. */
  readonly stats: Readonly<Record<string, number>>;
  /** What it has noted of itself last, by the names in `NOTED`. */
  readonly noted: Readonly<Record<string, number>>;
  readonly connections: readonly ConnectionLook[];
  readonly topics: readonly TopicLook[];
  readonly queues: readonly QueueLook[];
  /** How many connections, topics and queues there are that were not looked at, for their number. */
  readonly beyond: number;
}

/** The counters whose rates are shown. */
export const RATES = [
  "messages_in",
  "messages_out",
  "bytes_in",
  "bytes_out",
  "events_in",
  "events_out",
  "jobs_in",
  "jobs_settled",
] as const;
/** One of them. */
export type RateName = typeof RATES[number];

/** What is shown of the figures that a server notes of itself: rates, delays and times in milliseconds. */
export const NOTED = ["loop_delay_ms", "commits", "commit_ms", "sync_ms"] as const;

/** A kept topic with its rate. */
export interface TopicFigure extends TopicLook {
  /** Events a second. */
  readonly rate: number;
}

/** A queue with its rates. */
export interface QueueFigure extends QueueLook {
  /** Jobs a second that came, and that were done. */
  readonly inRate: number;
  readonly outRate: number;
}

/** What is shown. */
export interface Figures {
  /** Per second; zeros before the second look. */
  readonly rates: Readonly<Record<RateName, number>>;
  /** The rates of the last looks, the newest last. */
  readonly history: Readonly<Record<RateName, readonly number[]>>;
  readonly stats: Readonly<Record<string, number>>;
  readonly noted: Readonly<Record<string, number>>;
  readonly connections: readonly ConnectionLook[];
  readonly topics: readonly TopicFigure[];
  readonly queues: readonly QueueFigure[];
  readonly beyond: number;
}

/** The most looks that are remembered. */
export const MAX_HISTORY = 120;

/** Makes figures of one look after the other. */
export class TopFigures {
  #last: Look | null = null;
  #history = emptyHistory();

  /** The figures of a look, against the one before. */
  add(look: Look): Figures {
    const before = this.#last;
    this.#last = look;
    const seconds = before === null ? 0 : look.seconds - before.seconds;
    const isNew = before === null || seconds <= 0 || startedAnew(before, look);
    if (isNew) this.#history = emptyHistory();
    const per = (now: number, then: number) => isNew ? 0 : Math.max(0, now - then) / seconds;
    const rates = {} as Record<RateName, number>;
    for (const name of RATES) {
      rates[name] = per(look.stats[name] ?? 0, before?.stats[name] ?? 0);
      const list = this.#history[name];
      if (!isNew) list.push(rates[name]);
      if (list.length > MAX_HISTORY) list.shift();
    }
    const topicsBefore = new Map(before?.topics.map((one) => [one.topic, one.lastSeq]));
    const queuesBefore = new Map(before?.queues.map((one) => [one.name, one]));
    return {
      rates,
      history: structuredClone(this.#history),
      stats: look.stats,
      noted: look.noted,
      connections: look.connections,
      topics: look.topics.map((one) => ({
        ...one,
        rate: per(one.lastSeq, topicsBefore.get(one.topic) ?? one.lastSeq),
      })),
      queues: look.queues.map((one) => {
        const { pushed = one.pushed, done = one.done } = queuesBefore.get(one.name) ?? {};
        return { ...one, inRate: per(one.pushed, pushed), outRate: per(one.done, done) };
      }),
      beyond: look.beyond,
    };
  }
}

function startedAnew(before: Look, now: Look): boolean {
  return RATES.some((name) => (now.stats[name] ?? 0) < (before.stats[name] ?? 0));
}

function emptyHistory(): Record<RateName, number[]> {
  return Object.fromEntries(RATES.map((name) => [name, []])) as unknown as Record<
    RateName,
    number[]
  >;
}
