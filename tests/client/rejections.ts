/**
 * What a promise rejects with, for tests that look closely at it.
 */
import assert from "node:assert/strict";
import { ErrorCode, type ErrorCodeName, ParleyError } from "../../lib/base/errors.ts";
import { settles } from "../support/until.ts";

/** The ParleyError that `promise` rejects with; its code has to be `code`. */
export async function rejection(
  promise: Promise<unknown>,
  code: ErrorCodeName,
): Promise<ParleyError> {
  let value: unknown;
  try {
    value = await settles(promise, `a rejection with ${code}`);
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    assert.equal(error.code, ErrorCode[code], `${error.codeName}: ${error.message}`);
    return error;
  }
  throw new Error(`expected a rejection with ${code}, got ${String(value)}`);
}
