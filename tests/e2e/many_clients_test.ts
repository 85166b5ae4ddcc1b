/**
 * A thousand clients with a hundred echoes each, half of them pipelined and half one by one, over every
 * listener at once: all answered. And hundreds of rounds of coming and going that leave nothing open.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { echoMessage, frame, join } from "../support/frames.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { ALL_KINDS, startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

const CLIENTS = 1000;
const ECHOES = 100;

async function echoMany(server: TestServer, kind: ListenerKind, number: number): Promise<number> {
  using client = await SocketClient.connect(server, kind, { readBytes: 8192 });
  const requests = Array.from(
    { length: ECHOES },
    (_, round) => frame(echoMessage(`client ${number}, round ${round}`), client.framing),
  );
  if (number % 2 === 0) {
    const stream = join(...requests);
    await client.send(stream);
    assert.deepEqual(await client.readBytes(stream.length), stream);
    return ECHOES;
  }
  for (const request of requests) {
    await client.connection.write(request);
    assert.deepEqual(await client.readBytes(request.length), request);
  }
  return ECHOES;
}

Deno.test("a thousand clients, a hundred echoes each, all answered", async () => {
  // All of them connect in the same moment, from the process that is to answer them.
  await using server = await startServer({ limits: { handshake_timeout_ms: 120_000 } });
  const answered = await Promise.all(
    Array.from(
      { length: CLIENTS },
      (_, number) => echoMany(server, ALL_KINDS[number % ALL_KINDS.length], number),
    ),
  );
  assert.equal(answered.reduce((sum, count) => sum + count, 0), CLIENTS * ECHOES);
  await until(() => server.stats().connectionsOpen === 0, "all are gone");
  const stats = server.stats();
  assert.equal(stats.connectionsTotal, CLIENTS);
  assert.equal(stats.messagesIn, CLIENTS * ECHOES);
  assert.equal(stats.messagesOut, CLIENTS * ECHOES);
  assert.equal(stats.connectionsRefused + stats.internalErrors + stats.protocolErrors, 0);
});

Deno.test("200 rounds of coming and going over each listener leave nothing open", async () => {
  // In a process of its own: the open files of this one belong to all tests that run side by side.
  const program = fileURLToPath(new URL("./rounds_program.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", program],
    env: { NO_COLOR: "1" },
  }).output();
  const errors = new TextDecoder().decode(stderr);
  assert.equal(code, 0, errors);
  const counted = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(counted.connections, 200 * ALL_KINDS.length);
  assert.equal(counted.connectionsOpen, 0);
  assert.equal(counted.internalErrors, 0);
  assert.equal(counted.outboxBytes, 0);
  assert(counted.socketsAfter <= counted.mayBeOpen, JSON.stringify(counted));
  assert.equal(errors, "");
});
