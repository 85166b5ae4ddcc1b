/**
 * The methods `parley.v1.Topics/Read`: what a kept topic holds, from a seq or a time on or back, and what of it has a text; and
 * `Tail`: what comes from now on, as a sample.
 *
 * A request of Read looks at a bounded number of events, in turns with others, and says where to go on.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import { EventSchema } from "../../../gen/parley/v1/event_pb.ts";
import type { ReadTopicRequest, TailTopicsRequest } from "../../../gen/parley/v1/topic_pb.ts";
import { checkTopic } from "../../../logic/topics/pattern.ts";
import type { Store, StoreTopic } from "../../../ports/store.ts";
import { indexOfBytes } from "../../../logic/find_bytes.ts";
import { mayReceive } from "../../access/checks.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";

/** The most events of an answer, and how many there are when nobody says. */
const MAX_EVENTS = 256;
const USUAL_EVENTS = 50;
/** The most events, and bytes of them, that one request looks at; it ends with the page in which they are reached. */
export const MAX_LOOKED_EVENTS = 20_000;
const MAX_LOOKED_BYTES = 16 * 1024 * 1024;
/** The most events that are read of the store at once. */
const PAGE_EVENTS = 256;
/** The longest text that is looked for. */
const MAX_CONTAINS_BYTES = 256;

/** Reads. */
export async function readTopic(features: Features, peer: Peer, request: ReadTopicRequest) {
  const { limits } = peer.context;
  checkTopic(request.topic, limits, "read");
  const { store } = features.needKept();
  const topic = store.topic(request.topic);
  if (topic === null) {
    throw new ParleyError(
      ErrorCode.NOT_FOUND,
      `cannot read ${quote(request.topic)}: nothing is kept of it`,
      { accepted: "a topic that `parley topic ls` tells of" },
    );
  }
  const isWanted = wantedOf(peer, request);
  const walk = new Walk(topic, await startOf(store, topic, request), request.backward);
  const most = Math.min(request.limit || USUAL_EVENTS, MAX_EVENTS);
  // The answer is one message: half of what a message may be leaves room for everything around it.
  let left = limits.maxFrameBytes >>> 1;
  const found: Uint8Array[] = [];
  const turn = peer.callsTurn;
  let readBytes = 0;
  while (!walk.isOver && walk.looked < MAX_LOOKED_EVENTS && readBytes < MAX_LOOKED_BYTES) {
    await turn.admit();
    const { count, ranges, seqs, bytes } = await store.read(topic, {
      from: walk.next,
      direction: request.backward ? "backward" : "forward",
      maxEvents: isWanted === null ? Math.min(most, PAGE_EVENTS) : PAGE_EVENTS,
      maxBytes: limits.maxFrameBytes >>> 1,
    });
    if (count === 0) break;
    for (let step = 0; step < count; step++) {
      const index = request.backward ? count - 1 - step : step;
      const body = bytes.subarray(ranges[2 * index], ranges[2 * index + 1]);
      if (isWanted === null || isWanted(body)) {
        left -= body.length + 8;
        if (found.length === most || left < 0 && found.length > 0) return walk.told(found);
        found.push(body);
      }
      walk.passed(seqs[index]);
    }
    readBytes += ranges[2 * count - 1] - ranges[0];
    await turn.did(count);
  }
  return walk.told(found);
}

/** Gives what came for a live tail since it was asked last. */
export function tailTopics(features: Features, peer: Peer, request: TailTopicsRequest) {
  const { began, tailed } = features.tails.ask(peer, request);
  if (tailed === null) return { events: [], began };
  return {
    events: tailed.events,
    began,
    came: BigInt(tailed.came),
    fit: BigInt(tailed.fit),
    unsearched: BigInt(tailed.unsearched),
    dropped: BigInt(tailed.dropped),
    elapsedMs: Math.round(tailed.elapsedMs),
  };
}

/** How far a request has come. */
class Walk {
  /** The seq of the next event to look at. */
  next: number;
  looked = 0;
  readonly #topic: StoreTopic;
  readonly #backward: boolean;

  constructor(topic: StoreTopic, start: number, backward: boolean) {
    this.#topic = topic;
    this.#backward = backward;
    this.next = backward ? Math.min(start, topic.lastSeq) : Math.max(start, topic.firstSeq);
  }

  get isOver(): boolean {
    const { firstSeq, lastSeq, events } = this.#topic;
    return events === 0 || (this.#backward ? this.next < firstSeq : this.next > lastSeq);
  }

  /** Notes that the event of that seq was looked at. */
  passed(seq: number): void {
    this.looked++;
    this.next = this.#backward ? seq - 1 : seq + 1;
  }

  told(found: Uint8Array[]) {
    return {
      events: this.#backward ? found.toReversed() : found,
      next: BigInt(Math.max(0, this.next)),
      more: !this.isOver,
      looked: BigInt(this.looked),
    };
  }
}

/** The seq to begin with. */
async function startOf(
  store: Store,
  topic: StoreTopic,
  { seq, timeUnixMicros, backward }: ReadTopicRequest,
): Promise<number> {
  if (timeUnixMicros > 0n) {
    const first = await store.seqAt(
      topic,
      Math.min(Number(timeUnixMicros / 1000n), Number.MAX_SAFE_INTEGER),
    );
    return backward ? first - 1 : first;
  }
  if (seq > 0n) return Math.min(Number(seq), Number.MAX_SAFE_INTEGER);
  return backward ? topic.lastSeq : topic.firstSeq;
}

/** Says which events are wanted, and may be given; null when that is all of them. Raises INVALID_ARGUMENT. */
function wantedOf(
  peer: Peer,
  { topic, contains, type }: ReadTopicRequest,
): ((body: Uint8Array) => boolean) | null {
  const text = new TextEncoder().encode(contains);
  if (text.length > MAX_CONTAINS_BYTES) {
    throw invalidArgument(`cannot read events with a text of ${text.length} bytes`, {
      accepted: `at most ${MAX_CONTAINS_BYTES} bytes`,
    });
  }
  // Where rules are about types, each event is asked for by its own.
  const asksType = type !== "" || (peer.identity?.permissions.types.length ?? 0) > 0;
  if (text.length === 0 && !asksType) return null;
  return (body) => {
    if (text.length > 0 && indexOfBytes(body, text) < 0) return false;
    if (!asksType) return true;
    const event = fromBinary(EventSchema, body);
    return (type === "" || event.type === type) && mayReceive(peer, topic, event.type);
  };
}
