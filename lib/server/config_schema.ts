/**
 * The configuration's one schema: it gives the types, the checks, the defaults, the JSON Schema and
 * docs/configuration.md.
 *
 * Invariants: only what exists may be set, so unknown keys are refused; every limit of
 * lib/base/limits.ts is here with its default and its bounds; whatever passes satisfies `assertLimits`.
 * Where values come from is not known here (config.ts), nor how errors read (config_errors.ts).
 */
import { z } from "zod";
import { DEFAULT_LIMITS, type Limits } from "../base/limits.ts";
import { LOG_CATEGORIES, type LogCategory } from "../base/log.ts";
import { ADDRESS_FORM, MAX_UNIX_PATH_BYTES, parseListenAddress } from "./config_address.ts";
import { checkHost, checkOrigin } from "../adapters/http_guard.ts";
import type { KeepPolicy } from "../logic/keep_policies.ts";
import { checkRoomName } from "../logic/room.ts";
import { patternFault } from "../logic/topic_pattern.ts";
import { checkRelations } from "./config_relations.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
// A timer of the runtime that is set for longer fires at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The levels of a log, from all to little. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** The ways to write a log. */
export const LOG_FORMATS = ["auto", "json", "pretty"] as const;

function whole(initial: number, least: number, most: number, description: string) {
  return z.int().min(least).max(most).default(initial).describe(description);
}

function duration(initial: number, description: string, least = 1) {
  return whole(initial, least, MAX_TIMER_MS, `${description} In milliseconds.`);
}

/** A string or a list of strings, in the end a list; empty strings fall away. */
function listOf(check: (item: string) => void) {
  return z.union([z.string(), z.array(z.string())]).transform((value, context) => {
    const items = (typeof value === "string" ? [value] : value).map((item) => item.trim())
      .filter((item) => item !== "");
    for (const item of items) {
      try {
        check(item);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    }
    return items;
  });
}

function checkUnixPath(path: string): void {
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > MAX_UNIX_PATH_BYTES) {
    throw new Error(
      `${
        JSON.stringify(path)
      } has ${bytes} bytes, but the path of a socket has at most ${MAX_UNIX_PATH_BYTES}`,
    );
  }
}

const addresses = () => listOf(parseListenAddress);

const listenSchema = z.strictObject({
  tcp: addresses().prefault("localhost:7311").describe(
    "Where clients connect: messages with a varint length before each.",
  ),
  raw: addresses().prefault("localhost:7312").describe(
    "Where clients without framing connect: bare messages, or four bytes of length before each.",
  ),
  http: addresses().prefault("localhost:7380").describe(
    "Where browsers connect: WebSockets at /ws, and GET /healthz.",
  ),
  text: addresses().prefault("localhost:7313").describe(
    "Where people chat with nothing installed: lines of text, for nc and telnet.",
  ),
  unix: listOf(checkUnixPath).prefault("").describe(
    "Paths of unix sockets, with the framing of tcp. Who may connect is a matter of the directory.",
  ),
  hosts: listOf(checkHost).prefault("").describe(
    "Further names that requests to http may have in their Host header. Those of this machine always " +
      "may; on an address that others can reach every name may, unless there are some here.",
  ),
  origins: listOf(checkOrigin).prefault("").describe(
    'Origins whose pages may connect to http, like "https://app.example.com". Pages that this very ' +
      'address gives always may. "*" is every origin, and only with insecure.',
  ),
}).prefault({}).describe(
  "Where the server listens. Each is one value or a list of them; an empty string or list turns the " +
    `listener off. Addresses are ${ADDRESS_FORM}; localhost means 127.0.0.1 and ::1 both, and port ` +
    "0 any free port.",
);

const defaults = DEFAULT_LIMITS;

const limitsSchema = z.strictObject({
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
      "reserved_files, caps it further.",
  ),
  max_connections_per_ip: whole(
    defaults.maxConnectionsPerIp,
    1,
    1_000_000,
    "Connections at once from one address.",
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
    "A client that cannot be pinged is closed after this much silence.",
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
  max_topic_bytes: whole(
    defaults.maxTopicBytes,
    1,
    1 * KIB,
    "The longest topic or pattern. In bytes.",
  ),
  max_topic_levels: whole(
    defaults.maxTopicLevels,
    1,
    128,
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
}).prefault({}).describe("What one server, and one connection, may use.");

const level = () => z.enum(LOG_LEVELS);

const levelsShape = Object.fromEntries(
  LOG_CATEGORIES.map((name) => [
    name,
    level().optional().describe(`The least level of the category ${name}, if not log.level.`),
  ]),
) as Record<LogCategory, z.ZodOptional<ReturnType<typeof level>>>;

const logSchema = z.strictObject({
  level: level().default("info").describe("The least level that is logged."),
  format: z.enum(LOG_FORMATS).default("auto").describe(
    "How log lines look: JSON, or for people. auto means pretty on a terminal, otherwise json.",
  ),
  levels: z.strictObject(levelsShape).prefault({}).describe("Other levels for single categories."),
}).prefault({}).describe("The log, which goes to standard error.");

const chatSchema = z.strictObject({
  first_room: z.string().default("lobby").superRefine((name, context) => {
    try {
      checkRoomName(name);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  }).describe("The room that people on the text listener come into first."),
}).prefault({}).describe("Rooms in which people talk.");

const keepSchema = z.array(z.strictObject({
  pattern: z.string().describe('The topics that are kept, like "orders.>".'),
  max_events: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "The most events of each topic; 0 for no limit.",
  ),
  max_age_ms: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "The greatest age of an event; 0 for no limit. In milliseconds.",
  ),
  max_bytes: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "The most bytes of all events of each topic; 0 for no limit.",
  ),
})).superRefine((policies, context) => {
  for (const [index, { pattern }] of policies.entries()) {
    const fault = patternFault(pattern);
    if (fault === null) continue;
    context.addIssue({ code: "custom", message: fault, path: [index, "pattern"] });
  }
}).default([]).describe(
  "Topics whose events are kept: durable, numbered and replayable. Of several policies that match a " +
    "topic the first decides.",
);

/** The schema of parley.toml. */
export const configSchema = z.strictObject({
  insecure: z.boolean().default(false).describe(
    "Allows addresses that other machines can reach, although anybody may then use the server.",
  ),
  data: z.string().default("./parley-data").describe(
    "The directory in which kept topics and rooms are stored. Empty keeps them in memory only.",
  ),
  keep: keepSchema,
  chat: chatSchema,
  listen: listenSchema,
  limits: limitsSchema,
  log: logSchema,
}).superRefine(checkRelations);

/** A complete and consistent configuration; its keys are those of parley.toml. */
export type Config = z.output<typeof configSchema>;

/** What may be written into parley.toml: everything is optional. */
export type ConfigInput = z.input<typeof configSchema>;

/** The part of the configuration that is about logging. */
export type LogConfig = Config["log"];

/** The policies of kept topics as the rest of the server names them; 0 sets no bound. */
export function keepPoliciesOf(config: Config): KeepPolicy[] {
  return config.keep.map(({ pattern, max_events, max_age_ms, max_bytes }) => ({
    pattern,
    maxEvents: max_events || undefined,
    maxAgeMs: max_age_ms || undefined,
    maxBytes: max_bytes || undefined,
  }));
}

/** The limits as the rest of the server names them. */
export function limitsOf(config: Config): Limits {
  const limits = config.limits;
  return {
    maxFrameBytes: limits.max_frame_bytes,
    maxConnections: limits.max_connections,
    maxConnectionsPerIp: limits.max_connections_per_ip,
    maxNewConnectionsPerSecond: limits.max_new_connections_per_second,
    reservedFiles: limits.reserved_files,
    handshakeTimeoutMs: limits.handshake_timeout_ms,
    pingIntervalMs: limits.ping_interval_ms,
    pingTimeoutMs: limits.ping_timeout_ms,
    idleTimeoutMs: limits.idle_timeout_ms,
    maxOutboxBytes: limits.max_outbox_bytes,
    maxOutboxTotalBytes: limits.max_outbox_total_bytes,
    outboxHighWaterBytes: limits.outbox_high_water_bytes,
    writeTimeoutMs: limits.write_timeout_ms,
    drainMs: limits.drain_ms,
    drainQuietMs: limits.drain_quiet_ms,
    lingerMs: limits.linger_ms,
    maxSubscriptions: limits.max_subscriptions,
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
  };
}
