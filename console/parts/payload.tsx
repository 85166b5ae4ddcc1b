/**
 * Bytes that somebody sent: as JSON or text where they are that, and otherwise as they are, in hexadecimal.
 *
 * Always text to the browser. Long ones are cut, and that is said.
 */
import { exact, size } from "../format/numbers.ts";
import { asText, hexLines } from "../format/bytes.ts";

/** The most characters that are shown of a text, and bytes of anything else. */
const MAX_TEXT = 20_000;
const MAX_HEX = 4_096;

/** A payload; `decoded` is what a message type has made of it. */
export function Payload({ bytes, decoded }: { bytes: Uint8Array; decoded?: string }) {
  if (bytes.length === 0) return <p class="soft">Empty.</p>;
  const text = decoded ?? asText(bytes);
  const shown = text === null ? hexLines(bytes.subarray(0, MAX_HEX)) : text.slice(0, MAX_TEXT);
  const isCut = text === null ? bytes.length > MAX_HEX : text.length > MAX_TEXT;
  return (
    <div class="stack">
      <pre class="payload" tabIndex={0} aria-label="Payload">{shown}</pre>
      <p class="soft">
        {size(bytes.length)}
        {bytes.length >= 1024 && ` (${exact(bytes.length)} bytes)`}
        {text === null && ", no text: shown as bytes"}
        {isCut && ", the beginning of it"}
      </p>
    </div>
  );
}
