/**
 * What the tests of stores that share a log have in common: the stores of a cluster, and what is compared of them.
 */
import type { StoreLimits } from "../../lib/base/store_limits.ts";
import type { CommitLog } from "../../lib/ports/commit_log.ts";
import { Entry } from "../../lib/ports/entry.ts";
import type { Store } from "../../lib/ports/store.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { MemoryEntries, MemoryLog } from "../support/memory_log.ts";
import { ReplicaNode } from "../support/replica_node.ts";
import { readAll, Recorder } from "./store_support.ts";

/** What a case may ask for. */
export interface ReplicaOpenOptions {
  readonly log: CommitLog;
  readonly clock: ManualClock;
  readonly limits?: Partial<StoreLimits>;
  /** About how many bytes fit before a batch fails. */
  readonly capacityBytes?: number;
}

/** Where one store lives. */
export interface ReplicaPlace extends AsyncDisposable {
  open(options: ReplicaOpenOptions): Promise<Store>;
}

/** An adapter under test. */
export interface ReplicaSubject {
  readonly name: string;
  /** Whether a store opened again has what the last one had. */
  readonly outlives: boolean;
  readonly histories: number;
  place(): Promise<ReplicaPlace>;
}

/** Stores that share a log. */
export class Cluster implements AsyncDisposable {
  readonly shared = new MemoryEntries();
  readonly clock = new ManualClock();
  readonly nodes: ReplicaNode[] = [];
  readonly places: ReplicaPlace[] = [];
  readonly recorders: Recorder[] = [];
  /** The log of each node, whose faults are made by hand. */
  readonly logs: MemoryLog[] = [];

  static async of(count: number, subject: ReplicaSubject, capacityBytes?: number) {
    const cluster = new Cluster();
    for (let index = 0; index < count; index++) {
      cluster.places.push(await subject.place());
      await cluster.open(index, capacityBytes);
    }
    return cluster;
  }

  async open(index: number, capacityBytes?: number): Promise<ReplicaNode> {
    const log = this.logs[index] = new MemoryLog(this.shared);
    const store = await this.places[index].open({ log, clock: this.clock, capacityBytes });
    store.listen(this.recorders[index] = new Recorder());
    return this.nodes[index] = new ReplicaNode(store, log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    for (const place of this.places) await place[Symbol.asyncDispose]();
  }
}

/** A text as bytes. */
export const bytes = (text: string) => new TextEncoder().encode(text);

/** Pushes a job that is a chunk of its own. */
export function push(store: Store, queue: string, text: string): void {
  const body = bytes(text);
  const entry = new Entry().setBody(body, 0, body.length);
  entry.timeMs = 1;
  store.jobs.push(store.jobs.openQueue(queue), entry, true, null);
}

/** Everything that a store holds, to be compared with that of another. */
export async function contentOf(store: Store) {
  const topics = [];
  for (const topic of [...store.topics()].sort((one, other) => one.name < other.name ? -1 : 1)) {
    // A topic that somebody asked for, and nobody published on, is nothing that is shared.
    if (topic.events === 0) continue;
    const { name, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs } = topic;
    const events = (await readAll(store, topic, 100)).map(({ seq, timeMs, payload }) => [
      seq,
      timeMs,
      payload,
    ]);
    topics.push({ name, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs, events });
  }
  const { records } = await store.list("", "", 1000);
  const queues = [...store.jobs.queues()].map(({ name, lastId }) => [name, lastId]).sort();
  return { topics, records, queues, forgottenSeq: store.forgottenSeq };
}
