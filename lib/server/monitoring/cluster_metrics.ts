/**
 * The metrics of a cluster, as one of its nodes sees it; a server alone has none of them.
 */
import type { Families } from "./families.ts";
import { sharesLog } from "../cluster/shared.ts";
import type { Monitored } from "./monitored.ts";

/** Adds the families of a cluster. */
export function addClusterMetrics(families: Families, { features, config }: Monitored): void {
  if (config.cluster.servers.length === 0) return;
  const counts = () => features.cluster?.counts;
  families.gauge(
    "parley_cluster_up",
    "Whether this node is connected to NATS.",
    () => features.cluster?.isUp === true ? 1 : 0,
  );
  families.gauge(
    "parley_cluster_nodes",
    "Nodes that this node has a link to, without itself.",
    () => features.cluster?.nodes().length ?? null,
  );
  families.counter(
    "parley_cluster_bytes_total",
    "Bytes that went between this node and others.",
    () => byDirection(counts()?.bytesIn, counts()?.bytesOut),
  );
  families.counter(
    "parley_cluster_messages_total",
    "Messages of NATS that carried them.",
    () => byDirection(counts()?.messagesIn, counts()?.messagesOut),
  );
  families.counter(
    "parley_cluster_events_in_total",
    "Events that other nodes handed to this one.",
    () => features.cluster?.eventsIn ?? null,
  );
  families.counter(
    "parley_cluster_links_broken_total",
    "Links between nodes that ended because something of them was lost or not dealt with.",
    () => counts()?.linksBroken ?? null,
  );
  if (!sharesLog(config)) return;
  addLogMetrics(families, features);
  addWorkMetrics(families, features);
}

/** The durable work that nodes hand on to the one that writes. */
function addWorkMetrics(families: Families, features: Monitored["features"]): void {
  const work = () => features.cluster?.work ?? null;
  families.gauge(
    "parley_cluster_handed_on_clients",
    "Clients of this node whose durable work another node does.",
    () => work()?.clients ?? null,
  );
  families.gauge(
    "parley_cluster_hosted_sessions",
    "Clients of other nodes whose durable work this node does.",
    () => work()?.sessions ?? null,
  );
  families.counter(
    "parley_cluster_requests_total",
    "Requests of clients that this node has handed on, and those that other nodes handed to it.",
    () => byDirection(work()?.requestsIn, work()?.requestsOut),
  );
  families.counter(
    "parley_cluster_requests_lost_total",
    "Requests of this node's clients that were handed on and ended with UNAVAILABLE, whatever came of them.",
    () => work()?.requestsLost ?? null,
  );
}

/** The log that the nodes share. */
function addLogMetrics(families: Families, features: Monitored["features"]): void {
  const log = () => features.cluster?.log ?? null;
  families.gauge(
    "parley_cluster_writer",
    "Whether this node writes what is kept, for all nodes.",
    () => log()?.role === "writer" ? 1 : 0,
  );
  families.gauge(
    "parley_cluster_log_first_sequence",
    "The first sequence that the log of the cluster still holds.",
    () => log()?.first ?? null,
  );
  families.gauge(
    "parley_cluster_log_last_sequence",
    "The last sequence of the log of the cluster, as it was asked last.",
    () => log()?.last ?? null,
  );
  families.gauge(
    "parley_cluster_log_applied_sequence",
    "The sequence up to which this node has applied the log.",
    () => log()?.applied ?? null,
  );
  families.gauge(
    "parley_cluster_log_lag",
    "How many sequences of the log this node had not applied when it looked last.",
    () => log()?.lag ?? null,
  );
  families.gauge(
    "parley_cluster_log_fullness",
    "How full the log is: 0 to 1.",
    () => log()?.fullness ?? null,
  );
  families.gauge(
    "parley_cluster_log_replicas",
    "The servers of NATS that hold each entry of the log; 0 before that is known.",
    () => log()?.replicas ?? null,
  );
  families.gauge(
    "parley_cluster_snapshot_sequence",
    "The sequence that the newest known snapshot holds; 0 when none is known.",
    () => log()?.snapshot?.sequence ?? 0,
  );
}

function byDirection(into = 0, out = 0): [number, Record<string, string>][] {
  return [[into, { direction: "in" }], [out, { direction: "out" }]];
}
