/**
 * Who may send what: the one table that dispatch asks for every message of every listener.
 *
 * A right is a bit, one for each member of ClientMessage, so that asking costs nothing. What a table does not
 * name is denied, and so is a new member until somebody writes its rule here.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Identity } from "./accounts.ts";
import { Permissions } from "./permissions.ts";

/** The members of ClientMessage, by their numbers. */
export const MEMBER = {
  echo: 1,
  add: 2,
  event: 3,
  hello: 4,
  subscribe: 5,
  unsubscribe: 6,
  ping: 7,
  pong: 8,
  call: 9,
  answer: 10,
  cancel: 11,
  register: 12,
  unregister: 13,
  job: 14,
  pull: 16,
  settle: 17,
} as const;

/** The name of a member. */
export type MemberName = keyof typeof MEMBER;

/** What a connection may send, by how its messages are told apart. */
const RULES: Readonly<Record<string, readonly MemberName[]>> = {
  delimited: Object.keys(MEMBER) as MemberName[],
  // A raw client reads exactly one reply a request: what brings none, or others unasked, is not for it.
  raw: ["echo", "add", "hello", "ping"],
};

/**
 * What decides about each member where there are users: nothing, the name that it is about (the handler asks for it,
 * and each member of this kind has its test), or what the connection was given before. A new member is denied until it
 * is here.
 */
const DECIDED_BY: Readonly<Record<MemberName, "nothing" | "name" | "what it has">> = {
  echo: "nothing",
  add: "nothing",
  hello: "nothing",
  ping: "nothing",
  pong: "nothing",
  event: "name",
  subscribe: "name",
  call: "name",
  register: "name",
  job: "name",
  pull: "name",
  unsubscribe: "what it has",
  unregister: "what it has",
  answer: "what it has",
  cancel: "what it has",
  settle: "what it has",
};

/** The members whose right is a matter of the name that they are about. */
export const NAMED_MEMBERS = (Object.keys(DECIDED_BY) as MemberName[])
  .filter((name) => DECIDED_BY[name] === "name");

/** What one may send who has to say first who that is. */
const STRANGERS: readonly MemberName[] = ["hello"];

/** The identity of one who has to say first who that is. */
export const STRANGER: Identity = Object.freeze({
  user: "",
  roles: [],
  permissions: new Permissions([], ""),
  token: "",
  password: "",
  assertion: null,
  limits: null,
  expiresMs: Infinity,
});

/**
 * The rights of a connection, as bits by member number; `identity` is who it is, null where no users are
 * configured. Which names a verb may be about is decided with the permissions of the identity.
 */
export function rightsOf(dialect: string, identity: Identity | null = null): number {
  const rule = (RULES[dialect] ?? []).filter((name) =>
    identity === null ||
    (identity === STRANGER ? STRANGERS.includes(name) : DECIDED_BY[name] !== undefined)
  );
  return rule.reduce((bits, name) => bits | (1 << MEMBER[name]), 0);
}

/** The refusal of a member that the connection has no right to; `identity` is who it is. */
export function mayNot(member: number, identity: Identity | null = null): ParleyError {
  if (identity === STRANGER) {
    return new ParleyError(
      ErrorCode.UNAUTHENTICATED,
      "cannot take anything before a Hello that says who the client is",
      { accepted: "a Hello with user and password, or with a token" },
    );
  }
  const names = Object.keys(MEMBER) as MemberName[];
  const name = names.find((one) => MEMBER[one] === member) ?? `field ${member}`;
  return new ParleyError(
    ErrorCode.PERMISSION_DENIED,
    `cannot take "${name}" on this listener`,
    { accepted: "on a raw listener: echo, add, hello and ping" },
  );
}
