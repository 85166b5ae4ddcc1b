/**
 * The metrics of queues: the most active ones each by name, the others as one.
 */
import { DEAD_SUFFIX, isDeadName } from "../../logic/queues/policies.ts";
import type { WorkTurn } from "../../ports/work_turn.ts";
import type { Queue } from "../../services/queues/queue.ts";
import type { Queues } from "../../services/queues/queues.ts";
import { BoundedSeries, type Candidate, REST } from "./bounded_series.ts";
import type { Families, Labels, Reading } from "./families.ts";
import type { Monitored } from "./monitored.ts";

/** So many queues are looked at before others have their turn. */
const LOOKED_AT_ONCE = 256;
/** The states of jobs. */
const STATES = ["ready", "delayed", "leased", "blocked", "dead"] as const;

/** The sums of a queue, by the name of their family, in the order of `Candidate.values`. */
const SUMS: readonly (readonly [name: string, help: string])[] = [
  ["parley_queue_pushed_total", "Jobs that came into the queue, since the server started."],
  ["parley_queue_done_total", "Jobs that were acknowledged."],
  ["parley_queue_redelivered_total", "Jobs that were handed out again."],
  ["parley_queue_dropped_total", "Jobs that were dropped to make room for others."],
];

/** How one queue is, or all those together that are not told one by one. */
class QueueFigures {
  readonly jobs: Record<typeof STATES[number], number> = {
    ready: 0,
    delayed: 0,
    leased: 0,
    blocked: 0,
    dead: 0,
  };
  bytes = 0;
  oldestSeconds = 0;
  consumers = 0;

  add(queue: Queue, dead: Queue | null, wallMs: number): void {
    const { machine } = queue;
    this.jobs.ready += machine.ready;
    this.jobs.delayed += machine.delayed;
    this.jobs.leased += machine.leased;
    this.jobs.blocked += machine.blocked;
    this.jobs.dead += dead?.machine.jobs ?? 0;
    this.bytes += machine.bytes;
    this.consumers += queue.consumers.size;
    const { oldestMs } = queue.chunks;
    if (oldestMs === 0) return;
    this.oldestSeconds = Math.max(this.oldestSeconds, (wallMs - oldestMs) / 1000);
  }
}

/** The figures of the queues of one server, taken when somebody asks. */
export class QueueMetrics {
  readonly #queues: Queues;
  readonly #series: BoundedSeries;
  #sums: readonly Candidate[] = [];
  #figures = new Map<string, QueueFigures>();
  #count = 0;

  constructor(queues: Queues, most: number) {
    this.#queues = queues;
    this.#series = new BoundedSeries(most, SUMS.length);
  }

  /** Looks at all queues. */
  async look(turn: WorkTurn): Promise<void> {
    const queues = this.#queues;
    const { clock } = queues.context;
    const candidates: Candidate[] = [];
    const living: Queue[] = [];
    for (const queue of queues.all()) {
      if (isDeadName(queue.name)) continue;
      const { name, pushed, done, redelivered, machine } = queue;
      living.push(queue);
      candidates.push({ name, values: [pushed, done, redelivered, machine.dropped] });
      if (living.length % LOOKED_AT_ONCE === 0) await turn.admit();
    }
    this.#count = living.length;
    const { shown, rest } = this.#series.tell(candidates, clock.monotonicMs());
    const figures = new Map(shown.map(({ name }) => [name, new QueueFigures()]));
    const others = new QueueFigures();
    for (const [index, queue] of living.entries()) {
      const dead = queues.find(queue.name + DEAD_SUFFIX);
      (figures.get(queue.name) ?? others).add(queue, dead, clock.wallMs());
      if (index % LOOKED_AT_ONCE === 0) await turn.admit();
    }
    const hasRest = living.length > shown.length || rest.some((sum) => sum > 0);
    if (hasRest) figures.set(REST, others);
    this.#figures = figures;
    this.#sums = hasRest ? [...shown, { name: REST, values: rest }] : shown;
  }

  /** Adds the families. */
  addTo(families: Families): void {
    families.gauge("parley_queues", "Queues, without those of dead letters.", () => this.#count);
    families.gauge(
      "parley_queue_jobs",
      "Jobs of a queue by state; dead ones are its dead letters.",
      () =>
        [...this.#figures].flatMap(([queue, { jobs }]) =>
          STATES.map((state): [number, Labels] => [jobs[state], { queue, state }])
        ),
    );
    const gauge = (name: string, help: string, of: (figures: QueueFigures) => number) =>
      families.gauge(
        name,
        help,
        () => [...this.#figures].map(([queue, figures]) => [of(figures), { queue }]),
      );
    gauge("parley_queue_bytes", "The bytes of the jobs of a queue.", ({ bytes }) => bytes);
    gauge(
      "parley_queue_oldest_age_seconds",
      "The age of the oldest job of a queue; 0 when there is none.",
      ({ oldestSeconds }) => oldestSeconds,
    );
    gauge("parley_queue_consumers", "Consumers of a queue.", ({ consumers }) => consumers);
    SUMS.forEach(([name, help], index) => {
      families.counter(name, help, () => this.#sumsOf(index));
    });
  }

  #sumsOf(index: number): Reading {
    return this.#sums.map(({ name, values }) => [values[index], { queue: name }]);
  }
}

/** The metrics of the queues of a server; null where there are none. */
export function queueMetricsOf({ features, config }: Monitored): QueueMetrics | null {
  const { queues } = features;
  return queues === null ? null : new QueueMetrics(queues, config.monitoring.queues);
}
