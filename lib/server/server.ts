/**
 * The composition root: makes a server of a configuration, and takes it apart again.
 *
 * Many servers may be started and stopped in one process; a stopped one leaves nothing behind. The
 * order of a stop: accept no more, tell the clients, answer what is in hand, close; and when the drain
 * time is over, close whatever is left.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { guard, onDefect, reportDefect } from "../base/defects.ts";
import { detached } from "../base/detached.ts";
import { assertLimits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import { nodeHasher } from "../adapters/secrets/node_hasher.ts";
import { openSocketPoll } from "../adapters/socket/poll.ts";
import type { Link, LinkListener, ListenerKind } from "../ports/link.ts";
import { Access } from "../services/access/access.ts";
import { Counters } from "../services/connection/counters.ts";
import { Session } from "../services/connection/session.ts";
import { ServerContext } from "../services/connection/server_context.ts";
import { revise } from "../services/revision.ts";
import { ConnectionService } from "../services/connection_service.ts";
import { Features } from "../services/features.ts";
import {
  beginSweep,
  DRAIN_SWEEP_INTERVAL_MS,
  forgiveSilence,
  STALL_INTERVALS,
  SWEEP_INTERVAL_MS,
  sweepSession,
} from "../services/connection/sweep.ts";
import { Door } from "../adapters/socket/door.ts";
import { Admission } from "./admission.ts";
import { type Config, keepPoliciesOf, limitsOf } from "./config/config.ts";
import { usersOf } from "./config/users_file.ts";
import { queuePoliciesOf } from "./config/queue_schema.ts";
import { openStore } from "./open_store.ts";
import { KeepPolicies } from "../logic/topics/keep_policies.ts";
import { QueuePolicies } from "../logic/queues/policies.ts";
import { Edge } from "./edge.ts";
import { Entrance } from "./entrance.ts";
import { listenAll, type ListenNeeds } from "./listen.ts";
import { droppedLogLines } from "./logging.ts";
import { openFilesLimit } from "./open_files.ts";
import { ConfigReload } from "./reload.ts";
import { Refuser } from "./refuse.ts";
import { openTls, type ServerTls } from "./tls.ts";
import { ServerUsers, type UsersSource } from "./users.ts";

const log = logger("server");
const connectionLog = logger("connection");

/** Where a server listens. */
export interface ListenerInfo {
  readonly kind: ListenerKind;
  /** `127.0.0.1:7311`, `[::1]:7311` or a path, with the ports that were really given. */
  readonly addresses: readonly string[];
  /** Whether its connections are under TLS. */
  readonly isSecure: boolean;
}

/** What a server counts, and what it may hold. */
export type ServerStats = Readonly<Counters> & {
  /** Subscriptions at this moment. */
  readonly subscriptions: number;
  /** Calls that wait for an answer at this moment. */
  readonly callsUnderWay: number;
  /** What waits in all outboxes at this moment. */
  readonly outboxBytes: number;
  /** What of all input is held and waits, as parts of messages, lines or heads, at this moment. */
  readonly inputBytes: number;
  /** The connections at once that are possible here. */
  readonly maxConnections: number;
  /** Lines of this process's log that were dropped because nobody read them. */
  readonly logLinesDropped: number;
};

/** What a server may be given besides its configuration. */
export interface ServerOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Goes on when the data directory has lost acknowledged events, as a new history. Default: false. */
  readonly repair?: boolean;
  /** Reads the configuration again, for `reload`. Default: it is not read again. */
  readonly reread?: () => Promise<Config>;
  /** Where users come from, to be read again when that changes. Default: the configuration and its file of users. */
  readonly users?: UsersSource;
}

/** A running server. */
export class Server implements AsyncDisposable {
  /** A value that changes with each start. */
  readonly serverId: string;
  /** Where it listens. */
  readonly listeners: readonly ListenerInfo[];
  /** Resolves when the server has stopped. */
  readonly stopped: Promise<void>;

  readonly #context: ServerContext;
  readonly #features: Features;
  readonly #service: ConnectionService;
  readonly #linkListeners: readonly LinkListener[];
  readonly #admission: Admission;
  readonly #refuser: Refuser;
  readonly #entrance: Entrance;
  readonly #tls: ServerTls | null;
  readonly #edge: Edge;
  #config: ConfigReload | null = null;
  readonly #users: ServerUsers;
  readonly #sessions = new Set<Session>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  /** Hears no more of defects. */
  readonly #stopHearing: () => void;
  #sweepTimer: ReturnType<typeof setInterval> | undefined;
  #sweepIntervalMs = SWEEP_INTERVAL_MS;
  #sweptMs = 0;
  /** Whether the last sweep forgave all silence, because it came late. */
  #forgave = false;
  #stop: Promise<void> | null = null;
  #resolveStopped!: () => void;

  private constructor(
    features: Features,
    listeners: readonly LinkListener[],
    { admission, entrance, refuser, tls, edge, users }: ListenNeeds & {
      edge: Edge;
      users: ServerUsers;
    },
    stopHearing: () => void,
  ) {
    this.#context = features.context;
    this.#features = features;
    this.#service = new ConnectionService(features);
    this.serverId = features.context.serverId;
    this.#linkListeners = listeners;
    this.#admission = admission;
    this.#refuser = refuser;
    this.#tls = tls;
    this.#edge = edge;
    this.#users = users;
    this.#entrance = entrance;
    this.listeners = groupByKind(listeners);
    this.stopped = new Promise((resolve) => this.#resolveStopped = resolve);
    this.#stopHearing = stopHearing;
    for (const listener of listeners) this.#track(this.#acceptAll(listener));
    this.#sweepEvery(SWEEP_INTERVAL_MS);
  }

  /** Starts a server. Rejects with a ParleyError when an address cannot be listened on. */
  static async start(config: Config, options: ServerOptions = {}): Promise<Server> {
    const limits = limitsOf(config);
    assertLimits(limits);
    const serverId = crypto.randomUUID().slice(0, 8);
    // Closed again when the server does not come about.
    await using opened = new AsyncDisposableStack();
    const poll = await openSocketPoll();
    opened.defer(() => poll.close());
    const context = new ServerContext(limits, options.clock ?? systemClock, serverId, poll);
    const features = new Features(context);
    const stopHearing = onDefect((what, error) => noteDefect(context, what, error));
    opened.defer(stopHearing);
    const admission = new Admission(limits, openFilesLimit(), context.nowMs);
    const store = await openStore(config, context.clock, options.repair ?? false);
    opened.defer(() => store.close());
    const queues = new QueuePolicies(queuePoliciesOf(config));
    features.keep(store, new KeepPolicies(keepPoliciesOf(config)), queues);
    await features.rooms?.load();
    const access = new Access(context, nodeHasher);
    features.ask(access, revise);
    const users = await ServerUsers.open(access, options.users ?? usersOf({ config }));
    opened.defer(() => users.close());
    const tls = await openTls(config, limits, context.clock.wallMs());
    opened.defer(() => tls?.credentials.close());
    const entrance = new Entrance(context, admission);
    const refuser = new Refuser(admission);
    const edge = new Edge(config.listen, context, admission);
    const needs = { context, admission, entrance, refuser, tls, edge, door: new Door(edge) };
    const listeners = await listenAll(config, needs);
    opened.move();
    const server = new Server(features, listeners, { ...needs, users }, stopHearing);
    const { reread: read } = options;
    if (read !== undefined) {
      const take = ({ listen }: Config) => edge.take(listen, server.#sessions);
      server.#config = new ConfigReload({ started: config, read, take });
    }
    log.info("listening", {
      server: serverId,
      listeners: server.listeners.map((one) => `${one.kind} ${one.addresses.join(" ")}`),
      maxConnections: server.#admission.maxConnections,
    });
    return server;
  }

  /** The counters at this moment. */
  stats(): ServerStats {
    return {
      ...this.#features.snapshot(),
      subscriptions: this.#features.bus.subscriptions,
      callsUnderWay: this.#features.calls.size,
      outboxBytes: this.#context.budget.bytes,
      inputBytes: this.#context.input.bytes,
      maxConnections: this.#admission.maxConnections,
      logLinesDropped: droppedLogLines(),
    };
  }

  /**
   * Stops: accepts no more, tells the clients SHUTDOWN, answers what is in hand, and closes, within the
   * drain time. Every call gives the same promise.
   */
  stop(): Promise<void> {
    return this.#stop ??= this.#drain();
  }

  /** The file of the authority of a certificate for development; null when there is none. */
  get devCa(): string | null {
    return this.#tls?.devCa ?? null;
  }

  /**
   * Reads again what can be read again: certificates, users and the configuration. A file that is broken changes nothing,
   * and nobody is dropped but who may not be here any more; the log says what became of it. Never rejects.
   */
  async reload(): Promise<void> {
    if (this.#tls === null && !this.#users.canReload && this.#config === null) {
      log.info("there is nothing to reload, the server goes on");
    }
    await this.#tls?.credentials.reload();
    await this.#users.reload();
    await this.#config?.run();
  }

  /** Closes everything at once, without a word to anybody. */
  abort(): void {
    this.#closeListeners();
    this.#refuser.close();
    this.#abortSessions();
    detached(this.stop(), "stop the server");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #drain(): Promise<void> {
    const { limits } = this.#context;
    log.info("stopping: {connections} connections are told", { connections: this.#sessions.size });
    this.#closeListeners();
    this.#context.tick();
    this.#sweepEvery(DRAIN_SWEEP_INTERVAL_MS);
    this.#features.queues?.stop();
    for (const session of this.#sessions) {
      guard("tell a connection that the server stops", () => session.drain());
    }
    const deadline = setTimeout(() => {
      log.warning("the drain time of {ms} ms is over: closing {connections} connections", {
        ms: limits.drainMs,
        connections: this.#sessions.size,
      });
      this.#refuser.close();
      this.#abortSessions();
    }, limits.drainMs);
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    clearTimeout(deadline);
    clearInterval(this.#sweepTimer);
    await this.#users.whenClosed();
    this.#features.calls.close();
    this.#features.queues?.close();
    try {
      await this.#features.kept?.store.close();
    } finally {
      this.#context.turns.close();
      log.info("stopped");
      this.#stopHearing();
      this.#resolveStopped();
    }
  }

  #abortSessions(): void {
    for (const session of this.#sessions) guard("end a connection", () => session.abort());
  }

  #closeListeners(): void {
    this.#stopping.abort();
    this.#entrance.close();
    this.#tls?.credentials.close();
    this.#users.close();
    for (const listener of this.#linkListeners) listener.close();
  }

  async #acceptAll(listener: LinkListener): Promise<void> {
    for await (const link of listener) {
      this.#context.tick();
      // A defect that one connection meets does not keep the next one out.
      guard("take a connection", () => {
        // A WebSocket was admitted when it was still an HTTP connection, and TLS before its handshake.
        if (link.kind === "ws" || link.kind === "tls") this.#serve(link, listener, () => {});
        else this.#admit(link, listener);
      });
    }
  }

  /** Gives the connection a session, or refuses it. */
  #admit(link: Link, listener: LinkListener): void {
    const { counters } = this.#context;
    const { address } = link;
    const refusal = this.#admission.admit(address);
    if (refusal !== null) {
      counters.connectionsRefused++;
      this.#track(this.#refuser.refuse(link, listener.dialect, refusal));
      return;
    }
    const release = () => this.#admission.release(address);
    this.#entrance.ask(address, (mayEnter) => {
      if (mayEnter) return this.#serve(link, listener, release);
      counters.connectionsRefused++;
      link.close();
      this.#track(link.whenReleased().then(release));
    });
  }

  /** Gives an admitted connection a session; `release` gives its place back. */
  #serve(link: Link, listener: LinkListener, release: () => void): void {
    const { counters } = this.#context;
    counters.connectionsTotal++;
    counters.connectionsOpen++;
    const session = new Session(this.#context, link, listener.dialect, this.#service);
    this.#sessions.add(session);
    if (this.#stopping.signal.aborted) session.drain();
    // The lists may have changed since it came.
    this.#edge.look(session);
    this.#track(this.#run(session, release));
  }

  /** Runs a session to its end, and then lets go of it, whatever went wrong. */
  async #run(session: Session, release: () => void): Promise<void> {
    const { number: connection, link: { kind, peer } } = session;
    connectionLog.debug("connected", { connection, kind, peer });
    try {
      await session.run();
    } finally {
      connectionLog.debug("ended: {reason}", { connection, peer, reason: session.endReason });
      this.#context.counters.connectionsOpen--;
      this.#sessions.delete(session);
      await session.link.whenReleased();
      release();
    }
  }

  /** Keeps a task until it ends. Its failure is a defect. */
  #track(task: Promise<void>): void {
    const tracked = task.catch((reason) => reportDefect("serve a connection", reason))
      .then(() => void this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  #sweep(): void {
    const context = this.#context;
    const { access, rooms, kept } = this.#features;
    context.tick();
    // Never twice in a row, or a server that always lags would keep those who are gone for ever.
    const stalled = !this.#forgave &&
      context.nowMs - this.#sweptMs > this.#sweepIntervalMs * STALL_INTERVALS;
    this.#forgave = stalled;
    this.#sweptMs = context.nowMs;
    const sweep = stalled ? forgiveSilence : sweepSession;
    beginSweep(context);
    for (const session of this.#sessions) {
      guard("look after a connection", () => sweep(session, context.nowMs));
    }
    guard("look after who is who", () => access?.sweep());
    guard("look after the rooms", () => rooms?.sweep(context.nowMs));
    guard("forget empty topics", () => kept?.forgetting.sweep());
    guard("give memory back", () => context.trimMemory());
  }

  #sweepEvery(intervalMs: number): void {
    clearInterval(this.#sweepTimer);
    this.#sweepIntervalMs = intervalMs;
    this.#sweptMs = this.#context.nowMs;
    this.#sweepTimer = setInterval(() => this.#sweep(), intervalMs);
  }
}

/** Logs and counts a defect of this process; of several servers in it, each does. */
function noteDefect(context: ServerContext, what: string, error: Error): void {
  context.counters.internalErrors++;
  log.error("cannot {what}: {error}", { what, error });
}

function groupByKind(listeners: readonly LinkListener[]): ListenerInfo[] {
  const byKind = new Map<ListenerKind, ListenerInfo>();
  for (const { kind, address, isSecure = false } of listeners) {
    const addresses = [...byKind.get(kind)?.addresses ?? [], address];
    byKind.set(kind, { kind, addresses, isSecure });
  }
  return [...byKind.values()];
}
