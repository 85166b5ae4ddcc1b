/**
 * What may be the name of a person, in any script, and which names look alike.
 *
 * Names are identifiers of Unicode (UAX #31) with ".", "-" and "_", in NFC. Names that differ in case only, or that look alike
 * by Unicode's table of confusable characters (UTS #39), cannot be told apart by people, so a server
 * grants only one of them at a time. Pure.
 */
import { invalidArgument } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { CONFUSABLES } from "./confusables.ts";

/** The longest name, in characters (code points). */
export const MAX_NAME_CHARACTERS = 32;
/** The most marks (accents, vowel signs) that stand on one letter. */
export const MAX_NAME_MARKS = 4;
const NAME = /^[\p{XID_Continue}.-]+$/u;
const UNSEEN = /\p{Default_Ignorable_Code_Point}/u;
const TOO_MANY_MARKS = new RegExp(`\\p{M}{${MAX_NAME_MARKS + 1}}`, "u");
const NAME_FORM = `1 to ${MAX_NAME_CHARACTERS} letters or digits of any script, or . _ -`;

/**
 * Gives `name` as it is granted: in NFC. Raises INVALID_ARGUMENT when it is no name for a person; says which
 * rule it breaks.
 */
export function personName(name: string): string {
  const normal = name.normalize("NFC");
  const fault = faultOf(normal);
  if (fault !== null) {
    throw invalidArgument(`cannot take the name ${quote(name)}: ${fault}`, { accepted: NAME_FORM });
  }
  const plain = normal.normalize("NFKC");
  if (plain === normal) return normal;
  throw invalidArgument(
    `cannot take the name ${quote(name)}: it is written with variants of other characters`,
    { accepted: faultOf(plain) === null ? quote(plain) : NAME_FORM },
  );
}

/** Says which rule of names for people `name` breaks, or null when a person may have it. */
export function personNameFault(name: string): string | null {
  const normal = name.normalize("NFC");
  if (normal.normalize("NFKC") !== normal) return "it is written with variants of other characters";
  return faultOf(normal);
}

function faultOf(name: string): string | null {
  if (name === "") return "a name is not empty";
  if ([...name].length > MAX_NAME_CHARACTERS) {
    return `a name has at most ${MAX_NAME_CHARACTERS} characters`;
  }
  if (!NAME.test(name) || UNSEEN.test(name)) {
    return 'a name has letters and digits, ".", "_" and "-" only';
  }
  if (/^\p{M}/u.test(name)) return "a name does not begin with a mark that belongs on a letter";
  if (TOO_MANY_MARKS.test(name.normalize("NFD"))) {
    return `a letter has at most ${MAX_NAME_MARKS} marks`;
  }
  return null;
}

/** `name` without regard to case: equal for names that differ in nothing else. */
export function foldName(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

/**
 * What is equal for names that look alike: either their first or their second. The first compares small letters, the
 * second finds those of which one has a capital (`pauI` for `paul`).
 */
export function looksOf(name: string): readonly [string, string] {
  return [skeleton(foldName(name)), skeleton(foldName(skeleton(name)))];
}

/** Says for names whether people could take them for `name`: they differ from it in case only, or look alike. */
export function looksAlike(name: string): (other: string) => boolean {
  const [first, second] = looksOf(name);
  return (other) => {
    const looks = looksOf(other);
    return looks[0] === first || looks[1] === second;
  };
}

let targets: ReadonlyMap<string, string> | null = null;

/** `text` with each character replaced by what all that look like it are replaced by. */
function skeleton(text: string): string {
  targets ??= readTargets();
  let result = "";
  for (const character of text.normalize("NFKC").normalize("NFD")) {
    result += targets.get(character) ?? character;
  }
  return result.normalize("NFD");
}

function readTargets(): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  const text = (codes: string) =>
    String.fromCodePoint(...codes.trim().split(/\s+/).map((code) => parseInt(code, 16)));
  for (const entry of CONFUSABLES.split(";")) {
    const [target, sources] = entry.split("=");
    for (const source of sources.trim().split(/\s+/)) map.set(text(source), text(target));
  }
  return map;
}
