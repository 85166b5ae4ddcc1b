/**
 * The id of a request: any `uint64`, chosen by whoever asks and repeated by whoever answers.
 *
 * Invariant: an id has one form, so that it can be the key of a map: a number up to 2^53 - 1, a bigint beyond.
 * Ids of every day are then numbers, which cost nothing, and no id is too large to be answered. 0 is no id.
 * Non-goal: bytes; lib/wire/request_id.ts reads and writes them.
 */

/** A `uint64` in its one form: a number up to 2^53 - 1, a bigint from 2^53 to 2^64 - 1. 0 says that there is none. */
export type RequestId = number | bigint;
