/**
 * Takes from a peer what it may not have any more, when its permissions have changed: subscriptions, methods that it
 * answers, consumers of queues, rooms. What it may still have goes on without a gap.
 *
 * Each is told with an error that answers no request. Calls and jobs that are under way come to their end.
 */
import { mayFail } from "../base/detached.ts";
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { quote } from "../base/quote.ts";
import { ruleText } from "../logic/access/permissions.ts";
import { isConfiguredUser, may } from "./access/checks.ts";
import { knownCallsOf } from "./calls/peer_calls.ts";
import type { Peer } from "./connection/peer.ts";
import { errorReply } from "./connection/reply.ts";
import type { Features } from "./features.ts";
import { closeConsumer, queuesOf } from "./queues/peer_queues.ts";
import { knownPublisherOf, topicsOf } from "./topics/peer_topics.ts";

/** Brings what `peer` has up to date with its permissions. */
export function revise(features: Features, peer: Peer): void {
  if (peer.identity === null) return;
  // What was found for it before was found with other permissions.
  knownPublisherOf(peer)?.forget();
  reviseSubscriptions(features, peer);
  features.tails.revise(peer);
  reviseMethods(features, peer);
  reviseConsumers(features, peer);
  reviseRooms(features, peer);
  features.bus.endTurn();
}

function reviseSubscriptions({ bus }: Features, peer: Peer): void {
  const { subscriptions } = topicsOf(peer);
  if (subscriptions === null || subscriptions.size === 0) return;
  bus.forgetMatches();
  for (const one of [...subscriptions.values()]) {
    const { pattern, type } = one;
    if (peer.identity!.permissions.mayAll("subscribe", pattern, type)) continue;
    bus.unsubscribe(peer, one, 0);
    tell(peer, `the subscription to ${quote(pattern)}`, ruleText("subscribe", pattern, type));
  }
}

function reviseMethods({ access, calls }: Features, peer: Peer): void {
  const known = knownCallsOf(peer);
  if (known === null) return;
  for (const method of calls.methods.methodsOf(known.endpoint)) {
    const verb = !may(peer, "serve", method) ? "serve" : "authenticate";
    const isCallout = access?.isCallout(method) === true;
    if (verb === "authenticate" && (!isCallout || mayAuthenticate(peer, method))) continue;
    calls.methods.unregister(method, known.endpoint);
    tell(peer, `the method ${quote(method)}`, ruleText(verb, method));
  }
}

function mayAuthenticate(peer: Peer, method: string): boolean {
  return isConfiguredUser(peer) && may(peer, "authenticate", method);
}

function reviseConsumers({ queues }: Features, peer: Peer): void {
  if (queues === null || peer.slots.queues === null) return;
  const own = queuesOf(peer);
  own.last = null;
  for (const pull of [...own.pulls?.values() ?? []]) {
    const { name } = pull.queue;
    if (may(peer, "pull", name)) continue;
    closeConsumer(peer, pull);
    tell(peer, `the consumer of ${quote(name)}`, ruleText("pull", name));
  }
}

function reviseRooms({ rooms }: Features, peer: Peer): void {
  for (const room of rooms?.roomsOf(peer) ?? []) {
    if (may(peer, "join", room)) continue;
    mayFail(rooms!.leave(peer, room), "take a user out of a room");
    tell(peer, `the stay in the room ${quote(room)}`, ruleText("join", room));
  }
}

function tell(peer: Peer, what: string, permission: string): void {
  if (!peer.takesDeliveries || peer.endIfFull()) return;
  peer.send(errorReply(
    new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `${what} has ended: this user has no permission ${permission} any more`,
      { accepted: "what a role allows and none denies" },
    ),
  ));
  peer.touch();
}
