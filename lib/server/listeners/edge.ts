/**
 * Which addresses may connect, and which are those of proxies: what the door of every listener goes by.
 *
 * A denied address is denied whatever else is said of it; when some are allowed, the others are not, but for proxies, which
 * connect for themselves when they look whether the server is there. The lists of allowed and denied addresses can be
 * replaced while the server runs; who is no longer welcome is then parted with. A unix socket has no address and is
 * always welcome.
 */
import type { DoorRules, Remote } from "../../adapters/socket/door.ts";
import { formatAddress } from "../../adapters/socket/deno_link.ts";
import { guard } from "../../base/defects.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { AddressList } from "../../logic/access/address_list.ts";
import type { ServerContext } from "../../services/connection/server_context.ts";
import type { Session } from "../../services/connection/session.ts";
import type { Admission } from "./admission.ts";
import type { Config } from "../config/config.ts";

const log = logger("listener");

/** How often the log tells of connections that are not wanted, and of proxies without headers. */
const TELL_INTERVAL_MS = 1000;
const WARN_INTERVAL_MS = 10_000;

/** The part of a configuration that is about addresses. */
type EdgeConfig = Pick<
  Config["listen"],
  "allow_addresses" | "deny_addresses" | "proxy_protocol"
>;

/** The rules of one server's door. */
export class Edge implements DoorRules {
  readonly #context: ServerContext;
  readonly #admission: Admission;
  readonly #proxies: AddressList;
  #allow!: AddressList;
  #deny!: AddressList;
  #untold = 0;
  #toldMs = -Infinity;
  #warnedMs = -Infinity;

  constructor(listen: EdgeConfig, context: ServerContext, admission: Admission) {
    this.#context = context;
    this.#admission = admission;
    this.#proxies = new AddressList(listen.proxy_protocol);
    this.stage(listen)();
  }

  /**
   * Prepares other lists of allowed and denied addresses; the proxies stay. The function that it gives puts them in force,
   * and parts with those of `sessions` that are not allowed any more. Raises for a list that cannot be.
   */
  stage(listen: EdgeConfig, sessions: Iterable<Session> = []): () => void {
    const allow = new AddressList(listen.allow_addresses);
    const deny = new AddressList(listen.deny_addresses);
    return () => {
      this.#allow = allow;
      this.#deny = deny;
      for (const session of sessions) {
        guard("part with a connection that is not allowed", () => this.look(session));
      }
    };
  }

  get headerTimeoutMs(): number {
    return this.#context.limits.handshakeTimeoutMs;
  }

  get hasProxies(): boolean {
    return !this.#proxies.isEmpty;
  }

  isProxy(hostname: string): boolean {
    return this.#proxies.has(hostname);
  }

  welcomes(remote: Remote): boolean {
    if (this.#isWelcome(remote.hostname)) return true;
    this.#context.counters.connections.denied++;
    this.#untold++;
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#toldMs >= TELL_INTERVAL_MS) {
      log.debug("{count} connections from addresses that are not allowed were closed", {
        count: this.#untold,
        last: formatAddress(remote.hostname, remote.port),
      });
      this.#toldMs = nowMs;
      this.#untold = 0;
    }
    return false;
  }

  takePlace(): boolean {
    if (this.#admission.admit("") === null) return true;
    this.#context.counters.connections.refused++;
    return false;
  }

  givePlace(): void {
    this.#admission.release("");
  }

  noHeader({ hostname, port }: Remote, reason: string): void {
    this.#context.counters.connections.proxyHeaderFaults++;
    const nowMs = this.#context.clock.monotonicMs();
    const isTold = nowMs - this.#warnedMs >= WARN_INTERVAL_MS;
    if (isTold) this.#warnedMs = nowMs;
    log[isTold ? "warning" : "debug"]("the proxy {proxy} sent no header: {reason}", {
      proxy: formatAddress(hostname, port),
      reason,
    });
  }

  /** Ends a session whose peer is not welcome any more. */
  look(session: Session): void {
    const { address } = session.link;
    if (this.#isWelcome(address)) return;
    this.#context.counters.connections.denied++;
    session.endUnread(
      new ParleyError(
        ErrorCode.PERMISSION_DENIED,
        `connections from ${address} are not allowed any more`,
        { closeReason: CloseReason.KICKED },
      ),
    );
  }

  #isWelcome(address: string): boolean {
    if (address === "" || this.#allow.isEmpty && this.#deny.isEmpty) return true;
    if (this.#deny.has(address)) return false;
    return this.#allow.isEmpty || this.#allow.has(address) || this.#proxies.has(address);
  }
}
