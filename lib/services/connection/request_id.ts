/**
 * The id of a request as a number, for requests that are answered later, when its bytes are gone.
 */
import { invalidArgument } from "../../base/errors.ts";
import type { MessageScan } from "../../wire/message_scan.ts";

/** The id that `scan` found, 0 for none. Raises INVALID_ARGUMENT past 2^53 - 1. */
export function idOf(bytes: Uint8Array, scan: MessageScan): number {
  if (scan.idBytes === 0) return 0;
  let id = 0;
  for (let at = scan.idEnd - 1; at > scan.idStart; at--) id = id * 128 + (bytes[at] & 0x7f);
  if (id > Number.MAX_SAFE_INTEGER) {
    throw invalidArgument("cannot take so large an id for a request that is answered later", {
      accepted: `an id of at most ${Number.MAX_SAFE_INTEGER}`,
    });
  }
  return id;
}
