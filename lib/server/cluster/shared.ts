/**
 * Opens the store of a server that shares a log with the other nodes of its cluster.
 *
 * A directory that belongs to the cluster opens with or without NATS: the server serves what it has, and takes up the log
 * when it can. An empty one needs the log, since only the log says which history it is to have.
 */
import { NatsServers } from "../../adapters/nats/connection.ts";
import { LateLog, LateSnapshots } from "../../adapters/jetstream/late.ts";
import { openJetStreamLog } from "../../adapters/jetstream/open.ts";
import { openSnapshots } from "../../adapters/jetstream/snapshots.ts";
import { historyIn, openSharedStore } from "../../adapters/sqlite/shared_store.ts";
import { openSqliteStore } from "../../adapters/sqlite/store.ts";
import type { Clock } from "../../base/clock.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { CommitLog } from "../../ports/commit_log.ts";
import type { Snapshots } from "../../ports/snapshots.ts";
import type { Store } from "../../ports/store.ts";
import { type Config, storeLimitsOf } from "../config/config.ts";
import { patiently } from "./patience.ts";
import { natsOptionsOf, replicasOf } from "./schema.ts";

/** How long the log is waited for by a server that can do without it for now, and by one that cannot. */
const PATIENCE_MS = 5000;
const LONG_PATIENCE_MS = 60_000;
/** How long the outcome of an append is asked for: clients wait for their answers 10 s, unless they say otherwise. */
const OUTCOME_MS = 8000;

/** A store that shares a log, and what is behind it. */
export interface SharedStore {
  readonly store: Store;
  readonly log: CommitLog;
  readonly snapshots: Snapshots;
  /** Ends what is behind the store, which is closed. */
  close(): Promise<void>;
}

/** Whether a server with this configuration shares a log. */
export function sharesLog({ cluster, data }: Pick<Config, "cluster" | "data">): boolean {
  return cluster.servers.length > 0 && data !== "";
}

/** Opens the store. Rejects with a ParleyError that says what to do. */
export async function openShared(config: Config, clock: Clock): Promise<SharedStore> {
  const { cluster, data } = config;
  await using opened = new AsyncDisposableStack();
  const nats = new NatsServers(natsOptionsOf(cluster, `parley ${cluster.name} log`));
  opened.defer(() => nats.close());
  nats.open();
  const known = historyIn(data);
  const open = () => openLog(config, nats, known);
  const patienceMs = known === null ? LONG_PATIENCE_MS : PATIENCE_MS;
  const first = await patiently(open, patienceMs);
  if (first === null && known === null) throw unreachable(cluster.servers);
  let present: CommitLog | null = first;
  const late = new LateLog(known ?? first!.epoch, () => {
    const now = present;
    present = null;
    return now === null ? open() : Promise.resolve(now);
  });
  opened.defer(() => late.close());
  const snapshots = new LateSnapshots(() =>
    openSnapshots({
      connection: connectionOf(nats),
      cluster: cluster.name,
      epoch: late.epoch,
      replicas: replicasOf(cluster),
      scratch: data,
    })
  );
  const options = { directory: data, clock, limits: storeLimitsOf(config), log: late };
  // What the log says by now decides where the store begins.
  if (first !== null) await late.opened;
  const shared = () => openSharedStore({ ...options, snapshots });
  const whole = first === null ? null : await patiently(shared, patienceMs);
  if (whole === null && known === null) throw unreachable(cluster.servers);
  const store = whole ?? await openSqliteStore(options);
  const rest = opened.move();
  return { store, log: late, snapshots, close: () => rest.disposeAsync() };
}

/** The log as it can be opened now. Rejects with a ParleyError. */
function openLog(
  { cluster }: Config,
  nats: NatsServers,
  known: string | null,
): Promise<CommitLog> {
  return openJetStreamLog({
    connection: connectionOf(nats),
    cluster: cluster.name,
    replicas: replicasOf(cluster),
    // Who has nothing may begin a history; who has one must find its log.
    epoch: known === null ? crypto.randomUUID() : null,
    maxBytes: cluster.log_max_bytes,
    outcomeMs: OUTCOME_MS,
    // Others lead by then, where they have a connection.
    downMs: () => nats.downMs,
    maxDownMs: cluster.silence_ms,
  });
}

function connectionOf(nats: NatsServers) {
  const { connection } = nats;
  if (connection !== null) return connection;
  throw new ParleyError(ErrorCode.UNAVAILABLE, "cannot reach the cluster's log: NATS is not there");
}

function unreachable(servers: readonly string[]): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    `cannot begin with an empty data directory: no log of the cluster at ${servers.join(", ")}`,
    { accepted: "NATS servers with JetStream that can be reached; the log says why not" },
  );
}
