/**
 * Plain counters of a server: raised on the hot path, read by whoever scrapes.
 *
 * They are sums since the start unless they say otherwise. Nothing here is per connection or per topic,
 * so their number never grows.
 */
import {
  CloseReason,
  ErrorCode,
  LIMIT_NAMES,
  type LimitName,
  type ParleyError,
} from "../../base/errors.ts";
import type { NoticedPeer, Notices } from "../../ports/notices.ts";

/** The counters of a server. */
export class Counters {
  /** Connections at this moment. */
  connectionsOpen = 0;
  /** Connections that were taken. */
  connectionsTotal = 0;
  /** Connections that were refused for a limit. */
  connectionsRefused = 0;
  /** Connections that were closed because their addresses are not allowed. */
  connectionsDenied = 0;
  /** Connections of proxies that were closed because they began with no header of the PROXY protocol. */
  proxyHeaderFaults = 0;
  /** Bytes read from clients. */
  bytesIn = 0;
  /** Bytes handed to clients' outboxes. */
  bytesOut = 0;
  /** Messages read from clients. */
  messagesIn = 0;
  /** Messages handed to clients' outboxes. */
  messagesOut = 0;
  /** Events published. */
  eventsIn = 0;
  /** Deliveries of events: one for each connection that an event was meant for. */
  eventsOut = 0;
  /** Deliveries that were dropped by a subscription's overflow policy. */
  eventsDropped = 0;
  /** Those among them that had waited longest, and had to make room. */
  eventsDroppedOldest = 0;
  /** Jobs pushed. */
  jobsIn = 0;
  /** Deliveries of jobs. */
  jobsOut = 0;
  /** Deliveries of jobs that consumers settled. */
  jobsSettled = 0;
  /** Requests answered with an Error. */
  requestsRefused = 0;
  /** The same by the ErrorCode of the Error. */
  readonly requestsRefusedByCode: number[] = zeros(ErrorCode);
  /** Connections that the server ended, by the CloseReason. */
  readonly endsByReason: number[] = zeros(CloseReason);
  /** How often each limit was reached. */
  readonly limitsHit: Record<LimitName, number> = Object.fromEntries(
    LIMIT_NAMES.map((name) => [name, 0]),
  ) as Record<LimitName, number>;
  /** Logins with a password or a token that were right, and by the ErrorCode those that were refused. */
  loginsAccepted = 0;
  readonly loginsRefusedByCode: number[] = zeros(ErrorCode);
  /** How often a publisher was held up: for readers that were behind, for memory, and for the store. */
  holdsForReaders = 0;
  holdsForMemory = 0;
  holdsForStore = 0;
  /** Connections that ended for bytes that are no Parley messages. */
  protocolErrors = 0;
  /** Connections that ended because nothing was heard from them. */
  idleCloses = 0;
  /** Connections that ended because they did not read. */
  slowCloses = 0;
  /** Connections that ended because a message that they began did not come further. */
  slowSenderCloses = 0;
  /** How often a connection was not read for a moment because it sent more than its rates allow. */
  rateHolds = 0;
  /** Connections that ended because they sent more than their rates allow. */
  rateCloses = 0;
  /** Defects: exceptions that no peer should be able to cause. */
  internalErrors = 0;
  /** The number of times that work was interrupted to poll all sockets. */
  ioPolls = 0;
  /** The longest that work went on before the sockets were looked at, in milliseconds: no sum. */
  longestTurnMs = 0;
  /** The longest that somebody who had work waited for the turns of others, in milliseconds: no sum. */
  longestTurnWaitMs = 0;
}

/** Where it is counted, and who is told of limits. */
interface Told {
  readonly counters: Counters;
  readonly notices: Notices | null;
}

/** Counts a request that is answered with `error`. */
export function countRefusal(where: Told, error: ParleyError, peer: NoticedPeer): void {
  where.counters.requestsRefused++;
  where.counters.requestsRefusedByCode[error.code]++;
  countLimit(where, error, peer);
}

/** Counts a connection from `address` that was refused with `error`. */
export function countRefused(where: Told, error: ParleyError, address: string): void {
  where.counters.connectionsRefused++;
  countLimit(where, error, address);
}

/** Counts a connection that the server ends with `error`. */
export function countEnd(where: Told, error: ParleyError, peer: NoticedPeer): void {
  where.counters.endsByReason[error.closeReason]++;
  if (error.closeReason === CloseReason.SLOW_CONSUMER) where.notices?.endedAsSlow(peer);
  countLimit(where, error, peer);
}

/** Counts the limit that was met, if it was one. */
function countLimit({ counters, notices }: Told, error: ParleyError, by: NoticedPeer | string) {
  if (error.limit === null) return;
  counters.limitsHit[error.limit]++;
  notices?.limitHit(error.limit, error, by);
}

/** A place for each number of an enum, and for those below. */
function zeros(numbers: Readonly<Record<string, string | number>>): number[] {
  const values = Object.values(numbers).filter((value) => typeof value === "number");
  return new Array<number>(Math.max(...values) + 1).fill(0);
}
