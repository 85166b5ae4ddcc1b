/**
 * Connections over the limit are told why on each listener, however many have been told so before them.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { MAX_TOLD_REFUSALS } from "../../../lib/base/limits.ts";
import { contentOf, echoMessage } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { SocketClient } from "../../support/socket_client.ts";
import { settles } from "../../support/until.ts";

/** One after the other; at any time only so many are told. */
const REFUSED = 3 * MAX_TOLD_REFUSALS;

async function toldOverHttp(server: TestServer): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("ws") });
  await connection.write(new TextEncoder().encode("GET /healthz HTTP/1.0\r\n\r\n"));
  const text = await settles(new Response(connection.readable).text(), "the refusal");
  assert.match(text, /^HTTP\/1\.1 503 /);
}

async function toldOver(server: TestServer, kind: "tcp" | "tls" | "unix"): Promise<void> {
  using client = await SocketClient.connect(server, kind);
  const { code, closeReason } = contentOf(await client.readMessage(), "error");
  assert.equal(code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(closeReason, CloseReason.TOO_MANY_CONNECTIONS);
}

for (const kind of ["tcp", "tls", "unix", "http"] as const) {
  Deno.test(`each connection over the limit is told why, also the last of many: ${kind}`, async () => {
    await using server = await startServer({ limits: { max_connections: 1 } });
    using resident = await SocketClient.connect(server, "tcp");
    contentOf(await resident.request(echoMessage("here")), "echoMessage");
    for (let count = 0; count < REFUSED; count++) {
      await (kind === "http" ? toldOverHttp(server) : toldOver(server, kind));
    }
    contentOf(await resident.request(echoMessage("still here")), "echoMessage");
  });
}
