/**
 * Byte sequences that look like UTF-8 and are not, with the reason, as hexadecimal digits.
 *
 * Source: RFC 3629, sections 3 and 10.
 */

/** The reason and the bytes. */
export const INVALID_UTF8: readonly (readonly [string, string])[] = [
  ["a continuation alone", "80"],
  ["two bytes, cut off", "c3"],
  ["three bytes, cut off", "e2 82"],
  ["four bytes, cut off", "f0 9d 84"],
  ["overlong slash of two bytes", "c0 af"],
  ["overlong NUL", "c0 80"],
  ["overlong slash of three bytes", "e0 80 af"],
  ["overlong slash of four bytes", "f0 80 80 af"],
  ["first half of a surrogate pair", "ed a0 80"],
  ["second half of a surrogate pair", "ed bf bf"],
  ["a surrogate pair as two characters", "ed a0 81 ed b0 80"],
  ["behind the end of Unicode", "f4 90 80 80"],
  ["five bytes", "f8 88 80 80 80"],
  ["a byte that never occurs", "ff"],
  ["a character within a character", "e2 61 82"],
];
