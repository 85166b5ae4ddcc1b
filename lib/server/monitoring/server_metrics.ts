/**
 * The metrics of connections, traffic, calls, limits and turns.
 */
import { CloseReason, ErrorCode, LIMIT_NAMES } from "../../base/errors.ts";
import { VERSION } from "../../base/version.ts";
import { droppedLogLines } from "../logging.ts";
import type { WorkTurn } from "../../ports/work_turn.ts";
import type { Families, Labels, Reading } from "./families.ts";
import type { Monitored } from "./monitored.ts";

/** So many connections are looked at before others have their turn. */
const LOOKED_AT_ONCE = 1024;

/** The connections of one server by listener and state, counted when somebody asks. */
export class ConnectionCounts {
  readonly #server: Monitored;
  #counts = new Map<string, number>();

  constructor(server: Monitored) {
    this.#server = server;
  }

  /** Looks at all connections. */
  async look(turn: WorkTurn): Promise<void> {
    const counts = new Map<string, number>();
    let looked = 0;
    for (const { link, state } of this.#server.access.peers) {
      const key = `${link.kind} ${state}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (++looked % LOOKED_AT_ONCE === 0) await turn.admit();
    }
    this.#counts = counts;
  }

  /** The number of connections in that state on that kind of listener. */
  of(listener: string, state: string): number {
    return this.#counts.get(`${listener} ${state}`) ?? 0;
  }
}

/** Adds the families of a server. */
export function addServerMetrics(
  families: Families,
  server: Monitored,
  connections: ConnectionCounts,
): void {
  const { context } = server.features;
  const { counters } = context;
  families.gauge("parley_build_info", "The version that runs; the value is always 1.", () => [
    [1, { version: VERSION, runtime: `deno ${Deno.version.deno}`, server: context.serverId }],
  ]);
  addConnections(families, server, connections);
  addTraffic(families, server);
  addCalls(families, server);
  families.counter(
    "parley_errors_total",
    "Requests that were answered with an error, by its code.",
    () => byNumber(counters.refusals.requestsByCode, ErrorCode, "code"),
  );
  families.counter(
    "parley_internal_errors_total",
    "Defects: errors that no client should be able to cause. The log has each.",
    () => counters.internalErrors,
  );
  families.counter(
    "parley_limit_hits_total",
    "Requests and connections that met a limit, by its name.",
    () => LIMIT_NAMES.map((limit) => [counters.refusals.limitsHit[limit], { limit }]),
  );
  families.counter(
    "parley_logins_total",
    "Logins with a password or a token, by what became of them.",
    () => logins(server),
  );
  families.counter(
    "parley_log_lines_dropped_total",
    "Lines of the log that were dropped because nobody read them.",
    droppedLogLines,
  );
  addTurns(families, server);
}

function addConnections(
  families: Families,
  server: Monitored,
  connections: ConnectionCounts,
): void {
  const { admission, features: { context: { counters, input } } } = server;
  families.gauge(
    "parley_connections",
    "Connections by listener and state.",
    () => connectionsOf(server, connections),
  );
  families.gauge(
    "parley_connections_max",
    "The connections at once that are possible here.",
    () => admission.maxConnections,
  );
  families.gauge(
    "parley_connection_places",
    "Connections that take a file of the system, those that are coming and going included.",
    () => admission.open,
  );
  families.counter(
    "parley_connections_opened_total",
    "Connections that were taken.",
    () => counters.connections.total,
  );
  families.counter(
    "parley_connections_refused_total",
    "Connections that were closed before anything was read: over a limit, from an address that is " +
      "not allowed, or from a proxy that sent no header.",
    () => [
      [counters.connections.refused, { reason: "limit" }],
      [counters.connections.denied, { reason: "address" }],
      [counters.connections.proxyHeaderFaults, { reason: "proxy_header" }],
    ],
  );
  families.counter(
    "parley_connections_ended_total",
    "Connections that the server ended, by the reason that clients are told.",
    () => byNumber(counters.ends.byReason, CloseReason, "reason", "unspecified"),
  );
  families.counter(
    "parley_input_evictions_total",
    "Connections that had to go because unfinished input had used up its memory.",
    () => input.gone,
  );
}

/** The connections by listener and state, those that are not there included for each listener that is. */
function connectionsOf({ config }: Monitored, connections: ConnectionCounts): Reading {
  const kinds = ["tcp", "tls", "unix", "raw", "ws", "http", "text"] as const;
  const states = ["open", "draining", "closing"] as const;
  const { listen, tls } = config;
  const isThere = (kind: typeof kinds[number]) =>
    listen[kind === "ws" ? "http" : kind].length > 0 || kind === "tls" && tls.dev;
  return kinds.filter(isThere).flatMap((listener) =>
    states.map((state): [number, Labels] => [
      connections.of(listener, state),
      { listener, state },
    ])
  );
}

function addTraffic(families: Families, { features }: Monitored): void {
  const { bus, context } = features;
  const { counters, budget, input, limits } = context;
  const snapshot = () => features.snapshot();
  families.counter(
    "parley_received_messages_total",
    "Messages that clients sent.",
    () => counters.traffic.messagesIn,
  );
  families.counter(
    "parley_received_bytes_total",
    "Bytes that clients sent.",
    () => counters.traffic.bytesIn,
  );
  families.counter(
    "parley_sent_messages_total",
    "Messages that were handed to the outboxes of clients.",
    () => snapshot().messagesOut,
  );
  families.counter(
    "parley_sent_bytes_total",
    "Bytes that were handed to the outboxes of clients.",
    () => snapshot().bytesOut,
  );
  families.counter(
    "parley_events_published_total",
    "Events published.",
    () => counters.traffic.eventsIn,
  );
  families.counter(
    "parley_events_delivered_total",
    "Deliveries of events, each connection counted.",
    () => snapshot().eventsOut,
  );
  families.counter(
    "parley_events_dropped_total",
    "Deliveries that a subscription's overflow policy dropped.",
    () => [
      [counters.traffic.eventsDroppedOldest, { reason: "drop_oldest" }],
      [counters.traffic.eventsDropped - counters.traffic.eventsDroppedOldest, {
        reason: "drop_newest",
      }],
    ],
  );
  families.counter(
    "parley_jobs_pushed_total",
    "Jobs pushed by clients.",
    () => counters.traffic.jobsIn,
  );
  families.counter(
    "parley_jobs_delivered_total",
    "Deliveries of jobs.",
    () => counters.traffic.jobsOut,
  );
  families.counter(
    "parley_jobs_settled_total",
    "Deliveries of jobs that consumers settled.",
    () => counters.traffic.jobsSettled,
  );
  families.counter(
    "parley_publisher_holds_total",
    "Times that a publisher was not read for a moment: for readers that were behind, for memory, or " +
      "for the store; and connections that were over their rates.",
    () => [
      [counters.holds.forReaders, { reason: "readers" }],
      [counters.holds.forMemory, { reason: "memory" }],
      [counters.holds.forStore, { reason: "store" }],
      [counters.holds.forRate, { reason: "rate" }],
    ],
  );
  families.gauge("parley_subscriptions", "Subscriptions.", () => bus.subscriptions);
  families.gauge("parley_outbox_bytes", "What waits in all outboxes.", () => budget.bytes);
  families.gauge(
    "parley_outbox_max_bytes",
    "What may wait in all outboxes before publishers are held up.",
    () => limits.maxOutboxTotalBytes,
  );
  families.gauge(
    "parley_input_bytes",
    "What has come and is no whole message yet, on all connections.",
    () => input.bytes,
  );
  families.gauge(
    "parley_input_max_bytes",
    "What of that there may be before connections have to go.",
    () => limits.maxInputTotalBytes,
  );
  families.gauge(
    "parley_rooms",
    "Rooms with members or a topic line.",
    () => features.rooms?.rooms.size ?? null,
  );
}

function addCalls(families: Families, { features: { calls } }: Monitored): void {
  families.gauge("parley_calls_under_way", "Calls that wait for an answer.", () => calls.size);
  families.counter(
    "parley_calls_total",
    "Calls that are over: answered, answered with an error, past their deadline, given up by who " +
      "asked, or abandoned by who was to answer.",
    () => Object.entries(calls.ended).map(([outcome, count]) => [count, { outcome }]),
  );
  families.histogram({
    name: "parley_call_duration_seconds",
    help: "The time from a call to its answer.",
  }, () => calls.durationsMs);
}

function addTurns(families: Families, { features: { context: { turns } } }: Monitored): void {
  families.histogram({
    name: "parley_turn_duration_seconds",
    help: "How long work went on before the sockets were looked at.",
  }, () => turns.turnsMs);
  families.histogram({
    name: "parley_turn_wait_seconds",
    help: "How long those who were ready waited for the turns of others.",
  }, () => turns.waitsMs);
  families.gauge(
    "parley_turn_longest_seconds",
    "The longest turn since the start.",
    () => turns.longestTurnMs / 1000,
  );
  families.gauge(
    "parley_turn_wait_longest_seconds",
    "The longest wait for a turn since the start.",
    () => turns.longestWaitMs / 1000,
  );
  families.counter(
    "parley_socket_polls_total",
    "Times that work was interrupted to look at all sockets.",
    () => turns.polls,
  );
}

function logins({ features: { context: { counters } } }: Monitored): Reading {
  const refused = counters.logins.refusedByCode;
  const limited = refused[ErrorCode.RESOURCE_EXHAUSTED];
  const wrong = refused[ErrorCode.UNAUTHENTICATED];
  const all = refused.reduce((sum, count) => sum + count, 0);
  return [
    [counters.logins.accepted, { result: "accepted" }],
    [wrong, { result: "wrong" }],
    [limited, { result: "limited" }],
    [all - wrong - limited, { result: "failed" }],
  ];
}

/** Counts by the numbers of an enum, under its names in lower case; 0 only where it has a name of its own. */
function byNumber(
  counts: readonly number[],
  names: Readonly<Record<number, string>>,
  label: string,
  zero = "",
): Reading {
  return counts.map((count, number): [number, Labels] => [
    count,
    { [label]: number === 0 ? zero : names[number].toLowerCase() },
  ]).filter(([, labels]) => labels[label] !== "");
}
