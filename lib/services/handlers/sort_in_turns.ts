/**
 * Sorts a long list with turns for others meanwhile: short runs are sorted, then merged two by two.
 */
import type { TurnTaker } from "../connection/fair_turns.ts";

/** So many elements are sorted, or merged, before others may have their turn. */
const AT_ONCE = 256;

/** Gives `items` in the order of `compare`, equal ones as they stood. */
export async function sortInTurns<T>(
  items: readonly T[],
  compare: (one: T, other: T) => number,
  turn: TurnTaker,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    runs.push(items.slice(from, from + AT_ONCE).sort(compare));
    await turn.did(AT_ONCE);
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(await merge(runs[index], runs[index + 1] ?? [], compare, turn));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(
  ones: readonly T[],
  others: readonly T[],
  compare: (one: T, other: T) => number,
  turn: TurnTaker,
): Promise<T[]> {
  const merged: T[] = [];
  let other = 0;
  for (let one = 0; one < ones.length || other < others.length;) {
    const isOne = other === others.length ||
      one < ones.length && compare(ones[one], others[other]) <= 0;
    merged.push(isOne ? ones[one++] : others[other++]);
    if (merged.length % AT_ONCE === 0) await turn.did(AT_ONCE);
  }
  return merged;
}
