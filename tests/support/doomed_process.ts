/**
 * The program of a doomed client: passes on to a server what it gets on its standard input, and never reads.
 *
 *     deno run --allow-net doomed_process.ts tcp 127.0.0.1 7311
 *     deno run --allow-net doomed_process.ts tls localhost 7314 AUTHORITY_AS_PEM
 *     deno run --allow-read --allow-write doomed_process.ts unix /run/parley.sock
 */
import { WebSocketPeer } from "./websocket_peer.ts";

const [kind, address, port, authority] = Deno.args;

function connect() {
  if (kind === "unix") return Deno.connect({ transport: "unix", path: address });
  if (kind === "tls") {
    return Deno.connectTls({ hostname: address, port: Number(port), caCerts: [authority] });
  }
  if (kind === "ws") return WebSocketPeer.connect(Number(port), address);
  return Deno.connect({ hostname: address, port: Number(port) });
}

const connection = await connect();
const buffer = new Uint8Array(64 * 1024);
for (;;) {
  const count = await Deno.stdin.read(buffer);
  if (count === null) break;
  for (let sent = 0; sent < count;) sent += await connection.write(buffer.subarray(sent, count));
}
connection.close();
