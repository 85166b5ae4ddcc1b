/**
 * Who goes by which name: unique without regard to case, over all rooms and listeners of a server.
 *
 * A name belongs to its owner from the moment it is granted until the owner releases it, and then for a
 * grace to nobody but whoever shows the token of the grant: a person whose connection was lost comes back
 * under the same name. Whoever shows the token while the name has an owner is that person as well, whose former
 * connection nobody knows to be lost yet: the name changes hands at once. Pure: time is an argument, in milliseconds that never go back; tokens are given in.
 * Bounded: a name in grace is forgotten when its time is over, at the latest when anybody asks for it.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";

/** The longest name. */
export const MAX_NAME_CHARACTERS = 32;
const NAME = /^[A-Za-z0-9._-]+$/;
const NAME_FORM = `1 to ${MAX_NAME_CHARACTERS} of A-Z a-z 0-9 . _ -`;

/** Raises INVALID_ARGUMENT when `name` is no name for a person; says which rule it breaks. */
export function checkPersonName(name: string): void {
  const fault = name === ""
    ? "a name is not empty"
    : name.length > MAX_NAME_CHARACTERS
    ? `a name has at most ${MAX_NAME_CHARACTERS} characters`
    : !NAME.test(name)
    ? 'a name has letters from A to Z, digits, ".", "_" and "-" only'
    : null;
  if (fault === null) return;
  throw invalidArgument(`cannot take the name ${quote(name)}: ${fault}`, { accepted: NAME_FORM });
}

/** A name and whose it is. */
interface Grant<O> {
  readonly name: string;
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

/** The names of a server. */
export class NameRegistry<O> {
  readonly #grants = new Map<string, Grant<O>>();
  readonly #byOwner = new Map<O, Grant<O>>();
  /** How long the name of somebody who is gone is kept. */
  graceMs: number;

  constructor(graceMs: number) {
    this.graceMs = graceMs;
  }

  /** How many names are taken, those in grace included. */
  get size(): number {
    return this.#grants.size;
  }

  /** The name of `owner`, or null. */
  nameOf(owner: O): string | null {
    return this.#byOwner.get(owner)?.name ?? null;
  }

  /** Who goes by `name` now, or null. */
  ownerOf(name: string): O | null {
    return this.#grants.get(keyOf(name))?.owner ?? null;
  }

  /**
   * Grants `name` to `owner`, who gives up the name it had, and gives the token that proves it. Who had the
   * name until now and did not show the token has none afterwards. Raises INVALID_ARGUMENT for a bad name and ALREADY_EXISTS for one
   * that is taken, changing nothing.
   */
  claim(owner: O, name: string, tokens: Tokens, nowMs: number): string {
    checkPersonName(name);
    const former = this.#byOwner.get(owner);
    const taken = this.#grants.get(keyOf(name));
    const mine = taken !== undefined && (taken.owner === owner || taken.token === tokens.shown);
    const over = taken !== undefined && taken.owner === null && taken.freeAtMs <= nowMs;
    if (taken !== undefined && !over && !mine) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot take the name ${quote(name)}: ${
          taken.owner === null ? "it is kept a moment for whoever just lost it" : "it is taken"
        }`,
        { accepted: "another name", retryable: true },
      );
    }
    const kept = mine ? taken.token : tokens.fresh;
    if (former !== undefined) this.#grants.delete(keyOf(former.name));
    if (taken !== undefined && taken.owner !== null) this.#byOwner.delete(taken.owner);
    const grant: Grant<O> = { name, token: kept, owner, freeAtMs: 0 };
    this.#grants.set(keyOf(name), grant);
    this.#byOwner.set(owner, grant);
    return kept;
  }

  /** Says that `owner` is gone. Its name is kept for the grace, or free at once. */
  release(owner: O, nowMs: number, atOnce: boolean): void {
    const grant = this.#byOwner.get(owner);
    if (grant === undefined) return;
    this.#byOwner.delete(owner);
    if (atOnce) this.#grants.delete(keyOf(grant.name));
    else {
      grant.owner = null;
      grant.freeAtMs = nowMs + this.graceMs;
    }
  }

  /** Forgets the names whose grace is over. */
  expire(nowMs: number): void {
    for (const [key, grant] of this.#grants) {
      if (grant.owner === null && grant.freeAtMs <= nowMs) this.#grants.delete(key);
    }
  }
}

function keyOf(name: string): string {
  return name.toLowerCase();
}
