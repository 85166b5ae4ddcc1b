/**
 * What nodes that share a log have acknowledged, and whether their databases hold exactly that, each the same.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fromBinary } from "@bufbuild/protobuf";
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import { EventSchema } from "../../lib/gen/parley/v1/event_pb.ts";
import type { Store, StoreTopic } from "../../lib/ports/store.ts";

/** What was acknowledged by any node: the payload of each seq of each topic, and the ids of jobs. */
export class ReplicaLedger {
  readonly events = new Map<string, Map<number, string>>();
  readonly jobs = new Map<string, number>();
  acknowledged = 0;

  kept(topic: string, seq: number, payload: string): void {
    if (!this.events.has(topic)) this.events.set(topic, new Map());
    const events = this.events.get(topic)!;
    assert.equal(events.get(seq) ?? payload, payload, `${topic} ${seq} was acknowledged for two`);
    events.set(seq, payload);
    this.acknowledged++;
  }

  pushed(queue: string, id: number): void {
    this.jobs.set(queue, Math.max(this.jobs.get(queue) ?? 0, id));
    this.acknowledged++;
  }
}

/** The rows of a database that nodes have in common. */
export function rowsOf(directory: string): Record<string, unknown[]> {
  const database = new DatabaseSync(`${directory}/parley.db`, { readOnly: true });
  try {
    const rows = (sql: string) => database.prepare(sql).all();
    return {
      topics: rows("SELECT * FROM topic ORDER BY id"),
      chunks: rows("SELECT * FROM chunk ORDER BY id"),
      states: rows("SELECT * FROM job_states ORDER BY id"),
      records: rows("SELECT * FROM record ORDER BY key"),
      forgotten: rows("SELECT * FROM forgotten"),
    };
  } finally {
    database.close();
  }
}

/** What tells whether databases hold the same, by the sums of their rows; also of a database that is in use. */
export function digestOf(directory: string): string {
  const database = new DatabaseSync(`${directory}/parley.db`, { readOnly: true });
  try {
    const rows = (sql: string) => database.prepare(sql).all();
    return JSON.stringify([
      rows("SELECT * FROM topic ORDER BY id"),
      rows("SELECT id, events, bytes, first_ms, last_ms, sum FROM chunk ORDER BY id"),
      rows("SELECT id, sum FROM job_states ORDER BY id"),
      rows("SELECT key, revision, sum FROM record ORDER BY key"),
      rows("SELECT * FROM forgotten"),
    ]);
  } finally {
    database.close();
  }
}

/** Fails unless the databases of these directories hold the same. */
export function holdTheSame(directories: readonly string[]): void {
  const [first, ...others] = directories.map(rowsOf);
  for (const [index, rows] of others.entries()) {
    assert.deepEqual(
      rows,
      first,
      `the database of node ${index + 1} holds what the first one does`,
    );
  }
}

/** Fails unless everything that was acknowledged is there, under its number, and no payload twice. */
export async function holdsAll(
  directory: string,
  ledger: Pick<ReplicaLedger, "events" | "jobs">,
): Promise<void> {
  const store = await openSqliteStore({ directory });
  try {
    const seen = new Set<string>();
    for (const [name, acknowledged] of ledger.events) {
      const events = await eventsOf(store, store.topic(name)!);
      events.forEach(({ seq, payload }, index) => {
        assert.equal(seq, index + 1, `${name} has no gap`);
        assert.ok(!seen.has(payload), `${payload} is there once`);
        seen.add(payload);
      });
      for (const [seq, payload] of acknowledged) {
        assert.equal(events[seq - 1]?.payload, payload, `${name} ${seq} is what was acknowledged`);
      }
    }
    for (const [queue, id] of ledger.jobs) {
      assert.ok(store.jobs.queue(queue)!.lastId >= id, `job ${id} of ${queue} is there`);
    }
  } finally {
    await store.close();
  }
}

/** The seqs and payloads of all events of a topic. */
async function eventsOf(
  store: Store,
  topic: StoreTopic,
): Promise<{ seq: number; payload: string }[]> {
  const events: { seq: number; payload: string }[] = [];
  for (let from = topic.firstSeq; from <= topic.lastSeq;) {
    const request = { from, direction: "forward", maxEvents: 1000, maxBytes: 1e6 } as const;
    const { count, bytes, ranges, seqs } = await store.read(topic, request);
    for (let index = 0; index < count; index++) {
      const { payload } = fromBinary(
        EventSchema,
        bytes.subarray(ranges[2 * index], ranges[2 * index + 1]),
      );
      // Without the spaces that make some large.
      events.push({ seq: seqs[index], payload: new TextDecoder().decode(payload).trimEnd() });
    }
    from = events.at(-1)!.seq + 1;
  }
  return events;
}
