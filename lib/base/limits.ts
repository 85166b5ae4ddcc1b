/**
 * The limits of the server that can be configured, with their defaults and the relations between them, and
 * the few constants that several parts share. Those of the store are in store_limits.
 *
 * Names end in their unit. The configuration schema takes its defaults from this table. What belongs to one
 * mechanism alone, such as the most entries of one cache, is a constant named MAX_ beside that mechanism.
 */
import { assert } from "./errors.ts";

/** The rates at which connections may send; 0 for none. Bursts of 0 are what may come in a second. */
export interface RateLimits {
  readonly rateMessagesPerSecond: number;
  readonly rateMessagesBurst: number;
  readonly rateBytesPerSecond: number;
  readonly rateBytesBurst: number;
  /** Those of all connections of one address together. */
  readonly rateMessagesPerSecondPerAddress: number;
  readonly rateMessagesBurstPerAddress: number;
  readonly rateBytesPerSecondPerAddress: number;
  readonly rateBytesBurstPerAddress: number;
  /** A connection that is over its rates for so long is closed; 0 for never. */
  readonly rateCloseAfterMs: number;
}

/** The limits that one server enforces. */
export interface Limits extends RateLimits {
  /** The largest message, without its prefix. */
  readonly maxFrameBytes: number;
  /** Connections at once, over all listeners; further capped by the open files. */
  readonly maxConnections: number;
  /** Connections at once from one address; 0 is `USUAL_CONNECTIONS_PER_IP`, but for loopback no limit. */
  readonly maxConnectionsPerIp: number;
  /** New connections a second, over all listeners; a burst of as many is allowed. */
  readonly maxNewConnectionsPerSecond: number;
  /** Open files kept free for everything that is not a connection. */
  readonly reservedFiles: number;
  /** How long a TLS handshake, and an HTTP request, also one that becomes a WebSocket, may take until it is whole. */
  readonly handshakeTimeoutMs: number;
  /** How long a client may take to say who it is, where it has to. */
  readonly loginTimeoutMs: number;
  /** A client that answers pings is pinged after this much silence. */
  readonly pingIntervalMs: number;
  /** A client that answers pings is gone after this much silence. */
  readonly pingTimeoutMs: number;
  /** A client that cannot be pinged, sends nothing and is sent nothing, is closed after so long. */
  readonly idleTimeoutMs: number;
  /** After so much silence of a client that cannot be pinged, its system is asked whether it is there. */
  readonly keepaliveMs: number;
  /** The largest outbox of one connection, waiting and under way. */
  readonly maxOutboxBytes: number;
  /** What the outboxes of all connections may hold together; past it, publishers are not read. */
  readonly maxOutboxTotalBytes: number;
  /** Past this many bytes in its outbox, a connection's own requests are not read. */
  readonly outboxHighWaterBytes: number;
  /** What has come on all connections and is no whole message yet, together; past it, the most idle of them go. */
  readonly maxInputTotalBytes: number;
  /** A message that was begun and makes no progress for this long ends the connection. */
  readonly messageTimeoutMs: number;
  /** A single write that makes no progress for this long ends the connection. */
  readonly writeTimeoutMs: number;
  /** How long a stop may take. */
  readonly drainMs: number;
  /** While stopping, a connection that has sent nothing for this long is finished. */
  readonly drainQuietMs: number;
  /** How long a closing connection may still deliver what was written to it. */
  readonly lingerMs: number;
  /** Subscriptions of one connection. */
  readonly maxSubscriptions: number;
  /** Kept topics whose history connections read, each connection counted for itself; past it, the one with the most goes. */
  readonly maxFeeds: number;
  /** The longest topic or pattern. */
  readonly maxTopicBytes: number;
  /** The most levels in a topic or pattern. */
  readonly maxTopicLevels: number;
  /** The most headers of an event or a call. */
  readonly maxHeaders: number;
  /** All headers of an event or a call together, encoded. */
  readonly maxHeadersBytes: number;
  /** The longest message_id. */
  readonly maxMessageIdBytes: number;
  /** How long a call waits for its answer when the caller does not say. */
  readonly callTimeoutMs: number;
  /** The longest that a caller may wait. */
  readonly maxCallTimeoutMs: number;
  /** Calls under way of one caller. */
  readonly maxCallsPerConnection: number;
  /** Calls under way in the whole server. */
  readonly maxCalls: number;
  /** How long the name of a lost connection is kept for the same person. */
  readonly nameGraceMs: number;
  /** Members of one room; 0 for no limit. */
  readonly maxRoomMembers: number;
  /** Rooms that one connection may be in. */
  readonly maxRoomsPerConnection: number;
  /** After this much inactivity a member of a room counts as idle. */
  readonly presenceIdleMs: number;
  /** Methods that one connection may register. */
  readonly maxMethodsPerConnection: number;
  /** Queues, without those of dead letters. */
  readonly maxQueues: number;
  /** How many of a hundred names of kept topics, and of queues, those may make who have no identity. */
  readonly guestNamesPercent: number;
  /** Consumers of one connection. */
  readonly maxConsumersPerConnection: number;
  /** Jobs that one consumer may hold. */
  readonly maxPrefetch: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

/** The defaults. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxFrameBytes: 1 * MIB,
  maxConnections: 65_536,
  maxConnectionsPerIp: 0,
  maxNewConnectionsPerSecond: 20_000,
  reservedFiles: 64,
  handshakeTimeoutMs: 5 * SECOND,
  loginTimeoutMs: 5 * SECOND,
  pingIntervalMs: 20 * SECOND,
  pingTimeoutMs: 45 * SECOND,
  idleTimeoutMs: 3600 * SECOND,
  keepaliveMs: 30 * SECOND,
  maxOutboxBytes: 8 * MIB,
  maxOutboxTotalBytes: 256 * MIB,
  outboxHighWaterBytes: 256 * KIB,
  maxInputTotalBytes: 128 * MIB,
  messageTimeoutMs: 30 * SECOND,
  writeTimeoutMs: 10 * SECOND,
  drainMs: 10 * SECOND,
  drainQuietMs: 250,
  lingerMs: 2 * SECOND,
  maxSubscriptions: 1000,
  maxFeeds: 1_000_000,
  maxTopicBytes: 256,
  maxTopicLevels: 16,
  maxHeaders: 64,
  maxHeadersBytes: 8 * KIB,
  maxMessageIdBytes: 256,
  callTimeoutMs: 10 * SECOND,
  maxCallTimeoutMs: 3600 * SECOND,
  maxCallsPerConnection: 4096,
  maxCalls: 262_144,
  nameGraceMs: 15 * SECOND,
  maxRoomMembers: 0,
  maxRoomsPerConnection: 100,
  presenceIdleMs: 300 * SECOND,
  maxMethodsPerConnection: 1000,
  maxQueues: 1000,
  guestNamesPercent: 90,
  maxConsumersPerConnection: 100,
  maxPrefetch: 10_000,
  rateMessagesPerSecond: 0,
  rateMessagesBurst: 0,
  rateBytesPerSecond: 0,
  rateBytesBurst: 0,
  rateMessagesPerSecondPerAddress: 0,
  rateMessagesBurstPerAddress: 0,
  rateBytesPerSecondPerAddress: 0,
  rateBytesBurstPerAddress: 0,
  rateCloseAfterMs: 0,
});

/** So many connections one address that is not loopback may have, when the configuration does not say. */
export const USUAL_CONNECTIONS_PER_IP = 1024;

/** At most so many refused connections at a time are told why; the others are closed without a word. */
export const MAX_TOLD_REFUSALS = 16;

/**
 * The files of connections that are no longer, or not yet, counted: those that are told why they were
 * refused, and on each listener the one that was accepted to be closed at once.
 */
export const REFUSAL_FILES: number = 2 * MAX_TOLD_REFUSALS;

/** So many connections over the rate of new ones may wait for their turn, but no more than a quarter of all. */
export const MAX_WAITING_CONNECTIONS = 1024;

/** So many TLS handshakes may be under way; a further one ends the oldest. */
export const MAX_HANDSHAKES = 2048;

/** So many headers of the PROXY protocol may be awaited; a further one ends the connection that waits longest. */
export const MAX_PROXY_HEADERS = 2048;

/** The largest message of a client that has to say who it is, and has not. */
export const MAX_STRANGER_FRAME_BYTES: number = 8 * KIB;

/** How long a person on the text listener may take for that, who has to type it. */
export const TEXT_LOGIN_TIMEOUT_MS: number = 60 * SECOND;

/** So many passwords are hashed at once, and so many wait for it. */
export const MAX_HASHES_AT_ONCE = 2;
export const MAX_WAITING_HASHES = 256;

/** A system that did not answer is asked again after so long; Linux gives a peer up after nine times. */
export const PROBE_INTERVAL_MS = 1500;

/** So many silent peers are probed in a second; when there are more of them, each is probed more rarely. */
export const MAX_PROBES_A_SECOND = 1000;

/** The longest that one turn of a publisher is held up for subscribers that read, but are behind. */
export const MAX_PUBLISHER_PAUSE_MS = 10;

/** The most dead letters that one Redrive names. */
export const MAX_REDRIVEN_IDS = 1000;

/** The first bytes that a connection's read buffer has room for. */
export const READ_BUFFER_FIRST_BYTES: number = 1 * KIB;

/** The parts that a longer frame gathers in. */
export const READ_BUFFER_PART_BYTES: number = 64 * KIB;

/** The most bytes that one read asks for. */
export const READ_BUFFER_BUSY_BYTES: number = 128 * KIB;

/** The most of the log, or of standard output, that waits for a reader; past it the oldest lines are dropped. */
export const MAX_WAITING_OUTPUT_CHARACTERS: number = 1 * MIB;

/** How long a process that ends waits for the readers of its output. */
export const OUTPUT_FLUSH_MS: number = 1 * SECOND;

/**
 * So many bytes more are progress of a message that is not whole: within `messageTimeoutMs` a line of a
 * kilobit a second still makes them.
 */
export const INPUT_PROGRESS_BYTES: number = 2 * KIB;

/** The largest `client_name` or `library` in a Hello. */
export const MAX_HELLO_NAME_BYTES = 64;

/** Raises when the limits contradict each other; `path` names a limit as the user wrote it. */
export function assertLimits(limits: Limits): void {
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value >= 0, `${name} is a whole number, not ${value}`);
  }
  assert(limits.maxFrameBytes <= 64 * MIB, "maxFrameBytes is at most 64 MiB");
  assert(limits.maxOutboxBytes >= 2 * limits.maxFrameBytes, "an outbox holds two frames");
  assert(
    limits.outboxHighWaterBytes < limits.maxOutboxBytes,
    "high water lies below the outbox limit",
  );
  assert(
    limits.maxInputTotalBytes >= 2 * limits.maxFrameBytes,
    "input of two frames has room",
  );
  assert(limits.pingTimeoutMs > limits.pingIntervalMs, "a ping has time to be answered");
  assert(
    limits.callTimeoutMs <= limits.maxCallTimeoutMs,
    "the usual call is no longer than any call",
  );
  assert(limits.drainQuietMs < limits.drainMs, "quiet fits into the drain");
  assert(limits.lingerMs <= limits.drainMs, "lingering fits into the drain");
}
