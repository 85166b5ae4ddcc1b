/**
 * What the runtime under the tests can do. Where a release from the oldest that is accepted lacks something, a
 * test asks less of it, and says so.
 */

/**
 * Whether closing a connection ends a write that is under way: since Deno 2.9.5. Before, the runtime
 * keeps the socket of a peer that does not read until that leaves, so that tests of it leave something.
 */
export const CLOSE_ENDS_WRITES = atLeast("2.9.5", Deno.version.deno);

function atLeast(wanted: string, version: string): boolean {
  const [left, right] = [wanted, version].map((text) => text.split(/[.+-]/).map(Number));
  for (let index = 0; index < 3; index++) {
    if (left[index] !== right[index]) return left[index] < right[index];
  }
  return true;
}
