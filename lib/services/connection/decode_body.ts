/**
 * Decodes a body with its generated class, for the control plane, and turns what that raises into the
 * typed error that ends the connection.
 */
import { protocolError } from "../../base/errors.ts";
import type { MessageScan } from "../../wire/message_scan.ts";

/** Decodes the body that `scan` found in `bytes`. Raises PROTOCOL_ERROR when it is no such message. */
export function decodeBody<T>(
  decode: (body: Uint8Array) => T,
  bytes: Uint8Array,
  scan: MessageScan,
): T {
  try {
    return decode(bytes.subarray(scan.start, scan.end));
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw protocolError(`cannot read the message of field ${scan.member}: ${why}`);
  }
}
