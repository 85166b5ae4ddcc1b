/**
 * Refuses text that has no UTF-8 form before it is encoded: with half of a surrogate pair.
 *
 * Encoders write U+FFFD in its place without a word. Ids, keys and names that differ would then be one, and
 * whoever compares them takes a new job for a repeated one. So everything that is encoded is looked through
 * first, wherever in it a text stands; what only explains something to people is made well-formed instead.
 */
import { invalidArgument } from "../../base/errors.ts";

/** Raises INVALID_ARGUMENT for a text that has no UTF-8 form. */
export function checkText(text: string, action: string): void {
  if (text.isWellFormed()) return;
  throw invalidArgument(`cannot ${action} text with half of a surrogate pair`, {
    accepted: "text that has a UTF-8 form",
  });
}

/** The same for every text in a message, as a program writes it, and for the keys of its maps. */
export function checkTexts(value: unknown, action: string): void {
  if (typeof value === "string") return checkText(value, action);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    for (const each of value) checkTexts(each, action);
    return;
  }
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    checkText(name, `${action} a key of`);
    if (typeof field === "string") checkText(field, `${action} ${name} of`);
    else if (typeof field === "object") checkTexts(field, action);
  }
}
