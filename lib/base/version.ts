/**
 * The versions that Parley announces: of the software, and of the protocol it speaks.
 *
 * `deno.json` states the software's version too; tests/tidy_test.ts holds both equal.
 */

/** The version of this software, as in CHANGELOG.md. */
export const VERSION = "0.1.0";

/** The version of the wire protocol. It grows only when old clients could not go on. */
export const PROTOCOL_VERSION = 1;
