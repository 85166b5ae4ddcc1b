/**
 * The metrics of a cluster, as one of its nodes sees it; a server alone has none of them.
 */
import type { Families } from "./families.ts";
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
}

function byDirection(into = 0, out = 0): [number, Record<string, string>][] {
  return [[into, { direction: "in" }], [out, { direction: "out" }]];
}
