/**
 * Valid text passes, everything else does not: the forms that lenient decoders let through, at the
 * front, in the middle and at the end, in texts shorter and longer than the quick path.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { isUtf8 } from "../../lib/wire/utf8.ts";
import { hex, join } from "../support/frames.ts";
import { INVALID_UTF8 } from "../support/invalid_utf8.ts";

const encoder = new TextEncoder();

Deno.test("valid text is UTF-8, also the ends of each length and a byte order mark", () => {
  const texts = ["", "a", "\0", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff"];
  for (const text of [...texts, "\u{10000}", "\u{10ffff}", "\ufeffa", "é".repeat(1000)]) {
    const bytes = encoder.encode(text);
    assert(isUtf8(bytes, 0, bytes.length), JSON.stringify(text));
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // A lone half of a surrogate pair becomes U+FFFD here, as with every encoder.
    const bytes = encoder.encode(text);
    assert(isUtf8(bytes, 0, bytes.length));
  }));
});

Deno.test("only the range that was asked for counts", () => {
  const bytes = join(hex("ff"), encoder.encode("é"), hex("ff"));
  assert(isUtf8(bytes, 1, 3));
  assert(!isUtf8(bytes, 1, 2), "a character that is cut off");
  assert(!isUtf8(bytes, 2, 3), "the rest of a character");
  assert(isUtf8(bytes, 0, 0));
});

Deno.test("what is no UTF-8 is found wherever it stands", () => {
  for (const [name, digits] of INVALID_UTF8) {
    for (const before of [0, 1, 255, 256, 257, 1000]) {
      for (const after of [0, 1, 300]) {
        const bytes = join(
          new Uint8Array(before).fill(97),
          hex(digits),
          new Uint8Array(after).fill(97),
        );
        assert(!isUtf8(bytes, 0, bytes.length), `${name} behind ${before} bytes, ${after} follow`);
      }
    }
  }
});
