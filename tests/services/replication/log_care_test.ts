/**
 * The log stays short: what is dropped is old, and in a snapshot.
 */
import assert from "node:assert/strict";
import { openMemoryStore } from "../../../lib/adapters/memory/store.ts";
import type { SnapshotInfo, Snapshots } from "../../../lib/ports/snapshots.ts";
import type { Store } from "../../../lib/ports/store.ts";
import { LogCare } from "../../../lib/services/replication/log_care.ts";
import { append } from "../../contract/store_support.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryLog } from "../../support/memory_log.ts";
import { ReplicaNode } from "../../support/replica_node.ts";

/** Snapshots that are numbers alone. */
class CountedSnapshots implements Snapshots {
  readonly made: SnapshotInfo[] = [];
  failure: Error | null = null;

  newest(): Promise<SnapshotInfo | null> {
    return Promise.resolve(this.made.at(-1) ?? null);
  }

  put(_write: unknown, sequence: number, node: string): Promise<SnapshotInfo> {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.made.push({ sequence, bytes: 1, digest: "", node, timeMs: 0 });
    return Promise.resolve(this.made.at(-1)!);
  }

  fetch(): Promise<void> {
    return Promise.reject(new Error("nobody fetches here"));
  }
}

const HOUR_MS = 3600_000;

class Place implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly log = new MemoryLog();
  readonly snapshots = new CountedSnapshots();
  readonly store: Store = openMemoryStore({ log: this.log });
  readonly node = new ReplicaNode(this.store, this.log);
  readonly care = new LogCare({
    node: "one",
    log: this.log,
    store: this.store,
    snapshots: this.snapshots,
    clock: this.clock,
    lookMs: 1e9,
  });

  /** Publishes so many events, and gives the position behind them. */
  async publish(count: number): Promise<number> {
    for (let index = 0; index < count; index++) {
      append(this.store, this.store.openTopic("t"), "x");
      await this.store.flush();
    }
    return this.store.replica!.position;
  }

  async first(): Promise<number> {
    return (await this.log.state()).firstSequence;
  }

  get sequences(): number[] {
    return this.snapshots.made.map(({ sequence }) => sequence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.care.close();
    await this.node[Symbol.asyncDispose]();
  }
}

Deno.test("what is older than an hour goes, behind a snapshot that holds it", async () => {
  await using place = new Place();
  assert.ok(await place.node.claim());
  const old = await place.publish(5);
  await place.care.look();
  place.clock.advance(HOUR_MS - 1);
  const young = await place.publish(5);
  await place.care.look();
  assert.equal(await place.first(), 1);
  assert.deepEqual(place.sequences, []);
  place.clock.advance(1);
  await place.care.look();
  assert.equal(await place.first(), old + 1);
  assert.deepEqual(place.sequences, [young]);
  // What the snapshot holds, too, goes without another one.
  place.clock.advance(HOUR_MS);
  await place.publish(1);
  await place.care.look();
  assert.equal(await place.first(), young + 1);
  assert.deepEqual(place.sequences, [young]);
});

Deno.test("a log that fills is trimmed to a snapshot, however young", async () => {
  await using place = new Place();
  assert.ok(await place.node.claim());
  const position = await place.publish(10);
  place.log.fullness = 0.51;
  await place.care.look();
  assert.deepEqual(place.sequences, [position]);
  assert.equal(await place.first(), position + 1);
});

Deno.test("what came behind the snapshot stays, however full the log is", async () => {
  await using place = new Place();
  assert.ok(await place.node.claim());
  const position = await place.publish(10);
  await place.care.snapshot();
  await place.publish(2);
  place.log.fullness = 0.9;
  await place.care.look();
  assert.deepEqual(place.sequences, [position]);
  assert.equal(await place.first(), position + 1);
});

Deno.test("nothing goes without a snapshot, and the failure is kept", async () => {
  await using place = new Place();
  assert.ok(await place.node.claim());
  await place.publish(3);
  place.log.fullness = 0.9;
  place.snapshots.failure = new Error("no room for a snapshot");
  await place.care.look();
  assert.equal(await place.first(), 1);
  assert.equal(place.care.failure?.message, "no room for a snapshot");
  place.snapshots.failure = null;
  await place.care.look();
  assert.equal(place.care.failure, null);
  assert.notEqual(await place.first(), 1);
});

Deno.test("who does not lead leaves the log alone", async () => {
  await using place = new Place();
  assert.ok(await place.node.claim());
  await place.publish(3);
  place.log.fullness = 0.9;
  await place.node.stepDown();
  await place.care.look();
  assert.equal(await place.first(), 1);
  assert.deepEqual(place.sequences, []);
});
