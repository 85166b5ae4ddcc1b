/**
 * Whether a text speaks to somebody: whether their name stands in it as a word of its own, whatever the case. Pure.
 */

/** Whether `name` is mentioned in `text`. */
export function mentions(text: string, name: string): boolean {
  if (name === "") return false;
  const place = text.normalize("NFC").toLowerCase();
  const word = name.normalize("NFC").toLowerCase();
  for (let at = place.indexOf(word); at >= 0; at = place.indexOf(word, at + 1)) {
    if (!isOfName(before(place, at)) && !isOfName(behind(place, at + word.length))) return true;
  }
  return false;
}

/** A name can end a sentence, so a full stop is not taken for a part of it. */
function isOfName(character: string): boolean {
  return /^[\p{XID_Continue}-]$/u.test(character);
}

function before(text: string, at: number): string {
  return [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
}

function behind(text: string, at: number): string {
  return [...text.slice(at, at + 2)][0] ?? "";
}
