/**
 * Who goes by which name: unique without regard to case, and to what looks alike, over all rooms and listeners of a
 * server.
 *
 * A name belongs to its owner from the moment it is granted until the owner releases it, and then for a
 * grace to nobody but whoever shows the token of the grant: a person whose connection was lost comes back
 * under the same name. Whoever shows the token while the name has an owner is that person as well, whose former
 * connection nobody knows to be lost yet: the name changes hands at once. Pure: time is an argument, in milliseconds that never go back; tokens are given in.
 * Bounded: a name in grace is forgotten when its time is over, at the latest when anybody asks for it.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { foldName, looksOf, personName } from "./person_name.ts";

/** A name and whose it is. */
interface Grant<O> {
  readonly name: string;
  /** Under which it is found. */
  readonly looks: readonly [string, string];
  readonly token: string;
  /** Null during the grace. */
  owner: O | null;
  /** When the grace is over. */
  freeAtMs: number;
}

/** The tokens of a claim. */
interface Tokens {
  /** That of an earlier grant, or empty. */
  readonly shown: string;
  /** The one for a new grant. */
  readonly fresh: string;
}

/** A name as it is written, and the token that proves it. */
export interface Granted {
  readonly name: string;
  readonly token: string;
}

/** The names of a server. */
export class NameRegistry<O> {
  /** By the first and by the second of what names look like. */
  readonly #grants = new Map<string, Grant<O>>();
  readonly #bySecondLook = new Map<string, Grant<O>>();
  readonly #byOwner = new Map<O, Grant<O>>();
  /** How long the name of somebody who is gone is kept. */
  graceMs: number;
  /** Told of each name that is nobody's any more. */
  freed: (name: string) => void = () => {};

  constructor(graceMs: number) {
    this.graceMs = graceMs;
  }

  /** How many names are taken, those in grace included. */
  get size(): number {
    return this.#grants.size;
  }

  /** Everybody who has a name now. */
  owners(): O[] {
    return [...this.#byOwner.keys()];
  }

  /** The name of `owner`, or null. */
  nameOf(owner: O): string | null {
    return this.#byOwner.get(owner)?.name ?? null;
  }

  /** The name of `owner` and the token that proves it, or null. */
  grantOf(owner: O): Granted | null {
    const grant = this.#byOwner.get(owner);
    return grant === undefined ? null : { name: grant.name, token: grant.token };
  }

  /** Who goes by `name` now, or null. A name that only looks like it is another one. */
  ownerOf(name: string): O | null {
    const grant = this.#grants.get(looksOf(name)[0]);
    return grant !== undefined && isSame(grant.name, name) ? grant.owner : null;
  }

  /** Everybody who has a name now, with the name and the token that proves it. */
  grants(): [owner: O, granted: Granted][] {
    return [...this.#byOwner].map(([owner, { name, token }]) => [owner, { name, token }]);
  }

  /** Whether a name is somebody's, or kept for whoever lost it. */
  holds(name: string): boolean {
    return this.#grants.has(looksOf(name)[0]);
  }

  /** Who would give up the name that they have, if `owner` were granted `name` for the token `shown`; null for nobody. */
  replacedBy(owner: O, name: string, shown: string): O | null {
    for (const grant of this.#alike(looksOf(name))) {
      if (grant.owner !== null && grant.owner !== owner && grant.token === shown) {
        return grant.owner;
      }
    }
    return null;
  }

  /**
   * Grants `name` to `owner`, who gives up the name it had, and gives the name as it is written and the token that proves it. Who had the
   * name until now and did not show the token has none afterwards. Raises INVALID_ARGUMENT for a bad name and ALREADY_EXISTS for one
   * that is taken or looks like one that is, changing nothing.
   */
  claim(owner: O, name: string, tokens: Tokens, nowMs: number): Granted {
    const written = personName(name);
    const looks = looksOf(written);
    const former = this.#byOwner.get(owner);
    const taken = this.#alike(looks);
    let kept = tokens.fresh;
    for (const grant of taken) {
      const over = grant.owner === null && grant.freeAtMs <= nowMs;
      if (grant.owner === owner || grant.token === tokens.shown) kept = grant.token;
      else if (!over) throw isTaken(written, grant);
    }
    if (former !== undefined) this.#forget(former);
    for (const grant of taken) {
      this.#forget(grant);
      if (grant.owner !== null) this.#byOwner.delete(grant.owner);
    }
    const grant: Grant<O> = { name: written, looks, token: kept, owner, freeAtMs: 0 };
    this.#grants.set(looks[0], grant);
    this.#bySecondLook.set(looks[1], grant);
    this.#byOwner.set(owner, grant);
    return { name: written, token: kept };
  }

  /** Keeps a name that is nobody's until `freeAtMs` for whoever shows `token`. Does nothing when it is taken, or looks like one that is. */
  reserve(name: string, token: string, freeAtMs: number): void {
    const looks = looksOf(name);
    if (this.#alike(looks).size > 0) return;
    const grant: Grant<O> = { name, looks, token, owner: null, freeAtMs };
    this.#grants.set(looks[0], grant);
    this.#bySecondLook.set(looks[1], grant);
  }

  /** Says that `owner` is gone. Its name is kept for the grace, or free at once. */
  release(owner: O, nowMs: number, atOnce: boolean): void {
    const grant = this.#byOwner.get(owner);
    if (grant === undefined) return;
    this.#byOwner.delete(owner);
    if (atOnce) this.#forget(grant);
    else {
      grant.owner = null;
      grant.freeAtMs = nowMs + this.graceMs;
    }
  }

  /** Forgets names whose grace is over, at most so many. */
  expire(nowMs: number, most = Infinity): void {
    let left = most;
    for (const grant of this.#grants.values()) {
      if (grant.owner !== null || grant.freeAtMs > nowMs) continue;
      if (left-- <= 0) return;
      this.#forget(grant);
    }
  }

  /** The names that cannot be told from one that looks like this: at most two. */
  #alike([first, second]: readonly [string, string]): Set<Grant<O>> {
    const alike = new Set<Grant<O>>();
    const one = this.#grants.get(first);
    const other = this.#bySecondLook.get(second);
    if (one !== undefined) alike.add(one);
    if (other !== undefined) alike.add(other);
    return alike;
  }

  #forget({ name, looks: [first, second] }: Grant<O>): void {
    this.#grants.delete(first);
    this.#bySecondLook.delete(second);
    this.freed(name);
  }
}

function isSame(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}

function isTaken<O>(name: string, { name: held, owner }: Grant<O>): ParleyError {
  const which = isSame(name, held) ? "it is" : `it looks like ${quote(held)}, which is`;
  const how = owner === null ? "kept a moment for whoever just lost it" : "taken";
  return new ParleyError(
    ErrorCode.ALREADY_EXISTS,
    `cannot take the name ${quote(name)}: ${which} ${how}`,
    { accepted: "another name", retryable: true },
  );
}
