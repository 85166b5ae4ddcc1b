/**
 * What hosted sessions hand their messages to: the same as all sessions, but that they do not count as connections here.
 *
 * Who they are, and what they may send, is the business of the node that has the client: here nobody is told that they come
 * and go.
 */
import { guard } from "../../base/defects.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import type { Peer } from "../connection/peer.ts";
import { ConnectionService } from "../connection_service.ts";
import type { Features } from "../features.ts";
import { nobodyLeads } from "./forwarder_messages.ts";

/** Serves hosted sessions. */
export class HostedService extends ConnectionService {
  /** The number of requests. */
  requests = 0;
  readonly #features: Features;

  constructor(features: Features) {
    super(features);
    this.#features = features;
  }

  override enter(): void {}

  override dispatch(peer: Peer, bytes: Uint8Array, scan: MessageScan): void {
    // What is handed on is not handed on once more.
    if (this.#features.elsewhere?.isElsewhere === true) throw nobodyLeads();
    this.requests++;
    super.dispatch(peer, bytes, scan);
  }

  override leave(peer: Peer): void {
    const { access, queues, rooms } = this.#features;
    guard("take a hosted session from its user", () => access?.unhost(peer));
    guard("take a hosted session from the queues", () => queues?.leave(peer));
    guard("take a hosted session from the rooms", () => rooms?.gone(peer));
  }
}
