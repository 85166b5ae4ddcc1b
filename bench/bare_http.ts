/**
 * The bare servers that publishing over HTTP is measured against: the runtime's own, or with the argument `node` that of
 * node:http. Each reads a body and answers 204.
 *
 * It says where it listens as one line on standard output, and runs until it is ended.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const hostname = "127.0.0.1";
const onListen = ({ port }: { readonly port: number }) =>
  console.log(`listening ${hostname}:${port}`);

if (Deno.args[0] === "node") {
  const server = createServer((request, response) => {
    request.on("data", () => {});
    request.on("end", () => {
      response.writeHead(204);
      response.end();
    });
  });
  server.listen(0, hostname, () => onListen(server.address() as AddressInfo));
} else {
  Deno.serve({ hostname, port: 0, onListen }, async (request) => {
    await request.arrayBuffer();
    return new Response(null, { status: 204 });
  });
}
