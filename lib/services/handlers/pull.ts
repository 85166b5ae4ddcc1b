/**
 * Takes a Pull: makes a consumer of the session, changes how much it may hold, or ends it.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { PullSchema } from "../../gen/parley/v1/queue_pb.ts";
import { quote } from "../../base/quote.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { checkMay } from "../access/checks.ts";
import { decodeBody } from "../connection/decode_body.ts";
import { PeerConsumer } from "../queues/consumer.ts";
import { closeConsumer, queuesOf } from "../queues/peer_queues.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";

/** The prefetch of a consumer whose Pull names none. */
const USUAL_PREFETCH = 64;

/** Pulls as the message that `scan` found asks for. */
export function handlePull(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { limits } = session.context;
  const queues = features.needQueues("pull");
  const request = decodeBody((body) => fromBinary(PullSchema, body), bytes, scan);
  if (request.consumer === 0n || request.consumer > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalidArgument(`cannot pull as consumer ${request.consumer}`, {
      accepted: `a number from 1 to ${Number.MAX_SAFE_INTEGER}`,
    });
  }
  const number = Number(request.consumer);
  const prefetch = request.prefetch ?? USUAL_PREFETCH;
  if (prefetch > limits.maxPrefetch) {
    throw invalidArgument(`cannot pull with a prefetch of ${prefetch}`, {
      accepted: `at most ${limits.maxPrefetch} (limits.max_prefetch)`,
    });
  }
  const pulls = queuesOf(session).pulls ??= new Map();
  const present = pulls.get(number);
  if (request.close) {
    if (present === undefined) {
      throw new ParleyError(
        ErrorCode.NOT_FOUND,
        `cannot close consumer ${number}: this connection has no such consumer`,
      );
    }
    closeConsumer(session, present);
  } else if (present !== undefined) {
    if (request.queue !== present.queue.name) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot pull from ${quote(request.queue)} as consumer ${number}: that pulls from ` +
          quote(present.queue.name),
        { accepted: "another number, or a Pull that closes this one first" },
      );
    }
    present.queue.setPrefetch(present.consumer, prefetch);
  } else {
    if (pulls.size >= limits.maxConsumersPerConnection) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot pull: this connection has ${pulls.size} consumers`,
        {
          limit: "consumers",
          accepted: `at most ${limits.maxConsumersPerConnection} consumers a connection ` +
            "(limits.max_consumers_per_connection)",
        },
      );
    }
    checkMay(session, "pull", request.queue);
    const queue = queues.get(request.queue, "pull from", session);
    pulls.set(number, {
      queue,
      consumer: queue.addConsumer(new PeerConsumer(session, number), prefetch),
    });
  }
  if (scan.idBytes > 0) session.answer({ case: "ack", value: {} }, bytes, scan);
}
