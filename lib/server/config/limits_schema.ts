/**
 * The table [limits] of the configuration: every limit of lib/base/limits.ts with its default and its
 * bounds. What must hold between them is in config_relations.ts.
 */
import { z } from "zod";
import { DEFAULT_LIMITS, type Limits } from "../../base/limits.ts";
import { duration, KIB, MAX_TOPIC_LIMITS, MIB, whole } from "./fields.ts";
import { rateFields, rateLimitsOf } from "./rate_schema.ts";

const defaults = DEFAULT_LIMITS;

/** The schema of the table. */
export const limitsSchema = z.strictObject({
  max_frame_bytes: whole(
    defaults.maxFrameBytes,
    1 * KIB,
    64 * MIB,
    "The largest message, without its prefix. In bytes.",
  ),
  max_connections: whole(
    defaults.maxConnections,
    1,
    1_000_000,
    "Connections at once, over all listeners. The open-files limit of the process, less " +
      "reserved_files and 32 for connections that are being refused, caps it further.",
  ),
  max_connections_per_ip: whole(
    defaults.maxConnectionsPerIp,
    0,
    1_000_000,
    "Connections at once from one address, or one network of 64 bits of IPv6. 0 means 1,024, but for addresses of " +
      "loopback, which then have no limit of their own.",
  ),
  max_new_connections_per_second: whole(
    defaults.maxNewConnectionsPerSecond,
    1,
    1_000_000,
    "New connections a second, over all listeners. A burst of as many is allowed.",
  ),
  reserved_files: whole(
    defaults.reservedFiles,
    16,
    65_536,
    "Open files kept free for everything that is not a connection.",
  ),
  handshake_timeout_ms: duration(
    defaults.handshakeTimeoutMs,
    "How long an HTTP request may take until it is whole, also one that becomes a WebSocket. An idle " +
      "HTTP connection is closed after as long.",
  ),
  login_timeout_ms: duration(
    defaults.loginTimeoutMs,
    "How long a client may take to say who it is, where it has to. On the text listener it is a minute.",
  ),
  ping_interval_ms: duration(
    defaults.pingIntervalMs,
    "A client that answers pings is pinged after this much silence.",
  ),
  ping_timeout_ms: duration(
    defaults.pingTimeoutMs,
    "A client that answers pings is gone after this much silence.",
  ),
  idle_timeout_ms: duration(
    defaults.idleTimeoutMs,
    "A client that cannot be pinged, sends nothing and is sent nothing, is closed after so long.",
  ),
  keepalive_ms: duration(
    defaults.keepaliveMs,
    "After so much silence of a client that cannot be pinged, its system is asked whether it is there: TCP " +
      "keepalive, in whole seconds.",
  ),
  max_outbox_bytes: whole(
    defaults.maxOutboxBytes,
    2 * KIB,
    1024 * MIB,
    "The most that waits to be sent to one connection. In bytes, at least twice max_frame_bytes.",
  ),
  max_outbox_total_bytes: whole(
    defaults.maxOutboxTotalBytes,
    2 * KIB,
    1024 * 1024 * MIB,
    "What waits to be sent to all connections together. In bytes. The less of it is free, the less may " +
      "wait for one connection; when nothing is, those who publish are not read.",
  ),
  outbox_high_water_bytes: whole(
    defaults.outboxHighWaterBytes,
    1 * KIB,
    1024 * MIB,
    "Past this many bytes waiting for a connection, its own requests are not read. Less than " +
      "max_outbox_bytes.",
  ),
  max_input_total_bytes: whole(
    defaults.maxInputTotalBytes,
    128 * KIB,
    1024 * 1024 * MIB,
    "What has come on all connections and is no whole message, line or request head yet, together. In bytes, at " +
      "least twice max_frame_bytes. When it is used up, connections that hold most without progress are closed.",
  ),
  message_timeout_ms: duration(
    defaults.messageTimeoutMs,
    "A message that was begun and makes no progress for this long ends the connection; 2 KiB more of it are " +
      "progress, of a line of text every byte.",
  ),
  write_timeout_ms: duration(
    defaults.writeTimeoutMs,
    "A write that makes no progress for this long ends the connection.",
  ),
  drain_ms: duration(defaults.drainMs, "How long a stop may take."),
  drain_quiet_ms: duration(
    defaults.drainQuietMs,
    "While stopping, a connection that has sent nothing for this long is finished.",
  ),
  linger_ms: duration(
    defaults.lingerMs,
    "How long a closing connection may still deliver what was written to it.",
  ),
  max_subscriptions: whole(
    defaults.maxSubscriptions,
    1,
    1_000_000,
    "Subscriptions of one connection.",
  ),
  max_feeds: whole(
    defaults.maxFeeds,
    1,
    1_000_000_000,
    "Kept topics that connections are behind on, or read the history of, each connection counted for itself. " +
      "Past that, the connection with the most is ended.",
  ),
  max_topic_bytes: whole(
    defaults.maxTopicBytes,
    1,
    MAX_TOPIC_LIMITS.maxTopicBytes,
    "The longest topic or pattern. In bytes.",
  ),
  max_topic_levels: whole(
    defaults.maxTopicLevels,
    1,
    MAX_TOPIC_LIMITS.maxTopicLevels,
    "The most levels in a topic or pattern.",
  ),
  max_headers: whole(defaults.maxHeaders, 0, 1024, "Headers of an event or a call."),
  max_headers_bytes: whole(
    defaults.maxHeadersBytes,
    0,
    1 * MIB,
    "All headers of an event or a call together, encoded. In bytes.",
  ),
  max_message_id_bytes: whole(
    defaults.maxMessageIdBytes,
    1,
    1 * KIB,
    "The longest message_id of an event. In bytes.",
  ),
  call_timeout_ms: duration(
    defaults.callTimeoutMs,
    "How long a call waits for its answer when the caller does not say.",
  ),
  max_call_timeout_ms: duration(
    defaults.maxCallTimeoutMs,
    "The longest that a caller may wait for an answer.",
  ),
  max_calls_per_connection: whole(
    defaults.maxCallsPerConnection,
    1,
    1_000_000,
    "Calls of one connection that wait for an answer.",
  ),
  max_calls: whole(
    defaults.maxCalls,
    1,
    16_000_000,
    "Calls in the whole server that wait for an answer.",
  ),
  name_grace_ms: duration(
    defaults.nameGraceMs,
    "How long the name of a lost connection is kept for the same person.",
  ),
  max_room_members: whole(
    defaults.maxRoomMembers,
    0,
    1_000_000,
    "Members of one room; 0 for no limit.",
  ),
  max_rooms_per_connection: whole(
    defaults.maxRoomsPerConnection,
    1,
    10_000,
    "Rooms that one connection may be in.",
  ),
  presence_idle_ms: duration(
    defaults.presenceIdleMs,
    "After this much inactivity a member of a room counts as idle.",
  ),
  max_methods_per_connection: whole(
    defaults.maxMethodsPerConnection,
    1,
    1_000_000,
    "Methods that one connection may register.",
  ),
  max_queues: whole(
    defaults.maxQueues,
    1,
    100_000,
    "Queues, without those of dead letters.",
  ),
  guest_names_percent: whole(
    defaults.guestNamesPercent,
    1,
    100,
    "How many of a hundred names of kept topics (rooms included), and of queues, those may make who have no " +
      "identity. The rest is for the names that the configuration has.",
  ),
  max_consumers_per_connection: whole(
    defaults.maxConsumersPerConnection,
    1,
    10_000,
    "Consumers of queues that one connection may have.",
  ),
  max_prefetch: whole(
    defaults.maxPrefetch,
    1,
    1_000_000,
    "Jobs that one consumer may hold at once.",
  ),
  ...rateFields,
}).prefault({}).describe("What one server, and one connection, may use.");

/** The limits as the rest of the server names them. */
export function limitsOf(config: { readonly limits: z.output<typeof limitsSchema> }): Limits {
  const limits = config.limits;
  return {
    maxFrameBytes: limits.max_frame_bytes,
    maxConnections: limits.max_connections,
    maxConnectionsPerIp: limits.max_connections_per_ip,
    maxNewConnectionsPerSecond: limits.max_new_connections_per_second,
    reservedFiles: limits.reserved_files,
    handshakeTimeoutMs: limits.handshake_timeout_ms,
    loginTimeoutMs: limits.login_timeout_ms,
    pingIntervalMs: limits.ping_interval_ms,
    pingTimeoutMs: limits.ping_timeout_ms,
    idleTimeoutMs: limits.idle_timeout_ms,
    keepaliveMs: limits.keepalive_ms,
    maxOutboxBytes: limits.max_outbox_bytes,
    maxOutboxTotalBytes: limits.max_outbox_total_bytes,
    outboxHighWaterBytes: limits.outbox_high_water_bytes,
    maxInputTotalBytes: limits.max_input_total_bytes,
    messageTimeoutMs: limits.message_timeout_ms,
    writeTimeoutMs: limits.write_timeout_ms,
    drainMs: limits.drain_ms,
    drainQuietMs: limits.drain_quiet_ms,
    lingerMs: limits.linger_ms,
    maxSubscriptions: limits.max_subscriptions,
    maxFeeds: limits.max_feeds,
    maxTopicBytes: limits.max_topic_bytes,
    maxTopicLevels: limits.max_topic_levels,
    maxHeaders: limits.max_headers,
    maxHeadersBytes: limits.max_headers_bytes,
    maxMessageIdBytes: limits.max_message_id_bytes,
    callTimeoutMs: limits.call_timeout_ms,
    maxCallTimeoutMs: limits.max_call_timeout_ms,
    maxCallsPerConnection: limits.max_calls_per_connection,
    maxCalls: limits.max_calls,
    nameGraceMs: limits.name_grace_ms,
    maxRoomMembers: limits.max_room_members,
    maxRoomsPerConnection: limits.max_rooms_per_connection,
    presenceIdleMs: limits.presence_idle_ms,
    maxMethodsPerConnection: limits.max_methods_per_connection,
    maxQueues: limits.max_queues,
    guestNamesPercent: limits.guest_names_percent,
    maxConsumersPerConnection: limits.max_consumers_per_connection,
    maxPrefetch: limits.max_prefetch,
    ...rateLimitsOf(limits),
  };
}
