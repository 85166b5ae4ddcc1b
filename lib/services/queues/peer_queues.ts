/**
 * The state that the queues keep for one peer: its consumers, and the queue that it pushed to last.
 */
import type { Peer } from "../connection/peer.ts";
import { PeerConsumer } from "./consumer.ts";
import type { Queue } from "./queue.ts";
import { queuesWentAway } from "./queue_name.ts";

/** The queue that a peer pushed to last; most push to one. */
export class LastQueue {
  constructor(readonly name: Uint8Array, readonly queue: Queue) {}
}

/** A consumer and the queue that it pulls from. */
export interface Pull {
  readonly queue: Queue;
  readonly consumer: PeerConsumer;
}

/** The state that the queues keep for one peer. */
export class PeerQueues {
  /** The consumers of the peer, by its own numbers; null while it has none. */
  pulls: Map<number, Pull> | null = null;
  last: LastQueue | null = null;
}

/** The state that the queues keep for `session`, made with the first use. */
export function queuesOf(session: Peer): PeerQueues {
  return (session.slots.queues ??= new PeerQueues()) as PeerQueues;
}

/** Removes a consumer of a session. */
export function closeConsumer(session: Peer, { queue, consumer }: Pull): void {
  queuesOf(session).pulls?.delete(consumer.number);
  queue.removeConsumer(consumer);
}

/** Forgets a consumer of a session in a queue that another node is about to take over, where what it holds comes back. */
export function forgetConsumer(session: Peer, number: number): void {
  const { pulls } = queuesOf(session);
  const pull = pulls?.get(number);
  if (pull === undefined) return;
  pulls!.delete(number);
  pull.queue.consumers.delete(pull.consumer);
}

/** Ends the sessions that pull from a queue, since another node takes it over. */
export function endPulls({ consumers }: Queue): void {
  for (const consumer of consumers) {
    if (consumer instanceof PeerConsumer) consumer.session.end(queuesWentAway());
  }
}
