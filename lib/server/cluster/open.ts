/**
 * Makes a server a node of a cluster, when its configuration says so.
 */
import { NatsServers } from "../../adapters/nats/connection.ts";
import { NatsEngine } from "../../adapters/nats/engine.ts";
import { VERSION } from "../../base/version.ts";
import { Cluster } from "../../services/cluster/cluster.ts";
import type { Features } from "../../services/features.ts";
import { Forwarding } from "../../services/forwarding/forwarding.ts";
import { natsOptionsOf } from "./schema.ts";
import type { Config } from "../config/config.ts";
import type { RuntimePolicies } from "../runtime_policies.ts";
import { Replication } from "./replication.ts";
import type { SharedStore } from "./shared.ts";

/** A server's part in a cluster. */
export interface ServerCluster {
  readonly cluster: Cluster;
  /** Leaves the cluster. */
  close(): Promise<void>;
}

/** What a server brings into a cluster; `shared` is null where its nodes share no log. */
export interface ClusterParts {
  readonly features: Features;
  readonly policies: RuntimePolicies;
  readonly shared: SharedStore | null;
}

/** Takes part in the cluster; null when there is none. It is reached in the background. */
export function openCluster(
  config: Config,
  { features, policies, shared }: ClusterParts,
): ServerCluster | null {
  const { cluster: its } = config;
  if (its.servers.length === 0) return null;
  const { serverId: id, clock } = features.context;
  const name = its.node === "" ? id : its.node;
  const nats = new NatsServers(natsOptionsOf(its, `parley ${its.name} ${name}`));
  const engine = new NatsEngine(nats, {
    cluster: its.name,
    self: {
      id,
      name,
      version: VERSION,
      address: its.address,
      sinceMs: clock.wallMs(),
      details: {},
    },
    heartbeatMs: its.heartbeat_ms,
    silenceMs: its.silence_ms,
  });
  const cluster = new Cluster(features, engine, its.name);
  nats.open();
  const { silence_ms: silenceMs } = its;
  const replication = shared === null
    ? null
    : new Replication({ features, policies, shared, cluster, silenceMs });
  const forwarding = replication === null ? null : new Forwarding({
    features,
    engine,
    lead: replication.lead,
    replica: shared!.store.replica,
  });
  if (forwarding !== null) cluster.take(forwarding);
  return {
    cluster,
    async close() {
      await replication?.close();
      await forwarding?.close();
      await cluster.close();
      await nats.close();
    },
  };
}
