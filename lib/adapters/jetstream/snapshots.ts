/**
 * Snapshots in JetStream's object store: one object each, in a bucket of the cluster.
 *
 * An object's name has the history and the sequence, so that the list of objects says all there is to know. The digest of
 * what was put is verified by the client when it is read. The newest two are kept, since a node may be reading one.
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { jetstream } from "@nats-io/jetstream";
import { type ObjectInfo, type ObjectStore, Objm, StorageType } from "@nats-io/obj";
import { join } from "node:path";
import { mayFail, settled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { SnapshotInfo, Snapshots } from "../../ports/snapshots.ts";

/** The snapshots that are kept. */
const KEPT = 2;
/** The bytes of one message of an object. */
const CHUNK_BYTES = 256 * 1024;

/** Where snapshots are. */
export interface SnapshotOptions {
  readonly connection: NatsConnection;
  /** The name of the cluster: `NAME_snapshots` is the bucket. */
  readonly cluster: string;
  /** The history whose snapshots are seen. */
  readonly epoch: string;
  /** The machines that hold each snapshot, where the bucket is made. */
  readonly replicas: number;
  /** The folder for the files of snapshots that are being made. */
  readonly scratch: string;
  /** How long one answer of a server is waited for; absent: 5 s. */
  readonly answerMs?: number;
}

/** Opens the snapshots of a cluster, making their bucket if need be. Rejects with a ParleyError, UNAVAILABLE. */
export async function openSnapshots(options: SnapshotOptions): Promise<Snapshots> {
  const { connection, cluster, replicas, answerMs = 5000 } = options;
  const bucket = `${cluster}_snapshots`;
  const manager = new Objm(jetstream(connection, { timeout: answerMs }));
  const store = await tried(`open bucket "${bucket}" of snapshots`, () =>
    manager.create(bucket, {
      description: "snapshots of a Parley cluster",
      storage: StorageType.File,
      replicas,
    }));
  return new JetStreamSnapshots(store, options);
}

class JetStreamSnapshots implements Snapshots {
  readonly #store: ObjectStore;
  readonly #epoch: string;
  readonly #scratch: string;

  constructor(store: ObjectStore, { epoch, scratch }: SnapshotOptions) {
    this.#store = store;
    this.#epoch = epoch;
    this.#scratch = scratch;
  }

  async newest(): Promise<SnapshotInfo | null> {
    return (await this.#all())[0] ?? null;
  }

  async put(
    write: (path: string) => Promise<void>,
    sequence: number,
    node: string,
  ): Promise<SnapshotInfo> {
    const name = this.#nameOf(sequence);
    const path = join(this.#scratch, "snapshot.db");
    let info: ObjectInfo;
    try {
      // One that was being made when the process ended.
      await settled(Deno.remove(path), "remove the file of a snapshot");
      await write(path);
      info = await tried("keep a snapshot", async () => {
        const file = await Deno.open(path);
        return await this.#store.put(
          { name, description: node, options: { max_chunk_size: CHUNK_BYTES } },
          file.readable,
        );
      });
    } finally {
      await settled(Deno.remove(path), "remove the file of a snapshot");
    }
    for (const { sequence } of (await this.#all()).slice(KEPT)) {
      mayFail(this.#store.delete(this.#nameOf(sequence)), "drop an old snapshot");
    }
    return infoOf(info, sequence);
  }

  async fetch({ sequence }: SnapshotInfo, path: string): Promise<void> {
    await tried("fetch a snapshot", async () => {
      const found = await this.#store.get(this.#nameOf(sequence));
      if (found === null) throw new Error("it is there no longer");
      const file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
      let isWhole = false;
      try {
        for await (const chunk of found.data) {
          for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
        }
        // The client resolves it with nothing at all when all went well.
        const error: unknown = await found.error;
        if (error instanceof Error) throw error;
        await file.sync();
        isWhole = true;
      } finally {
        file.close();
        if (!isWhole) await Deno.remove(path);
      }
    });
  }

  /** All snapshots of this history, the furthest on first. */
  async #all(): Promise<SnapshotInfo[]> {
    const objects = await tried("look for snapshots", () => this.#store.list());
    const found: SnapshotInfo[] = [];
    const prefix = `${this.#epoch}-`;
    for (const info of objects) {
      const sequence = Number(info.name.slice(prefix.length));
      if (info.deleted || !info.name.startsWith(prefix) || !Number.isSafeInteger(sequence)) {
        continue;
      }
      found.push(infoOf(info, sequence));
    }
    return found.sort((one, other) => other.sequence - one.sequence);
  }

  #nameOf(sequence: number): string {
    return `${this.#epoch}-${sequence}`;
  }
}

function infoOf(info: ObjectInfo, sequence: number): SnapshotInfo {
  const { size, digest, description = "", mtime } = info;
  return { sequence, bytes: size, digest, node: description, timeMs: Date.parse(mtime) };
}

async function tried<T>(action: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ParleyError(ErrorCode.UNAVAILABLE, `cannot ${action}: ${reason}`, {
      accepted: "NATS servers with JetStream, and room in it",
      cause: error,
    });
  }
}
