/**
 * The methods `parley.v1.Cluster/…`: how it stands with the nodes that act as one, and having the one that writes give it up.
 *
 * Each node answers with what it sees itself; of the others it knows what they said last.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { type Cluster, ClusterRole } from "../../../gen/parley/v1/cluster_pb.ts";
import { type ClusterFacts, DETAIL, type LogFacts } from "../../../ports/cluster_facts.ts";
import type { NodeInfo } from "../../../ports/engine.ts";
import type { Features } from "../../features.ts";
import type { Peer } from "../../connection/peer.ts";
import { administrationFor } from "./admin.ts";
import type { Methods } from "./method.ts";

const ROLES: Readonly<Record<string, ClusterRole>> = {
  writer: ClusterRole.WRITER,
  follower: ClusterRole.FOLLOWER,
  lost: ClusterRole.LOST,
};

/** The methods of the service Cluster. */
export const CLUSTER_METHODS: Methods<typeof Cluster> = {
  info: (features, peer) => {
    const cluster = clusterFor(features, peer, "tell of the cluster");
    const { name, self, servers, isUp, whyDown, log } = cluster;
    return {
      cluster: name,
      node: self.id,
      nodes: [self, ...cluster.nodes()].map((node) => nodeOf(node, log)),
      servers: [...servers],
      reachable: isUp,
      whyUnreachable: whyDown,
      log: log === null ? undefined : logOf(log),
    };
  },
  stepDown: (features, peer) => {
    const { log } = clusterFor(features, peer, "step down");
    if (log === null) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        "cannot step down: the nodes of this cluster share nothing that is kept",
        { accepted: "a cluster of servers with data directories" },
      );
    }
    log.stepDown();
    return {};
  },
};

function clusterFor(features: Features, peer: Peer, action: string): ClusterFacts {
  administrationFor(features, peer, action);
  if (features.cluster !== null) return features.cluster;
  throw new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot ${action}: this server is alone`,
    { accepted: "a server that was started with --cluster" },
  );
}

function nodeOf(node: NodeInfo, log: LogFacts | null) {
  const { id, name, version: serverVersion, address, sinceMs, details } = node;
  const applied = Number(details[DETAIL.applied] ?? 0) || 0;
  return {
    id,
    name,
    serverVersion,
    address,
    startedUnixMicros: BigInt(Math.floor(sinceMs)) * 1000n,
    role: ROLES[details[DETAIL.role] ?? ""] ?? ClusterRole.UNSPECIFIED,
    appliedSequence: BigInt(applied),
    lag: log === null || details[DETAIL.role] === "writer"
      ? 0n
      : BigInt(Math.max(0, log.last - applied)),
  };
}

function logOf(log: LogFacts) {
  const { epoch, first, last, fullness, replicas, level, snapshot } = log;
  const { writer, writerName, refusal, fault } = log;
  return {
    epoch,
    firstSequence: BigInt(first),
    lastSequence: BigInt(last),
    fullness,
    replicas,
    level,
    snapshot: snapshot === null ? undefined : {
      sequence: BigInt(snapshot.sequence),
      bytes: BigInt(snapshot.bytes),
      timeUnixMicros: BigInt(Math.floor(snapshot.timeMs)) * 1000n,
    },
    writer,
    writerName,
    refusal,
    fault,
  };
}
