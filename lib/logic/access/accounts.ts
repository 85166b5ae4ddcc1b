/**
 * The users that there are, with their roles, passwords and tokens, and what a guest may do.
 *
 * Immutable: another configuration is another object, so a change is there as a whole or not at all. Pure.
 */
import { looksOf } from "../rooms/person_name.ts";
import type { ScryptCost } from "../../base/scrypt_cost.ts";
import type { Assertion, ClaimNames } from "./assertion.ts";
import { parsePasswordHash, type PasswordHash, USUAL_COST } from "./password_hash.ts";
import { type Permissions, PermissionTable } from "./permissions.ts";
import type { Role } from "./rules.ts";
import { limitsOfRoles, type RoleLimits, type UserLimits } from "./user_limits.ts";

/** A token of a user. */
export interface TokenEntry {
  readonly name: string;
  /** Its SHA-256 in base64url. */
  readonly hash: string;
  /** When it ends, as Unix time in milliseconds; Infinity for never. */
  readonly expiresMs: number;
}

/** A user as it is configured. */
export interface UserEntry {
  readonly name: string;
  /** As `parsePasswordHash` reads it; empty for a user without a password. */
  readonly password: string;
  readonly roles: readonly string[];
  readonly disabled: boolean;
  readonly tokens: readonly TokenEntry[];
}

/** The service that is asked who somebody is whom the server does not know. */
export interface CalloutRules {
  readonly method: string;
  readonly timeoutMs: number;
  /** How many are asked about at a time. */
  readonly inFlight: number;
}

/** Everything that is configured about who may do what. */
export interface AccessSettings {
  readonly users: readonly UserEntry[];
  readonly roles: readonly Role[];
  /** The role of who says no name; empty for none: then everybody has to say who they are. */
  readonly guestRole: string;
  /** The roles of users who come with a JWT and have no others. */
  readonly assertedRoles: readonly string[];
  /** The limits of users whose roles say nothing of them. */
  readonly usualLimits: RoleLimits;
  /** Where JWTs say who somebody is. */
  readonly claimNames: ClaimNames;
  /** Null when nobody is asked. */
  readonly callout: CalloutRules | null;
}

/** Who somebody turned out to be. */
export interface Identity {
  /** The user's name; empty for a guest. */
  readonly user: string;
  readonly roles: readonly string[];
  readonly permissions: Permissions;
  /** The hash of the token it was proved with; empty when it was not. */
  readonly token: string;
  /** The stored password it was proved with; empty when it was not. */
  readonly password: string;
  /** What was said outside of who it is, and believed; null when nothing was. */
  readonly assertion: Assertion | null;
  /** What all its connections may have and send together; null for as much as they like. */
  readonly limits: UserLimits | null;
  /** When it ends by itself, as Unix time in milliseconds; Infinity for never. */
  readonly expiresMs: number;
}

/** How somebody proved to be a user. */
export interface Proof {
  readonly token?: TokenEntry;
  readonly password?: string;
}

/** What became of a user. */
export interface AccountChange {
  readonly user: string;
  readonly change: "added" | "removed" | "changed";
}

/** All users. */
export class Accounts {
  /** The roles that there are. */
  readonly roles: readonly Role[];
  /** Who says no name; null when nobody may come so. */
  readonly guest: Identity | null;
  /** What passwords cost, once for each that there is; one of them is that of a login of a user who is not there. */
  readonly decoyCosts: readonly ScryptCost[];
  /** Decides which, together with the name; nobody outside knows it. */
  readonly decoySeed: string;
  /** The message types that rules are about. */
  readonly types: readonly string[];
  readonly #users: ReadonlyMap<string, UserEntry>;
  readonly #tokens = new Map<string, { user: UserEntry; token: TokenEntry }>();
  /** By what their names look like. */
  #alike: Map<string, UserEntry[]> | null = null;
  /** Where JWTs say who somebody is. */
  readonly claimNames: ClaimNames;
  /** Who is asked about those who are not known; null for nobody. */
  readonly callout: CalloutRules | null;
  readonly #permissions: PermissionTable;
  readonly #assertedRoles: readonly string[];
  readonly #usualLimits: RoleLimits;
  readonly #limits: ReadonlyMap<string, RoleLimits>;
  /** Those of users that were asked for. */
  readonly #limitsByName = new Map<string, UserLimits | null>();

  constructor(settings: AccessSettings) {
    const { users, roles, guestRole, assertedRoles, claimNames, callout } = settings;
    this.roles = roles;
    this.#usualLimits = settings.usualLimits;
    this.#limits = new Map(roles.map(({ name, limits = {} }) => [name, limits]));
    this.claimNames = claimNames;
    this.callout = callout;
    this.#assertedRoles = assertedRoles;
    this.#permissions = new PermissionTable(roles);
    this.#users = new Map(users.map((user) => [user.name, user]));
    for (const user of users) {
      for (const token of user.tokens) this.#tokens.set(token.hash, { user, token });
    }
    const costs = users.flatMap(({ password }) => parsePasswordHash(password)?.cost ?? []);
    this.decoyCosts = costs.length === 0 ? [USUAL_COST] : costs;
    this.decoySeed = users.map(({ password }) => password).toSorted().at(-1) ?? "";
    this.guest = guestRole === "" ? null : this.#identity("", [guestRole], {});
    this.types = typesOf(roles);
  }

  /** How many users there are. */
  get size(): number {
    return this.#users.size;
  }

  /** The names of all users, those of disabled ones too. */
  names(): Iterable<string> {
    return this.#users.keys();
  }

  /** What became of users since `before`. */
  changesSince(before: Accounts): AccountChange[] {
    const changes: AccountChange[] = [];
    for (const [user, entry] of this.#users) {
      const former = before.user(user);
      if (former === null) changes.push({ user, change: "added" });
      else if (JSON.stringify(former) !== JSON.stringify(entry)) {
        changes.push({ user, change: "changed" });
      }
    }
    for (const user of before.#users.keys()) {
      if (this.user(user) === null) changes.push({ user, change: "removed" });
    }
    return changes;
  }

  /** The user of that name, also a disabled one; null when there is none. */
  user(name: string): UserEntry | null {
    return this.#users.get(name) ?? null;
  }

  /** The users whose names people could take `name` for: they differ in case only, or look alike. */
  usersLike(name: string): readonly UserEntry[] {
    if (this.#alike === null) {
      this.#alike = new Map();
      for (const user of this.#users.values()) {
        for (const key of keysOf(user.name)) {
          const others = this.#alike.get(key);
          if (others === undefined) this.#alike.set(key, [user]);
          else others.push(user);
        }
      }
    }
    return keysOf(name).flatMap((key) => this.#alike?.get(key) ?? []);
  }

  /** The stored password of a user who may come in with it; null when there is none. */
  passwordOf(name: string): PasswordHash | null {
    const user = this.user(name);
    return user === null || user.disabled ? null : parsePasswordHash(user.password);
  }

  /** Who has the token with that hash at `wallMs`; null when it is nobody's, has ended, or its user is disabled. */
  ofToken(hash: string, wallMs: number): Identity | null {
    const found = this.#tokens.get(hash);
    if (found === undefined || found.token.expiresMs <= wallMs) return null;
    return this.of(found.user.name, { token: found.token });
  }

  /** The identity of a user who has given proof; null when there is no such user, or a disabled one. */
  of(name: string, proof: Proof): Identity | null {
    const user = this.user(name);
    if (user === null || user.disabled) return null;
    return this.#identity(name, user.roles, proof);
  }

  /** The identity of a user whom somebody outside vouches for; null when the user is configured as a disabled one. */
  ofAssertion(assertion: Assertion): Identity | null {
    const { user: name, permissions, expiresMs } = assertion;
    const user = this.user(name);
    if (user?.disabled) return null;
    const roles = assertion.roles ?? user?.roles ?? this.#assertedRoles;
    return {
      user: name,
      roles,
      permissions: this.#permissions.of(roles, name, permissions),
      token: "",
      password: "",
      assertion,
      limits: this.#limitsOf(roles),
      expiresMs,
    };
  }

  /**
   * The same identity by these accounts, at `wallMs`; null when it is none any more: its user is gone or disabled,
   * its password is another one, or its token was taken back or has ended.
   */
  renew(identity: Identity, wallMs: number): Identity | null {
    if (identity.user === "") return this.guest;
    if (identity.assertion !== null) {
      return identity.expiresMs <= wallMs ? null : this.ofAssertion(identity.assertion);
    }
    if (identity.token !== "") {
      const renewed = this.ofToken(identity.token, wallMs);
      return renewed?.user === identity.user ? renewed : null;
    }
    const user = this.user(identity.user);
    if (user === null || identity.password !== "" && identity.password !== user.password) {
      return null;
    }
    return this.of(user.name, { password: identity.password });
  }

  /**
   * What a user may have, by the roles that are configured for it; who is not configured has those of users who come with
   * a JWT, and the empty name those of guests.
   */
  limitsOf(name: string): UserLimits | null {
    if (name === "") return this.guest?.limits ?? null;
    const known = this.#limitsByName.get(name);
    if (known !== undefined) return known;
    const user = this.user(name);
    const limits = this.#limitsOf(user?.roles ?? this.#assertedRoles);
    if (user !== null) this.#limitsByName.set(name, limits);
    return limits;
  }

  #limitsOf(roles: readonly string[]): UserLimits | null {
    return limitsOfRoles(roles.flatMap((name) => this.#limits.get(name) ?? []), this.#usualLimits);
  }

  #identity(user: string, roles: readonly string[], { token, password }: Proof): Identity {
    return {
      user,
      roles,
      permissions: this.#permissions.of(roles, user),
      token: token?.hash ?? "",
      password: password ?? "",
      assertion: null,
      limits: this.#limitsOf(roles),
      expiresMs: token?.expiresMs ?? Infinity,
    };
  }
}

function typesOf(roles: readonly Role[]): string[] {
  const rules = roles.flatMap(({ allow, deny }) => [allow.subscribe ?? [], deny.subscribe ?? []])
    .flat();
  const types = rules.map((rule) => rule.slice(rule.indexOf(" ") + 1))
    .filter((type, index) => type !== rules[index]);
  return [...new Set(types)];
}

/** What `name` looks like, as two keys: names that share one cannot be told apart. */
function keysOf(name: string): string[] {
  return looksOf(name).map((look, index) => `${index}${look}`);
}
