/**
 * Begins the log of a cluster with what the data directory of a single server holds.
 *
 * The snapshot comes first, then the log that names its history: a node that finds the log finds the snapshot, too. At the end
 * the directory has a place in the log, so that it cannot go on alone in the same history. What is cut short can be run again.
 */
import { NatsServers } from "../../adapters/nats/connection.ts";
import { isLogThere, openJetStreamLog } from "../../adapters/jetstream/open.ts";
import { openSnapshots } from "../../adapters/jetstream/snapshots.ts";
import { historyIn } from "../../adapters/sqlite/shared_store.ts";
import { openSqliteStore } from "../../adapters/sqlite/store.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { DurableState } from "../../logic/queues/work_queue.ts";
import type { StoredChunk } from "../../ports/job_log.ts";
import type { Store } from "../../ports/store.ts";
import { jobsIn, PLAIN_JOB, readState } from "../../services/queues/job_states.ts";
import { type Config, storeLimitsOf } from "../config/config.ts";
import { natsOptionsOf, replicasOf } from "./schema.ts";

/** How long NATS is waited for. */
const PATIENCE_MS = 10_000;
/** The record that says that a history was handed to a cluster. */
const SEEDED = "cluster seeded";

/** What a log was begun with. */
export interface SeedReport {
  readonly epoch: string;
  readonly topics: number;
  readonly events: number;
  readonly queues: number;
  readonly jobs: number;
  readonly records: number;
  /** The bytes of the snapshot, and its SHA-256. */
  readonly bytes: number;
  readonly digest: string;
}

/** Begins the log. Rejects with a ParleyError that says what is in the way. */
export async function seedCluster(config: Config): Promise<SeedReport> {
  const { cluster, data } = config;
  if (cluster.servers.length === 0 || data === "") {
    throw new ParleyError(
      ErrorCode.INVALID_ARGUMENT,
      "cannot begin the log of a cluster: no servers of NATS, or no data directory, is named",
      { accepted: "--cluster nats://host:4222 and --data DIR, or a configuration that says both" },
    );
  }
  if (historyIn(data) === null) {
    throw new ParleyError(
      ErrorCode.NOT_FOUND,
      `cannot begin the log of a cluster with ${quote(data)}: it holds nothing`,
      { accepted: "the data directory of a server; an empty one joins a cluster by itself" },
    );
  }
  const nats = new NatsServers(natsOptionsOf(cluster, `parley ${cluster.name} seed`));
  nats.open();
  try {
    return await seed(config, await connectionOf(nats));
  } finally {
    await nats.close();
  }
}

async function connectionOf(nats: NatsServers) {
  const untilMs = performance.now() + PATIENCE_MS;
  while (nats.connection === null) {
    if (performance.now() > untilMs) {
      throw new ParleyError(
        ErrorCode.UNAVAILABLE,
        "cannot begin the log of a cluster: NATS cannot be reached",
        { accepted: "servers of NATS with JetStream; the log says why not" },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return nats.connection;
}

type Connection = Awaited<ReturnType<typeof connectionOf>>;

async function seed(config: Config, connection: Connection): Promise<SeedReport> {
  const { cluster, data: directory } = config;
  const options = { connection, cluster: cluster.name, replicas: replicasOf(cluster) };
  if (await isLogThere(options)) {
    throw new ParleyError(
      ErrorCode.ALREADY_EXISTS,
      `cannot begin the log of the cluster ${quote(cluster.name)}: it is there`,
      { accepted: "another cluster.name, or servers with empty data directories, which join it" },
    );
  }
  const limits = storeLimitsOf(config);
  const store = await openSqliteStore({ directory, limits, fullCheck: true });
  let report: SeedReport;
  try {
    const { epoch } = store;
    const snapshots = await openSnapshots({ ...options, epoch, scratch: directory });
    const { bytes, digest } = await snapshots.put((path) => store.backup(path), 0, "seed");
    report = { epoch, ...contentsOf(store), bytes, digest };
  } finally {
    await store.close();
  }
  const { epoch } = report;
  const log = await openJetStreamLog({ ...options, epoch, maxBytes: cluster.log_max_bytes });
  const shared = await openSqliteStore({ directory, limits, log });
  try {
    await shared.replica!.claim("seed", 0);
    shared.put(SEEDED, new Uint8Array(0), -1, null);
    await shared.flush();
    await shared.replica!.resign();
  } finally {
    await shared.close();
  }
  return report;
}

/** The jobs of a chunk that are still there. */
function jobsOf({ jobs, states }: StoredChunk): number {
  let gone = 0;
  const job = { ...PLAIN_JOB };
  for (let index = 0; states !== null && index < Math.min(jobs, jobsIn(states)); index++) {
    readState(states, index, 0, job);
    if (job.state === DurableState.GONE) gone++;
  }
  return jobs - gone;
}

function contentsOf(store: Store) {
  const { topics, events, records } = store.stats();
  let queues = 0;
  let jobs = 0;
  for (const queue of store.jobs.queues()) {
    queues++;
    for (const chunk of store.jobs.takeChunks(queue)) jobs += jobsOf(chunk);
  }
  return { topics, events, records, queues, jobs };
}
