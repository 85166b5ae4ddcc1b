/**
 * The numbers of JetStream's errors that decide something here.
 */
import { JetStreamApiError } from "@nats-io/jetstream";

/** Errors of the API by `err_code`. */
export const ApiCode = {
  /** No message at that sequence. */
  NO_MESSAGE: 10037,
  /** There is a stream of that name, set up otherwise. */
  STREAM_EXISTS: 10058,
  NO_STREAM: 10059,
  /** The last sequence of the stream is another than was expected. */
  WRONG_LAST_SEQUENCE: 10071,
  /** A message could not be stored: the stream, or the disk, is full. */
  STREAM_FULL: 10077,
} as const;

/** The number of an error of the API; 0 for any other error. */
export function codeOf(error: unknown): number {
  return error instanceof JetStreamApiError ? error.code : 0;
}
