/**
 * What is measured of a cluster: the nodes of Parley, and the servers of NATS beneath them with streams of their own, each
 * spoken with where its leader is and elsewhere.
 */
import { askJetStream } from "../load/jetstream_api.ts";
import { KEPT_STREAM, makeStream } from "../load/kept_publisher.ts";
import { natsQueue, streamOf } from "../load/queue_nats.ts";
import type { Target } from "../load/target.ts";
import { NATS_SERVERS, type NatsNode } from "./nats_servers.ts";
import { NODES, type ParleyNodes } from "./nodes.ts";

/** What the tables call them. */
export const NAMES = {
  leading: { parley: "parley, node that writes", nats: "JetStream R3, its leader" },
  other: { parley: "parley, another node", nats: "JetStream R3, another server" },
} as const;
/** Where clients connect: to who leads, or to another. */
export type Place = keyof typeof NAMES;

/** One of both, as clients of one place see it. */
export interface ClusterSubject {
  readonly name: string;
  readonly system: "parley" | "nats";
  readonly place: Place;
}

/** All four. */
export const SUBJECTS: readonly ClusterSubject[] = (["leading", "other"] as const)
  .flatMap((place) =>
    (["parley", "nats"] as const).map((system) => ({ name: NAMES[place][system], system, place }))
  );

/** The queue of the loads. */
export const QUEUE = "bench.jobs";

/** Both systems, which run all the time. */
export interface Systems {
  readonly nats: readonly NatsNode[];
  readonly nodes: ParleyNodes;
}

/** The target of a subject and, of the same system, the other place. */
export interface Targets {
  readonly here: Target;
  readonly there: Target;
}

/** What of JetStream is loaded: which leader is meant. */
export type Loaded = "kept" | "queue" | "plain";

/** Where the clients of a subject connect. What of JetStream is not there yet is made. */
export async function targetsOf(
  { nats, nodes }: Systems,
  { system, place }: ClusterSubject,
  loaded: Loaded,
): Promise<Targets> {
  const natsPids = nats.map(({ pid }) => pid);
  const leads = system === "parley"
    ? await nodes.writer()
    : loaded === "plain"
    ? 0
    : await leaderOf(nats, loaded);
  const follows = (leads + 1) % (system === "parley" ? NODES : NATS_SERVERS);
  const [here, there] = (place === "leading" ? [leads, follows] : [follows, leads])
    .map((index): Target => {
      if (system === "nats") {
        const { pid, port } = nats[index];
        const otherPids = natsPids.filter((each) => each !== pid);
        return { dialect: "nats", port, pid, otherPids, replicas: NATS_SERVERS };
      }
      const pid = nodes.pids[index];
      const otherPids = [...nodes.pids.filter((each) => each !== pid), ...natsPids];
      return { dialect: "parley", port: nodes.port(index), pid, otherPids };
    });
  return { here, there };
}

/** The number of the server that leads a stream, which is made if need be. */
async function leaderOf(nats: readonly NatsNode[], loaded: "kept" | "queue"): Promise<number> {
  const [{ port, pid }] = nats;
  const target: Target = { dialect: "nats", port, pid, replicas: NATS_SERVERS };
  await (loaded === "kept" ? makeStream(target) : natsQueue.make(target, QUEUE));
  const stream = loaded === "kept" ? KEPT_STREAM : streamOf(QUEUE);
  const info = await askJetStream(target, `STREAM.INFO.${stream}`, {}) as {
    cluster?: { leader?: string };
  };
  const found = nats.findIndex(({ name }) => name === info.cluster?.leader);
  if (found < 0) throw new Error(`nobody leads the stream ${stream}: ${JSON.stringify(info)}`);
  return found;
}
