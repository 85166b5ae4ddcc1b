/**
 * How far a connection is behind: what waits for it to read.
 */
import { exact, size } from "../../format/numbers.ts";
import { Badge } from "../../parts/states.tsx";

/** More than so much that waits to be read stands out. */
export const BEHIND_BYTES = 256n * 1024n;

/** How much waits to be read by a connection. */
export function Behind({ bytes }: { bytes: bigint }) {
  if (bytes === 0n) return <span class="soft">0</span>;
  return bytes > BEHIND_BYTES
    ? <Badge tone="bad" title={`${exact(bytes)} bytes wait to be read`}>{size(bytes)}</Badge>
    : <span title={`${exact(bytes)} bytes wait to be read`}>{size(bytes)}</span>;
}
