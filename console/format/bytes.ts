/**
 * Bytes as text, where they are that, and in hexadecimal otherwise. Pure.
 */

/** Characters that no text has, but tabs and ends of lines: what holds them is shown as bytes. */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** The text that bytes are, JSON in lines; null when they are no text. */
export function asText(bytes: Uint8Array): string | null {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  if (CONTROLS.test(text)) return null;
  return inLines(text);
}

/** A text on one line of a table: its beginning, or the first bytes. */
export function asLine(bytes: Uint8Array, most = 200): string {
  if (bytes.length === 0) return "";
  const part = bytes.subarray(0, 4 * most);
  try {
    // A character that is cut at the end is no fault of the text.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(part, { stream: true });
    if (!CONTROLS.test(text)) return text.replace(/\s+/g, " ").slice(0, most);
  } catch {
    // It is no text.
  }
  return hex(part.subarray(0, Math.floor(most / 3)));
}

/** JSON in lines when numbers stay what they are: those that a double cannot hold would become others. */
function inLines(text: string): string {
  if (!/^\s*[[{]/.test(text) || /\d{16}|\d[eE]|\.\d{15}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Bytes as lines of 16: where, the bytes, and what of them is a character. */
export function hexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; start += 16) {
    const part = bytes.subarray(start, start + 16);
    const characters = Array.from(
      part,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·",
    ).join("");
    lines.push(`${start.toString(16).padStart(6, "0")}  ${hex(part).padEnd(47)}  ${characters}`);
  }
  return lines.join("\n");
}
