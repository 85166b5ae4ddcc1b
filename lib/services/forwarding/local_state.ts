/**
 * What the clients of a node have there while it leads: taken out when it leads no longer, to be told to the next one.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { PullSchema } from "../../gen/parley/v1/queue_pb.ts";
import type { Peer } from "../connection/peer.ts";
import type { Features } from "../features.ts";
import { PeerConsumer } from "../queues/consumer.ts";
import { queuesOf } from "../queues/peer_queues.ts";
import type { PersonInRooms } from "../rooms/person_in_rooms.ts";

/** What one client has. */
export interface LocalState {
  readonly peer: Peer;
  /** The bodies of Pulls of its consumers, by their numbers. */
  readonly pulls: ReadonlyMap<number, Uint8Array>;
  readonly person: PersonInRooms | null;
}

/** Takes consumers and people out, of all clients; nobody is told. */
export function takeLocalState({ queues, rooms }: Features): LocalState[] {
  const peers = new Map<Peer, PersonInRooms | null>(rooms?.takePeople() ?? []);
  for (const queue of queues?.all() ?? []) {
    for (const consumer of queue.consumers) {
      if (!(consumer instanceof PeerConsumer)) continue;
      const { session } = consumer;
      if (!peers.has(session)) peers.set(session, null);
    }
  }
  return [...peers].map(([peer, person]) => ({ peer, person, pulls: takePulls(peer) }));
}

function takePulls(peer: Peer): Map<number, Uint8Array> {
  const pulls = new Map<number, Uint8Array>();
  if (peer.slots.queues === null) return pulls;
  const own = queuesOf(peer);
  for (const [number, { queue, consumer }] of own.pulls ?? []) {
    const pull = create(PullSchema, {
      consumer: BigInt(number),
      queue: queue.name,
      prefetch: consumer.handle.prefetch,
    });
    pulls.set(number, toBinary(PullSchema, pull));
    // Nothing is given back: the next node to lead has what was out.
    queue.consumers.delete(consumer);
  }
  own.pulls = own.last = null;
  return pulls;
}
