/**
 * Turns failures of SQLite into errors of Parley, and errors into plain values that a Worker can post.
 *
 * The text of a failure decides, since not every failure has a number. Failures that go away by themselves are
 * retryable: a full disk, a failing device, a lock. Damage is not, and its error names the remedy.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { noRoom, unavailable } from "../store/values.ts";

/** An error as a plain value. */
export interface PostedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly accepted: string;
}

/** The remedy for damaged files. */
const RESTORE = "a backup: restore it into an empty data directory";

/** The error for bytes on disk that are not what was written. */
export function damaged(what: string, cause?: unknown): ParleyError {
  const message = `the data on disk is damaged: ${what}`;
  return new ParleyError(ErrorCode.INTERNAL, message, { cause, accepted: RESTORE });
}

/** Failures that are no damage: they may go away by themselves, or are a matter of permissions. */
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
  // The statements are always the same, so one that fails does so because of the data.
  return damaged(text, thrown);
}

/** An error as a plain value, for `postMessage`. */
export function posted(error: ParleyError): PostedError {
  const { code, message, retryable, accepted } = error;
  return { code, message, retryable, accepted };
}

/** The error that was posted. */
export function received({ code, message, retryable, accepted }: PostedError): ParleyError {
  return new ParleyError(code, message, { retryable, accepted });
}
