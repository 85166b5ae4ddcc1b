/**
 * What a claim of the lead says of its node: its id, by which others reach it, and its name, for people. Pure.
 */

/** A node as it names itself in the log. */
export interface ClaimName {
  /** Empty for nobody. */
  readonly id: string;
  /** Empty when its operator gave it none. */
  readonly name: string;
}

/** Nobody leads. */
export const NOBODY: ClaimName = { id: "", name: "" };

/** The text of a claim. */
export function claimOf({ id, name }: ClaimName): string {
  return name === "" ? id : `${id} ${name}`;
}

/** Reads the text of a claim. */
export function readClaim(text: string): ClaimName {
  const space = text.indexOf(" ");
  return space < 0
    ? { id: text, name: "" }
    : { id: text.slice(0, space), name: text.slice(space + 1) };
}
