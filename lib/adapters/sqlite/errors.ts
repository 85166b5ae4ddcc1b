/**
 * What SQLite says, as errors of Parley, and errors as plain values that a Worker can post.
 *
 * Decides by text, since not every failure carries a number. Retryable is what goes away by itself: a
 * full disk, a failing device, a lock. Damage is not, and names what to do.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { noRoom, unavailable } from "../store/values.ts";

/** An error as a value. */
export interface PostedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly accepted: string;
}

/** What to do when the files are damaged. */
const RESTORE = "a backup: restore it into an empty data directory";

/** Bytes on disk that are not what was written. */
export function damaged(what: string, cause?: unknown): ParleyError {
  const message = `the data on disk is damaged: ${what}`;
  return new ParleyError(ErrorCode.INTERNAL, message, { cause, accepted: RESTORE });
}

/** What may go away by itself, or lies in the permissions: no damage. */
const OUTSIDE =
  /disk I\/O|locked|busy|unable to open|read-?only|memory|os error|permission|access/i;

/** Gives `thrown` as a ParleyError; `action` says what could not be done. */
export function sqliteError(action: string, thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (/disk is full|No space left/i.test(text)) {
    return noRoom(
      `cannot ${action}: ${text}`,
      "free space on the disk of the data directory",
      thrown,
    );
  }
  if (OUTSIDE.test(text)) return unavailable(action, text, thrown);
  // The statements are always the same: what they cannot do, the data made impossible.
  return damaged(text, thrown);
}

/** For `postMessage`. */
export function posted(error: ParleyError): PostedError {
  const { code, message, retryable, accepted } = error;
  return { code, message, retryable, accepted };
}

/** The error that was posted. */
export function received({ code, message, retryable, accepted }: PostedError): ParleyError {
  return new ParleyError(code, message, { retryable, accepted });
}
