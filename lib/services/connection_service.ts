/**
 * What the sessions of one server hand their messages to: dispatch, and the features that must know of them.
 */
import { guard } from "../base/defects.ts";
import type { MessageScan } from "../wire/message_scan.ts";
import type { Outbox } from "../wire/outbox.ts";
import { knownCallsOf } from "./calls/peer_calls.ts";
import type { Peer } from "./connection/peer.ts";
import type { SlowReader } from "./connection/publisher_pause.ts";
import type { Service } from "./connection/service.ts";
import type { Features } from "./features.ts";
import { dispatch } from "./handlers/dispatch.ts";
import { dispatchTraced } from "./handlers/traced.ts";
import { knownPublisherOf } from "./topics/peer_topics.ts";

/** Serves all sessions of a server. */
export class ConnectionService implements Service {
  readonly #features: Features;

  constructor(features: Features) {
    this.#features = features;
  }

  enter(peer: Peer): void {
    this.#features.access?.enter(peer);
    this.#features.system.connected(peer);
  }

  dispatch(peer: Peer, bytes: Uint8Array, scan: MessageScan): void {
    if (peer.context.tracing === null) dispatch(this.#features, peer, bytes, scan);
    else dispatchTraced(this.#features, peer, bytes, scan);
  }

  flushRun(): void {
    this.#features.bus.flushRun();
  }

  touch(outbox: Outbox): void {
    this.#features.bus.touch(outbox);
  }

  endTurn(): readonly SlowReader[] {
    return this.#features.bus.endTurn();
  }

  publishes(peer: Peer): boolean {
    return knownPublisherOf(peer) !== null;
  }

  isAheadOfStore(peer: Peer): boolean {
    const publisher = knownPublisherOf(peer);
    return publisher !== null && publisher.keeps && this.#features.kept!.store.overloaded;
  }

  whenStoreIsReady(): Promise<void> {
    return this.#features.kept!.store.whenReady();
  }

  isAsking(peer: Peer): boolean {
    const calls = knownCallsOf(peer);
    return calls !== null && calls.endpoint.askedCount > 0;
  }

  isAnswering(peer: Peer): boolean {
    const calls = knownCallsOf(peer);
    return calls !== null && calls.endpoint.answeringCount > 0;
  }

  stopEvents(peer: Peer): void {
    this.#features.tails.leave(peer);
    this.#features.bus.leave(peer);
  }

  stopWork(peer: Peer): void {
    const { calls, callouts, queues, elsewhere } = this.#features;
    calls.stopAnswering(peer);
    callouts.leave(peer);
    queues?.leave(peer);
    elsewhere?.finish(peer);
  }

  handOnWaiting(peer: Peer): void {
    this.#features.bus.handOnWaiting(peer);
  }

  leave(peer: Peer): void {
    const { bus, calls, callouts, queues, rooms, system, elsewhere, tails } = this.#features;
    guard("tell that a session is gone", () => {
      system.disconnected(peer, peer.closeReason, peer.endReason);
    });
    guard("take a session from the users", () => this.#features.access?.leave(peer));
    guard("end the live tails of a session", () => tails.leave(peer));
    guard("take a session from the bus", () => bus.leave(peer));
    guard("take a session from the calls", () => calls.leave(peer));
    guard("take a session from the server's calls", () => callouts.leave(peer));
    guard("take a session from the queues", () => queues?.leave(peer));
    guard("take a session from the rooms", () => rooms?.gone(peer));
    guard("take a session from where its work is done", () => elsewhere?.leave(peer));
  }

  handOn(peer: Peer): void {
    this.#features.bus.handOn(peer);
  }
}
