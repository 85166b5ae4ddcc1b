/**
 * Decodes a body with its generated class, for the control plane, and turns what that raises into the
 * typed error that ends the connection.
 *
 * A generated class makes an object for each field, also for those that it does not know: a message as large as
 * the largest event would stop the server for a tenth of a second. So its size and its fields are bounded first.
 */
import { invalidArgument, ParleyError, protocolError } from "../../base/errors.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { MessageScan } from "../../wire/message_scan.ts";

/** The largest message of the control plane, without lists. */
export const MAX_CONTROL_BYTES = 8192;
/** The most fields of a message, those that are not known included; a list that is not packed is a field an element. */
export const MAX_FIELDS = 1100;

const cursor = new FieldCursor();

/** Decodes the body that `scan` found in `bytes`. Raises PROTOCOL_ERROR when it is no such message. */
export function decodeBody<T>(
  decode: (body: Uint8Array) => T,
  bytes: Uint8Array,
  scan: MessageScan,
  maxBytes = MAX_CONTROL_BYTES,
): T {
  const size = scan.end - scan.start;
  if (size > maxBytes) {
    throw invalidArgument(`cannot take ${size} bytes in field ${scan.member} of a message`, {
      accepted: `at most ${maxBytes} bytes`,
    });
  }
  checkFields(bytes, scan.start, scan.end);
  try {
    return decode(bytes.subarray(scan.start, scan.end));
  } catch (reason) {
    if (reason instanceof ParleyError) throw reason;
    const why = reason instanceof Error ? reason.message : String(reason);
    throw protocolError(`cannot read the message of field ${scan.member}: ${why}`);
  }
}

/** Raises INVALID_ARGUMENT when the message from `start` to `end` has more than `most` fields. */
export function checkFields(
  bytes: Uint8Array,
  start: number,
  end: number,
  most = MAX_FIELDS,
): void {
  // A field takes two bytes at least.
  if (end - start <= 2 * most) return;
  cursor.open(bytes, start, end);
  for (let fields = 1; cursor.next(); fields++) if (fields > most) throw tooManyFields(most);
}

/** The refusal of a message with more than `most` fields. */
export function tooManyFields(most: number): ParleyError {
  return invalidArgument(`cannot take a message of more than ${most} fields`, {
    accepted: `at most ${most} fields, each element of a list that is not packed being one`,
  });
}
