/**
 * The connections of one server: takes them from its listeners, gives each a session or refuses it, and knows all
 * that are open.
 *
 * A defect that one connection meets ends that connection, and keeps no other out. Non-goals: when they end
 * (sweeper), and in which order a server stops (server).
 */
import { guard, reportDefect } from "../../base/defects.ts";
import { logger } from "../../base/log.ts";
import type { Link, LinkListener } from "../../ports/link.ts";
import { countRefused } from "../../services/connection/counters.ts";
import type { ServerContext } from "../../services/connection/server_context.ts";
import { Session } from "../../services/connection/session.ts";
import type { ConnectionService } from "../../services/connection_service.ts";
import type { Admission } from "./admission.ts";
import type { Edge } from "./edge.ts";
import type { Entrance } from "./entrance.ts";
import type { Refuser } from "./refuse.ts";

const log = logger("connection");

/** The time between two groups of connections that are told that the server stops, and how many they are at least. */
const TELL_EVERY_MS = 25;
const TOLD_PER_TICK = 50;

/** What stands between a listener and a session. */
export interface Gates {
  readonly context: ServerContext;
  readonly admission: Admission;
  readonly entrance: Entrance;
  readonly refuser: Refuser;
  readonly edge: Edge;
}

/** The connections of one server. */
export class Connections {
  /** Those that are served. */
  readonly sessions: ReadonlySet<Session>;
  readonly #gates: Gates;
  readonly #service: ConnectionService;
  readonly #sessions = new Set<Session>();
  readonly #tasks = new Set<Promise<void>>();
  /** What those are told that come while the server stops; null while it does not. */
  #goTo: readonly string[] | null = null;
  #telling: ReturnType<typeof setInterval> | undefined;
  #aborted = false;

  constructor(gates: Gates, service: ConnectionService) {
    this.#gates = gates;
    this.#service = service;
    this.sessions = this.#sessions;
  }

  /** Takes connections from a listener until it is closed. */
  accept(listener: LinkListener): void {
    this.#track(this.#acceptAll(listener));
  }

  /**
   * Tells all that the server stops, also those that are yet to come, with the URLs of servers to connect to instead. Few
   * are told at once; many one after the other within `mostMs` milliseconds, so that they do not all come again in the
   * same moment. Those who are not told yet are served as ever.
   */
  drain(goTo: readonly string[], mostMs: number): void {
    this.#goTo = goTo;
    const waiting = [...this.#sessions];
    const ticks = Math.min(waiting.length / TOLD_PER_TICK, mostMs / TELL_EVERY_MS);
    const atOnce = Math.ceil(waiting.length / Math.max(1, ticks));
    let told = 0;
    const tellSome = () => {
      for (const session of waiting.slice(told, told + atOnce)) {
        guard("tell a connection that the server stops", () => session.drain(goTo));
      }
      told += atOnce;
      if (told >= waiting.length) clearInterval(this.#telling);
    };
    if (this.#aborted) return;
    this.#telling = setInterval(tellSome, TELL_EVERY_MS);
    tellSome();
  }

  /** Ends all at once, also those that are being refused. */
  abort(): void {
    this.#aborted = true;
    clearInterval(this.#telling);
    this.#gates.refuser.close();
    for (const session of this.#sessions) guard("end a connection", () => session.abort());
  }

  /** Resolves when the listeners are closed and no connection is left. */
  async whenGone(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    clearInterval(this.#telling);
  }

  async #acceptAll(listener: LinkListener): Promise<void> {
    for await (const link of listener) {
      this.#gates.context.tick();
      // A defect that one connection meets ends that one, and does not keep the next one out.
      const isTaken = guard("take a connection", () => {
        // HTTP connections are admitted before their first request, and TLS before its handshake.
        if (link.isAdmitted === true) this.#serve(link, listener, () => {});
        else this.#admit(link, listener);
      });
      if (!isTaken) guard("close a connection", () => link.close());
    }
  }

  /** Gives the connection a session, or refuses it. */
  #admit(link: Link, listener: LinkListener): void {
    const { admission, entrance, refuser, context } = this.#gates;
    const { address } = link;
    const refusal = admission.admit(address);
    if (refusal !== null) {
      countRefused(context, refusal, address);
      this.#track(refuser.refuse(link, listener.dialect, refusal));
      return;
    }
    const release = () => admission.release(address);
    entrance.ask(address, (mayEnter) => {
      if (mayEnter) return this.#serve(link, listener, release);
      context.counters.connections.refused++;
      link.close();
      this.#track(link.whenReleased().then(release));
    });
  }

  /** Gives an admitted connection a session; `release` gives its place back. */
  #serve(link: Link, listener: LinkListener, release: () => void): void {
    const { context, edge } = this.#gates;
    context.counters.connections.total++;
    let session: Session;
    try {
      session = new Session(context, link, listener.dialect, this.#service);
    } catch (reason) {
      reportDefect("begin to serve a connection", reason);
      link.close();
      return this.#track(link.whenReleased().then(release));
    }
    context.counters.connections.open++;
    this.#sessions.add(session);
    guard("look at a connection that has come", () => {
      if (this.#goTo !== null) session.drain(this.#goTo);
      // The lists may have changed since it came.
      edge.look(session);
    });
    this.#track(this.#run(session, release));
  }

  /** Runs a session to its end, and then lets go of it, whatever went wrong. */
  async #run(session: Session, release: () => void): Promise<void> {
    const { number: connection, link: { kind, peer } } = session;
    log.debug("connected", { connection, kind, peer });
    try {
      await session.run();
    } finally {
      log.debug("ended: {reason}", { connection, peer, reason: session.endReason });
      this.#gates.context.counters.connections.open--;
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
}
