/**
 * Connections of a load under TLS: the same handshake for every server, over a connection that sends at once.
 */
import type { Dialect } from "../harness/subjects.ts";
import { type Connection, indexOfText } from "./connection.ts";

const INFO_BYTES = 16 * 1024;

/** Connects, and does the handshake. NATS says who it is before it, in the clear. */
export async function openTls(
  { dialect, port }: { readonly dialect: Dialect; readonly port: number },
  ca: string,
): Promise<Connection> {
  const hostname = "127.0.0.1";
  const plain = await Deno.connect({ hostname, port });
  plain.setNoDelay(true);
  if (dialect === "nats") await readLine(plain);
  const connection = await Deno.startTls(plain, { hostname, caCerts: [ca] });
  await connection.handshake();
  return connection;
}

async function readLine(connection: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(INFO_BYTES);
  for (let have = 0; indexOfText(bytes.subarray(0, have), "\n") < 0;) {
    const count = await connection.read(bytes.subarray(have));
    if (count === null || count === 0) throw new Error("the server sent no line before TLS");
    have += count;
  }
}
