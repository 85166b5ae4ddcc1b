/**
 * Whether a peer may do what it asks for: the one place where handlers of every listener ask, each with the name
 * that the request is about, and where deliveries ask again.
 *
 * A peer without an identity is one of a server without users: it may do everything, at the cost of one comparison.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { ruleText } from "../../logic/access/permissions.ts";
import type { Verb } from "../../logic/access/rules.ts";
import type { Peer } from "../connection/peer.ts";

/** What each verb does, for refusals: `cannot publish to "orders.eu": …`. */
const ACTIONS: Readonly<Record<Verb, string>> = {
  publish: "publish to",
  subscribe: "read",
  call: "call",
  serve: "register",
  join: "join",
  push: "push to",
  pull: "pull from",
  manage: "manage",
  authenticate: "say who may come in by",
};

/** Raises PERMISSION_DENIED unless the peer has the permission of `verb` for a name, and for what is of `type`. */
export function checkMay(peer: Peer, verb: Verb, name: string, type = ""): void {
  const { identity } = peer;
  if (identity === null || identity.permissions.may(verb, name, type)) return;
  throw missing(peer, `${ACTIONS[verb]} ${quote(name)}`, ruleText(verb, name, type));
}

/** Raises PERMISSION_DENIED unless the peer has the permission of `verb` for all that a pattern matches. */
export function checkMayAll(peer: Peer, verb: Verb, pattern: string, type = ""): void {
  const { identity } = peer;
  if (identity === null || identity.permissions.mayAll(verb, pattern, type)) return;
  throw missing(peer, `${ACTIONS[verb]} ${quote(pattern)}`, ruleText(verb, pattern, type));
}

/**
 * Raises PERMISSION_DENIED unless the peer has the permission of `verb` for all that a pattern matches, without exception: for what is
 * not decided again for each name.
 */
export function checkMayWhole(peer: Peer, verb: Verb, pattern: string): void {
  const { identity } = peer;
  if (identity === null || identity.permissions.mayWhole(verb, pattern)) return;
  const part = identity.permissions.mayAll(verb, pattern) ? " as a whole" : "";
  throw missing(peer, `${ACTIONS[verb]} ${quote(pattern)}${part}`, ruleText(verb, pattern));
}

/** Raises PERMISSION_DENIED unless the peer has any permission of `verb`; `action` is what it wants to do. */
export function checkMayAny(peer: Peer, verb: Verb, action: string): void {
  const { identity } = peer;
  if (identity === null || identity.permissions.mayAny(verb)) return;
  throw missing(peer, action, verb);
}

/** Raises PERMISSION_DENIED unless the peer has one of these permissions; `action` is what it wants to do. */
export function checkMayOne(
  peer: Peer,
  action: string,
  wanted: readonly (readonly [verb: Verb, name: string])[],
): void {
  if (wanted.some(([verb, name]) => may(peer, verb, name))) return;
  throw missing(peer, action, wanted.map(([verb, name]) => ruleText(verb, name)).join(" or "));
}

/** As `checkMayOne`, for all that patterns match, but for what is denied of it. */
export function checkMayAllOfOne(
  peer: Peer,
  action: string,
  wanted: readonly (readonly [verb: Verb, pattern: string, type: string])[],
): void {
  const { identity } = peer;
  if (identity === null) return;
  const { permissions } = identity;
  if (wanted.some(([verb, pattern, type]) => permissions.mayAll(verb, pattern, type))) return;
  const rules = wanted.map(([verb, pattern, type]) => ruleText(verb, pattern, type));
  throw missing(peer, action, rules.join(" or "));
}

/** Whether the peer has the permission of `verb` for a name. */
export function may({ identity }: Peer, verb: Verb, name: string): boolean {
  return identity === null || identity.permissions.may(verb, name);
}

/** Whether the peer is a user of the configuration, and came in by what stands there or by a certificate. */
export function isConfiguredUser({ identity }: Peer): boolean {
  return identity !== null && identity.user !== "" && identity.assertion === null;
}

/** Whether the peer has the permission of `verb` for all that a pattern matches, and for what is of `type`. */
export function mayAll({ identity }: Peer, verb: Verb, pattern: string, type = ""): boolean {
  return identity === null || identity.permissions.mayAll(verb, pattern, type);
}

/** Whether the peer may read anything of a topic. */
export function mayRead({ identity }: Peer, topic: string): boolean {
  return identity === null || identity.permissions.mayRead(topic);
}

/** Whether the peer may be given an event of that topic and type. */
export function mayReceive({ identity }: Peer, topic: string, type: string): boolean {
  return identity === null || identity.permissions.may("subscribe", topic, type);
}

/** The refusal of an action that needs `permission`. */
function missing({ identity }: Peer, action: string, permission: string): ParleyError {
  const who = identity!.user === "" ? "a guest" : "this user";
  return new ParleyError(
    ErrorCode.PERMISSION_DENIED,
    `cannot ${action}: ${who} has no permission ${permission}`,
    { accepted: "what a role allows and none denies" },
  );
}
