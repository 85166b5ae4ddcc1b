/**
 * The composition root: makes a server of a configuration, and takes it apart again.
 *
 * Many servers may be started and stopped in one process; a stopped one leaves nothing behind. The
 * order of a stop: accept no more, tell the clients, answer what is in hand, close; and when the drain
 * time is over, close whatever is left.
 */
import { detached } from "../base/detached.ts";
import { logger } from "../base/log.ts";
import type { LinkListener, ListenerKind } from "../ports/link.ts";
import type { ReloadOutcome } from "../services/administration.ts";
import type { ClusterFacts } from "../ports/cluster_facts.ts";
import { ConnectionService } from "../services/connection_service.ts";
import { Backups } from "./backups.ts";
import type { Config } from "./config/config.ts";
import type { ConsoleConfig } from "./console/schema.ts";
import { checkHints } from "./config/access/network_lists.ts";
import { Connections } from "./listeners/connections.ts";
import { LogLevels } from "./log_levels.ts";
import { openParts, type ServerOptions, type ServerParts } from "./parts.ts";
import { Reload } from "./reload/reload.ts";
import { queuesThatWait, reloadParts } from "./reload/parts.ts";
import { type ServerStats, statsOf } from "./stats.ts";
import { Sweeper } from "./sweeper.ts";
import { UsersFile } from "./users_administration.ts";

export type { ServerOptions } from "./parts.ts";
export type { ServerStats } from "./stats.ts";

const log = logger("server");

/** Where a server listens. */
export interface ListenerInfo {
  readonly kind: ListenerKind;
  /** What it is called: its kind, unless there are several of one kind. */
  readonly name: string;
  /** `127.0.0.1:7311`, `[::1]:7311` or a path, with the ports that were really given. */
  readonly addresses: readonly string[];
  /** Whether its connections are under TLS. */
  readonly isSecure: boolean;
}

/** A running server. */
export class Server implements AsyncDisposable {
  /** A value that changes with each start. */
  readonly serverId: string;
  /** Where it listens. */
  readonly listeners: readonly ListenerInfo[];
  /** Resolves when the server has stopped. */
  readonly stopped: Promise<void>;

  readonly #parts: ServerParts;
  readonly #connections: Connections;
  readonly #sweeper: Sweeper;
  readonly #reload: Reload;
  readonly #backups: Backups;
  /** Where clients are pointed to when the server stops. */
  #hint: readonly string[];
  /** What the console shows of the environment. */
  #console: ConsoleConfig;
  readonly #stopping: () => void;
  #stop: Promise<void> | null = null;
  #resolveStopped!: () => void;

  private constructor(parts: ServerParts, config: Config, options: ServerOptions) {
    const { features, context } = parts;
    const startedMs = context.clock.wallMs();
    this.#parts = parts;
    this.#console = config.console;
    this.serverId = parts.context.serverId;
    this.#hint = config.drain.hint;
    this.#stopping = options.stopping ?? (() => {});
    this.listeners = groupByName(parts.listeners);
    this.stopped = new Promise((resolve) => this.#resolveStopped = resolve);
    this.#connections = new Connections(parts, new ConnectionService(features));
    const { sessions } = this.#connections;
    for (const listener of parts.listeners) this.#connections.accept(listener);
    this.#sweeper = new Sweeper(features, sessions);
    const log = new LogLevels(config.log, options.log);
    this.#reload = new Reload({
      started: config,
      read: options.reread ?? (() => Promise.resolve(config)),
      parts: reloadParts(parts, {
        started: config,
        sessions,
        log,
        hint: (hint) => this.#hint = hint,
        console: (console) => this.#console = console,
      }),
      waiting: (read) => queuesThatWait(parts, read),
    });
    parts.policies.apply = () => {
      const { keep, queues } = parts.policies.inForce();
      features.follow(keep, queues, sessions);
    };
    this.#backups = new Backups(config.data, features.needKept().store, () => context.nowMs);
    features.administration = {
      reload: () => this.reload(),
      drain: (goTo) => this.#stopSoon(goTo),
      sessions,
      stats: () => this.stats(),
      policies: parts.policies,
      about: () => ({
        environment: this.#console.environment,
        environmentColor: this.#console.color,
        startedMs,
      }),
      problems: () => parts.monitoring.problems(),
      history: (request) => parts.monitoring.history.told(request),
      users: new UsersFile(parts.users),
      log,
      backups: this.#backups,
    };
  }

  /** Starts a server. Rejects with a ParleyError when an address cannot be listened on. */
  static async start(config: Config, options: ServerOptions = {}): Promise<Server> {
    const server = new Server(await openParts(config, options), config, options);
    log.info("listening", {
      server: server.serverId,
      listeners: server.listeners.map((one) => `${one.name} ${one.addresses.join(" ")}`),
      maxConnections: server.#parts.admission.maxConnections,
    });
    return server;
  }

  /** The cluster; null for a server alone. */
  get cluster(): ClusterFacts | null {
    return this.#parts.features.cluster;
  }

  /** The counters at this moment. */
  stats(): ServerStats {
    return statsOf(this.#parts.features, this.#parts.admission);
  }

  /**
   * Stops: accepts no more, tells the clients SHUTDOWN, answers what is in hand, and closes, within the
   * drain time. `goTo` are the URLs of servers that clients are pointed to, instead of `drain.hint`. Every call gives the
   * same promise.
   */
  stop(goTo?: readonly string[]): Promise<void> {
    return this.#stop ??= this.#drain(goTo ?? this.#hint);
  }

  /** The file of the authority of a certificate for development; null when there is none. */
  get devCa(): string | null {
    return this.#parts.tls?.devCa ?? null;
  }

  /**
   * Reads the configuration again, with all files that it names, and takes over what can be taken over while the server
   * runs; nobody is dropped but who may not be here any more. The log says what became of it. Rejects with a ParleyError
   * when anything is wrong, and then nothing has changed.
   */
  async reload(): Promise<ReloadOutcome> {
    const outcome = await this.#reload.run();
    const { applied, waiting } = outcome;
    this.#parts.features.system.reloaded(applied, waiting.map(({ key }) => key));
    return outcome;
  }

  /** Stops once the present turn is over, so that whoever asked for it gets an answer. Gives how many are connected. */
  #stopSoon(goTo: readonly string[]): number {
    checkHints(goTo);
    const { size } = this.#connections.sessions;
    setTimeout(() => detached(this.stop(goTo.length > 0 ? goTo : undefined), "stop the server"), 0);
    return size;
  }

  /** Closes everything at once, without a word to anybody. */
  abort(): void {
    this.#closeListeners();
    this.#connections.abort();
    this.#parts.features.webhooks?.abort();
    detached(this.stop(), "stop the server");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #drain(goTo: readonly string[]): Promise<void> {
    const { context, features, monitoring, users } = this.#parts;
    const { drainMs } = context.limits;
    const { sessions } = this.#connections;
    log.info("stopping: {connections} connections are told", { connections: sessions.size });
    monitoring.stopping = true;
    this.#stopping();
    this.#closeListeners();
    context.tick();
    this.#sweeper.hurry();
    features.queues?.stop();
    // What is posted is answered, or goes back to its queue.
    const delivered = features.webhooks?.stop(drainMs / 2);
    // Those who are told last have as much time again.
    this.#connections.drain(goTo, drainMs / 2);
    const deadline = setTimeout(() => {
      log.warning("the drain time of {ms} ms is over: closing {connections} connections", {
        ms: drainMs,
        connections: sessions.size,
      });
      this.#connections.abort();
    }, drainMs);
    await this.#connections.whenGone();
    await delivered;
    clearTimeout(deadline);
    this.#sweeper.close();
    monitoring.close();
    await users.whenClosed();
    await this.#backups.close();
    await this.#parts.cluster?.close();
    features.calls.close();
    features.queues?.close();
    try {
      await features.kept?.store.close();
      await this.#parts.shared?.close();
    } finally {
      context.turns.close();
      log.info("stopped");
      this.#parts.stopHearing();
      this.#resolveStopped();
    }
  }

  #closeListeners(): void {
    const { entrance, tls, users, listeners } = this.#parts;
    entrance.close();
    tls?.credentials.close();
    users.close();
    for (const listener of listeners) listener.close();
  }
}

function groupByName(listeners: readonly LinkListener[]): ListenerInfo[] {
  const byName = new Map<string, ListenerInfo>();
  for (const { kind, name = kind, address, isSecure = false } of listeners) {
    const addresses = [...byName.get(name)?.addresses ?? [], address];
    byName.set(name, { kind, name, addresses, isSecure });
  }
  return [...byName.values()];
}
