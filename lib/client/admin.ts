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
