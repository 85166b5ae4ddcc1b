/**
 * Refuses text that has no UTF-8 form before it is encoded: with half of a surrogate pair.
 *
 * Encoders write U+FFFD in its place without a word. Ids, keys and names that differ would then be one, and
 * whoever compares them takes a new job for a repeated one. So everything that is encoded is looked through
 * first, wherever in it a text stands; what only explains something to people is made well-formed instead.
 */
import { invalidArgument } from "../program_error.ts";

/** Raises INVALID_ARGUMENT for a text that has no UTF-8 form. */
export function checkText(text: string, action: string): void {
  if (text.isWellFormed()) return;
  throw invalidArgument(`cannot ${action} text with half of a surrogate pair`, {
    accepted: "text that has a UTF-8 form",
  });
}

/** Raises INVALID_ARGUMENT when a text in a message, or a key of its maps, has no UTF-8 form. */
export function checkTexts(message: unknown, action: string): void {
  const name = illFormed(message, "its text");
  if (name === null) return;
  throw invalidArgument(`cannot ${action} half of a surrogate pair in ${name}`, {
    accepted: "text that has a UTF-8 form",
  });
}

/** The name of the first field that holds a text without a UTF-8 form, from `name` on; null when none does. */
function illFormed(value: unknown, name: string): string | null {
  if (typeof value === "string") return value.isWellFormed() ? null : name;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return null;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    if (!key.isWellFormed()) return `a key of ${name}`;
    const found = illFormed(fields[key], key);
    if (found !== null) return found;
  }
  return null;
}
