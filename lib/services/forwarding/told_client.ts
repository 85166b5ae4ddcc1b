/**
 * Who a client is, as its node tells the one that does its work: JSON.
 *
 * A node believes it: what the client may do was decided where it has shown who it is, by the roles of that node.
 */
import { decodeText } from "../../base/utf8_text.ts";
import type { Assertion } from "../../logic/access/assertion.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import { Permissions } from "../../logic/access/permissions.ts";
import { namesUser, type Role, VERBS } from "../../logic/access/rules.ts";
import type { UserLimits } from "../../logic/access/user_limits.ts";
import type { LinkKind } from "../../ports/link.ts";
import type { Peer } from "../connection/peer.ts";
import type { PersonInRooms } from "../rooms/person_in_rooms.ts";

/** So many permissions are remembered for others with the same roles; then all of them are forgotten. */
const MAX_MADE = 1024;

const encoder = new TextEncoder();

/** What is told of an identity. */
interface ToldIdentity {
  readonly user: string;
  readonly roles: readonly string[];
  readonly rules: readonly Role[];
  readonly limits: UserLimits | null;
  /** Whether somebody outside vouches for the user. */
  readonly isAsserted: boolean;
}

/** What is told of a client. */
export interface ToldClient {
  readonly kind: LinkKind;
  readonly peer: string;
  readonly address: string;
  readonly isRelayed: boolean;
  readonly sessionId: string;
  /** Null where no users are configured. */
  readonly identity: ToldIdentity | null;
  readonly person: PersonInRooms | null;
}

/** What is told of a client when its work is to be done. */
export function encodeClient(peer: Peer, person: PersonInRooms | null): Uint8Array {
  const { link: { kind, peer: name, address, isRelayed }, sessionId, identity } = peer;
  const told: ToldClient = {
    kind,
    peer: name,
    address,
    isRelayed: isRelayed === true,
    sessionId,
    identity: toldOf(identity),
    person,
  };
  return encoder.encode(JSON.stringify(told));
}

/** What is told of a client that may do something else by now. */
export function encodeIdentity(identity: Identity | null): Uint8Array {
  return encoder.encode(JSON.stringify(toldOf(identity)));
}

function toldOf(identity: Identity | null): ToldIdentity | null {
  if (identity === null) return null;
  const { user, roles, permissions, limits, assertion } = identity;
  return { user, roles, rules: permissions.roles, limits, isAsserted: assertion !== null };
}

/** Reads what other nodes tell. */
export class ToldClients {
  readonly #made = new Map<string, Permissions>();

  /** A client. Raises an Error for what cannot be read. */
  client(body: Uint8Array): Omit<ToldClient, "identity"> & { readonly identity: Identity | null } {
    const told: ToldClient = JSON.parse(decodeText(body));
    return { ...told, identity: this.#identityOf(told.identity) };
  }

  /** An identity. Raises an Error for what cannot be read. */
  identity(body: Uint8Array): Identity | null {
    return this.#identityOf(JSON.parse(decodeText(body)));
  }

  #identityOf(told: ToldIdentity | null): Identity | null {
    if (told === null) return null;
    const { user, roles, rules, limits, isAsserted } = told;
    return {
      user,
      roles,
      permissions: this.#permissionsOf(rules, user),
      token: "",
      password: "",
      assertion: isAsserted ? assertionOf(user) : null,
      limits,
      expiresMs: Infinity,
    };
  }

  #permissionsOf(rules: readonly Role[], user: string): Permissions {
    const key = JSON.stringify([rules, rules.some(isPersonal) ? user : ""]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (this.#made.size >= MAX_MADE) this.#made.clear();
    const made = new Permissions(rules, user);
    this.#made.set(key, made);
    return made;
  }
}

function isPersonal({ allow, deny }: Role): boolean {
  return [allow, deny].some((lists) => VERBS.some((verb) => lists[verb]?.some(namesUser) === true));
}

/** The node of the client has believed what was said outside of it. */
function assertionOf(user: string): Assertion {
  return { by: "", user, roles: null, permissions: null, expiresMs: Infinity };
}
