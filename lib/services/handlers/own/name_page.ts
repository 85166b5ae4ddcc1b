/**
 * Pages of names: the first ones in order of all that there are, with turns for others meanwhile, however many
 * there are.
 */
import type { TurnTaker } from "../../connection/fair_turns.ts";

/** The number of names that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;

/** The names that a page is to have. */
export interface NamePageOptions {
  /** The name behind which the page begins. */
  readonly after: string;
  /** The most. */
  readonly most: number;
  readonly turn: TurnTaker;
  /** Whether a name may be on the page; absent for all. */
  readonly fits?: (name: string) => boolean;
}

/** The first of `names` in their order, each once, and whether there are more. */
export async function firstNames(
  names: Iterable<string>,
  { after, most, turn, fits = () => true }: NamePageOptions,
): Promise<{ names: string[]; more: boolean }> {
  let found: string[] = [];
  let more = false;
  // Of more than twice a page, those that cannot be on it any more are let go of.
  const cut = () => {
    const sorted = [...new Set(found)].sort();
    more ||= sorted.length > most;
    found = sorted.slice(0, most);
  };
  await turn.admit();
  let looked = 0;
  for (const name of names) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (name <= after || more && name >= found[most - 1] || !fits(name)) continue;
    found.push(name);
    if (found.length > 2 * most) cut();
  }
  cut();
  return { names: found, more };
}

/** A list whose elements are made as they are taken; `make` gives null for what is gone by then. */
export function madeLater<T>(names: readonly string[], make: (name: string) => T | null) {
  return {
    length: names.length,
    slice: (from: number, to: number): T[] =>
      names.slice(from, to).map(make).filter((each) => each !== null),
  };
}
