/**
 * Shows bytes of which nobody said what they are: as text, as JSON, or as a hex dump.
 *
 * What comes out holds nothing that a terminal obeys, whatever went in. It is bounded unless all is asked
 * for, and says how much is not shown. To get the bytes themselves is what `--raw` and `--json` are for.
 */
import { printable } from "../../base/printable.ts";
import { isJsonStructure, layOutJson } from "./json_text.ts";
import { count } from "./summary.ts";

/** How bytes are shown. */
interface PayloadView {
  /** Over several lines for a person; otherwise in one line for a pipe. */
  readonly lines: boolean;
  /** Whether all of the payload is shown. */
  readonly full: boolean;
}

const MAX_TEXT_BYTES = 8 * 1024;
const MAX_HEX_BYTES = 256;
const HEX_BYTES_A_LINE = 16;
// The control characters that text has; ESC because programs write colours. With others it is no text:
// short protobuf messages are valid UTF-8 more often than one would think.
// deno-lint-ignore no-control-regex
const NO_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that the bytes are, or null when they are something else. */
export function textOf(payload: Uint8Array): string | null {
  try {
    const text = strict.decode(payload);
    return NO_TEXT.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Shows `payload`; without a line feed at the end. */
export function payloadText(payload: Uint8Array, view: PayloadView): string {
  const text = textOf(payload);
  if (text === null) return hexText(payload, view);
  if (isJsonStructure(text)) {
    return printable(layOutJson(text, view.lines ? "  " : null), { lines: true });
  }
  let shown = text;
  let more = 0;
  if (!view.full && payload.length > MAX_TEXT_BYTES) {
    // Decoded without `fatal`, since the cut may go through a character.
    shown = new TextDecoder("utf-8", { ignoreBOM: true })
      .decode(payload.subarray(0, MAX_TEXT_BYTES), { stream: true });
    more = payload.length - MAX_TEXT_BYTES;
  }
  const safe = printable(view.lines ? shown.replace(/\n$/, "") : shown, { lines: view.lines });
  return safe + rest(more, view.lines);
}

function hexText(payload: Uint8Array, view: PayloadView): string {
  const shown = view.full ? payload : payload.subarray(0, MAX_HEX_BYTES);
  const more = payload.length - shown.length;
  if (!view.lines) return `hex:${hex(shown, "")}${rest(more, false)}`;
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += HEX_BYTES_A_LINE) {
    const bytes = shown.subarray(at, at + HEX_BYTES_A_LINE);
    const offset = at.toString(16).padStart(8, "0");
    const width = HEX_BYTES_A_LINE * 3 - 1;
    const ascii = Array.from(
      bytes,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    );
    lines.push(`${offset}  ${hex(bytes, " ").padEnd(width)}  |${ascii.join("")}|`);
  }
  return lines.join("\n") + rest(more, true);
}

function hex(bytes: Uint8Array, separator: string): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);
}

function rest(bytes: number, ownLine: boolean): string {
  if (bytes === 0) return "";
  return `${ownLine ? "\n" : ""}… ${count(bytes)} more bytes (--full shows them)`;
}

/** The bytes as a member of a JSON object: `payload` when they are UTF-8, else `payload_base64`. */
export function payloadJson(
  payload: Uint8Array,
): { payload: string } | { payload_base64: string } {
  try {
    return { payload: strict.decode(payload) };
  } catch {
    return { payload_base64: toBase64(payload) };
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
}
