/**
 * Text out of UTF-8 bytes, so that different bytes are different texts.
 *
 * A decoder left to its defaults drops a U+FEFF at the start, and then two ids or names that differ are taken
 * for one; tests/tidy_test.ts finds those that may. What has no UTF-8 form either raises
 * or is shown with U+FFFD: who compares, looks up or keeps a text takes the first, who only shows it or is
 * about to refuse it the second.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text. Raises TypeError for bytes that are no UTF-8: whoever calls has made sure of that. */
export function decodeText(bytes: Uint8Array): string {
  return strict.decode(bytes);
}

/** The text for people to read, with U+FFFD for what is no UTF-8. */
export function decodeTextLeniently(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}
