/**
 * A connection of a load, whatever carries it.
 */

/** A connection as far as loads need one. */
export type Connection = Pick<Deno.TcpConn, "read" | "write" | "close">;

/** Writes all of `bytes`. */
export async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(at === 0 ? bytes : bytes.subarray(at));
  }
}

/** Where `text` stands in `bytes`, from `from` on; -1 when it does not. */
export function indexOfText(bytes: Uint8Array, text: string, from = 0): number {
  search: for (let at = from; at + text.length <= bytes.length; at++) {
    for (let index = 0; index < text.length; index++) {
      if (bytes[at + index] !== text.charCodeAt(index)) continue search;
    }
    return at;
  }
  return -1;
}
