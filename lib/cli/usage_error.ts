/**
 * Wrong use of the command line, which ends with exit code 2.
 */

/** The arguments are wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
