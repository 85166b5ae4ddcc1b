/**
 * Is it UTF-8? Asked of every text that a peer sends and others will get.
 *
 * Short ASCII, the common case, is decided here without a call into the runtime; everything else by the
 * runtime's own decoder, which knows overlong forms, surrogates and the end of Unicode.
 */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to this many bytes a loop is quicker than the decoder. */
const SHORT_BYTES = 256;

/** Says whether the bytes from `start` to `end` are valid UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  const short = end - start > SHORT_BYTES ? start : end;
  while (at < short && bytes[at] < 0x80) at++;
  if (at === end) return true;
  try {
    decoder.decode(bytes.subarray(at, end));
    return true;
  } catch {
    return false;
  }
}
