/**
 * Guesses what somebody meant who wrote something that does not exist.
 *
 * What begins with the word comes first, since most were about to write it. Otherwise the measure is the edit distance with transpositions (optimal string alignment). Meant for short
 * lists of short names; the cost is the product of the lengths, so overlong words are not compared.
 */

const MAX_WORD_LENGTH = 100;
/** Fewer letters are the beginning of too much. */
const LEAST_BEGINNING = 3;

/** Gives the candidate nearest to `word`, or undefined when none is near enough to be meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  const all = [...candidates];
  let best = thatBegins(word, all);
  if (best !== undefined) return best;
  let bestDistance = Math.max(1, Math.floor(word.length * 0.4)) + 1;
  for (const candidate of all) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Of the candidates that begin with `word`, the one with the least to be added; undefined for none, and for words of one or two letters. */
export function thatBegins(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < LEAST_BEGINNING) return undefined;
  const beginning = word.toLowerCase();
  let best: string | undefined;
  for (const candidate of candidates) {
    if (!candidate.toLowerCase().startsWith(beginning)) continue;
    if (best === undefined || candidate.length < best.length) best = candidate;
  }
  return best;
}

/** The least number of insertions, removals, replacements and swaps of neighbours between two words. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = last[column - 1] + (from[row - 1] === to[column - 1] ? 0 : 1);
      let distance = Math.min(last[column] + 1, current[column - 1] + 1, replaced);
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      if (swapped) distance = Math.min(distance, beforeLast[column - 2] + 1);
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length];
}
