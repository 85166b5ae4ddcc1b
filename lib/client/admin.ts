/**
 * What an administrator has a server do: the methods `parley.v1.Admin/…`.
 */
import { Admin as AdminMethods } from "../gen/parley/v1/admin_pb.ts";
import { encodeAsk, readAsked } from "./connection/own_methods.ts";
import type { ConnectionPool } from "./connection/pool.ts";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "./messages.ts";
import type { RequestOptions } from "./settings.ts";

/** What came of having the configuration read again. */
export interface ReloadResult {
  /** The keys that changed and are in force now. */
  readonly applied: readonly string[];
  /** What differs from what the server was started with, and takes a restart; values as text. */
  readonly waiting: readonly {
    readonly key: string;
    readonly running: string;
    readonly configured: string;
  }[];
}

/** A connection of a server. */
export interface ConnectionSummary {
  /** The `sender` of what it publishes. */
  readonly sessionId: string;
  /** What it came over: tcp, tls, unix, raw, ws, text or http. */
  readonly kind: string;
  /** Its address and port, or the path of the socket. */
  readonly peer: string;
  /** Empty for a guest, and where no users are configured. */
  readonly user: string;
  /** The name that the client gave itself. */
  readonly clientName: string;
  /** The library and its version. */
  readonly library: string;
  /** When it came. */
  readonly time: Date;
  /** How long nothing was heard of it. */
  readonly silentMs: number;
  /** The bytes that wait for it to read. */
  readonly outboxBytes: number;
  /** The number of its subscriptions. */
  readonly subscriptions: number;
  /** The number of its consumers of queues. */
  readonly consumers: number;
}

/** Which connections are meant; without any of these, all. */
export interface ConnectionFilter {
  /** Only that one. */
  readonly sessionId?: string;
  /** Only those of this user. */
  readonly user?: string;
  /** An address without a port. */
  readonly address?: string;
  /** What they came over: tcp, tls, unix, raw, ws, text or http. */
  readonly kind?: string;
}

/** Which connections are ended, and why. */
export interface KickOptions extends RequestOptions {
  /** Those of these names, at most 1,000. */
  readonly sessionIds?: readonly string[];
  /** Those of this user. */
  readonly user?: string;
  /** Those from this address, without a port. */
  readonly address?: string;
  /** Told to those who are ended. */
  readonly reason?: string;
}

/** The server as a whole, for those who may manage it. */
export class Admin {
  readonly #pool: ConnectionPool;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  /**
   * Has the server read its configuration again and take over what it can. Rejects with what is wrong with it, and then
   * nothing has changed; with PERMISSION_DENIED without the permission `manage server.reload`.
   */
  async reload(options?: RequestOptions): Promise<ReloadResult> {
    const { applied, waiting } = await this.#ask(AdminMethods.method.reload, {}, options);
    return {
      applied,
      waiting: waiting.map(({ key, running, configured }) => ({ key, running, configured })),
    };
  }

  /**
   * Has the server stop in order, and point its clients to `goTo`, or where its configuration says. Gives how many
   * connections are told. Needs the permission `manage server.drain`.
   */
  async drain(goTo: readonly string[] = [], options?: RequestOptions): Promise<number> {
    const answer = await this.#ask(AdminMethods.method.drain, { goTo: [...goTo] }, options);
    return answer.connections;
  }

  /** The connections, in the order in which they came. Needs the permission `manage server.connections`. */
  async *connections(
    filter: ConnectionFilter = {},
    options?: RequestOptions,
  ): AsyncGenerator<ConnectionSummary, void, void> {
    for (let after = "";;) {
      const request = { ...filter, after };
      const page = await this.#ask(AdminMethods.method.connections, request, options);
      for (const { timeUnixMicros, silentMs, outboxBytes, ...info } of page.connections) {
        const { sessionId, kind, peer, user, clientName, library } = info;
        const { subscriptions, consumers } = info;
        yield {
          ...{ sessionId, kind, peer, user, clientName, library, subscriptions, consumers },
          time: new Date(Number(timeUnixMicros / 1000n)),
          silentMs: Number(silentMs),
          outboxBytes: Number(outboxBytes),
        };
      }
      const last = page.connections.at(-1);
      if (!page.more || last === undefined) return;
      after = last.sessionId;
    }
  }

  /**
   * Ends connections, which do not come again by themselves; gives how many. Rejects with NOT_FOUND when there is none of
   * them. Needs the permission `manage server.kick`.
   */
  async kick({ sessionIds = [], user, address, reason, ...options }: KickOptions): Promise<number> {
    const request = { sessionIds: [...sessionIds], user, address, reason };
    return (await this.#ask(AdminMethods.method.kick, request, options)).kicked;
  }

  /** What the server counts, by name. Needs the permission `manage server.stats`. */
  async stats(options?: RequestOptions): Promise<Record<string, number>> {
    const { values } = await this.#ask(AdminMethods.method.stats, {}, options);
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  }

  #ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: RequestOptions,
  ): Promise<MessageShape<O>> {
    return this.#pool.submit(
      () => encodeAsk(method, request),
      (incoming) => readAsked(method, incoming),
      options,
    );
  }
}
