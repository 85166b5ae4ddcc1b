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

/** Connections that came. */
class ConnectionCounters {
  /** Connections at this moment. */
  open = 0;
  /** Connections that were taken. */
  total = 0;
  /** Connections that were refused for a limit. */
  refused = 0;
  /** Connections that were closed because their addresses are not allowed. */
  denied = 0;
  /** Connections of proxies that were closed because they began with no header of the PROXY protocol. */
  proxyHeaderFaults = 0;
}

/** What went in and out. */
class TrafficCounters {
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
}

/** What was refused. */
class RefusalCounters {
  /** Requests answered with an Error. */
  requests = 0;
  /** The same by the ErrorCode of the Error. */
  readonly requestsByCode: number[] = zeros(ErrorCode);
  /** How often each limit was reached. */
  readonly limitsHit: Record<LimitName, number> = Object.fromEntries(
    LIMIT_NAMES.map((name) => [name, 0]),
  ) as Record<LimitName, number>;
}

/** Logins with a password or a token. */
class LoginCounters {
  /** Those that were right. */
  accepted = 0;
  /** Those that were refused, by the ErrorCode. */
  readonly refusedByCode: number[] = zeros(ErrorCode);
}

/** Connections that the server ended. */
class EndCounters {
  /** All of them, by the CloseReason. */
  readonly byReason: number[] = zeros(CloseReason);
  /** Connections that ended for bytes that are no Parley messages. */
  protocolErrors = 0;
  /** Connections that ended because nothing was heard from them. */
  idle = 0;
  /** Connections that ended because they did not read. */
  slow = 0;
  /** Connections that ended because a message that they began did not come further. */
  slowSender = 0;
  /** Connections that ended because they sent more than their rates allow. */
  rate = 0;
}

/** How often a connection was not read for a moment. */
class HoldCounters {
  /** For it sent more than its rates allow. */
  forRate = 0;
  /** For readers of what it publishes that were behind. */
  forReaders = 0;
  /** For memory. */
  forMemory = 0;
  /** For the store. */
  forStore = 0;
}

/** The counters of a server, by what they are about. */
export class Counters {
  readonly connections = new ConnectionCounters();
  readonly traffic = new TrafficCounters();
  readonly refusals = new RefusalCounters();
  readonly logins = new LoginCounters();
  readonly ends = new EndCounters();
  readonly holds = new HoldCounters();
  /** Defects: exceptions that no peer should be able to cause. */
  internalErrors = 0;
}

/** The values of counters by the names of those who show them. */
export type CounterValues = Readonly<ReturnType<typeof valuesOf>>;

/** The values of counters, as those name them who show them. */
export function valuesOf(
  { connections, traffic, refusals, logins, ends, holds, ...more }: Counters,
) {
  return {
    connectionsOpen: connections.open,
    connectionsTotal: connections.total,
    connectionsRefused: connections.refused,
    connectionsDenied: connections.denied,
    proxyHeaderFaults: connections.proxyHeaderFaults,
    ...traffic,
    requestsRefused: refusals.requests,
    requestsRefusedByCode: refusals.requestsByCode,
    limitsHit: refusals.limitsHit,
    loginsAccepted: logins.accepted,
    loginsRefusedByCode: logins.refusedByCode,
    endsByReason: ends.byReason,
    protocolErrors: ends.protocolErrors,
    idleCloses: ends.idle,
    slowCloses: ends.slow,
    slowSenderCloses: ends.slowSender,
    rateCloses: ends.rate,
    rateHolds: holds.forRate,
    holdsForReaders: holds.forReaders,
    holdsForMemory: holds.forMemory,
    holdsForStore: holds.forStore,
    ...more,
  };
}

/** Where it is counted, and who is told of limits. */
interface Told {
  readonly counters: Counters;
  readonly notices: Notices | null;
}

/** Counts a request that is answered with `error`. */
export function countRefusal(where: Told, error: ParleyError, peer: NoticedPeer): void {
  where.counters.refusals.requests++;
  where.counters.refusals.requestsByCode[error.code]++;
  countLimit(where, error, peer);
}

/** Counts a connection from `address` that was refused with `error`. */
export function countRefused(where: Told, error: ParleyError, address: string): void {
  where.counters.connections.refused++;
  countLimit(where, error, address);
}

/** Counts a connection that the server ends with `error`. */
export function countEnd(where: Told, error: ParleyError, peer: NoticedPeer): void {
  where.counters.ends.byReason[error.closeReason]++;
  if (error.closeReason === CloseReason.SLOW_CONSUMER) where.notices?.endedAsSlow(peer);
  countLimit(where, error, peer);
}

/** Counts the limit that was met, if it was one. */
function countLimit({ counters, notices }: Told, error: ParleyError, by: NoticedPeer | string) {
  if (error.limit === null) return;
  counters.refusals.limitsHit[error.limit]++;
  notices?.limitHit(error.limit, error, by);
}

/** A place for each number of an enum, and for those below. */
function zeros(numbers: Readonly<Record<string, string | number>>): number[] {
  const values = Object.values(numbers).filter((value) => typeof value === "number");
  return new Array<number>(Math.max(...values) + 1).fill(0);
}
