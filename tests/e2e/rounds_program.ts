/**
 * Connects and leaves 200 times over each listener, in every way there is to leave, and prints what is
 * still open before and after as one line of JSON. Run by many_clients_test.ts in a process of its own.
 */
import { echoMessage, hex } from "../support/frames.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { ALL_KINDS, startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

const ROUNDS = 200;
/**
 * On a busy machine the runtime makes one pair of connected sockets for itself, once, at a time of its own:
 * both ends are unnamed and in this process. A connection that leaked would be one of hundreds.
 */
const RUNTIME_SOCKETS = 2;
/** The ways to leave. */
const WAYS = 6;

/** The open sockets of this process; 0 where the system does not tell. */
function openSockets(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].filter(isSocket).length;
  } catch {
    return 0;
  }
}

/** Other files do not count: the runtime opens some of its own whenever it likes. */
function isSocket(file: Deno.DirEntry): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${file.name}`).startsWith("socket:");
  } catch {
    return false;
  }
}

async function comeAndGo(server: TestServer, kind: ListenerKind, round: number): Promise<void> {
  using client = await SocketClient.connect(server, kind);
  const ways = [
    () => Promise.resolve(),
    () => client.request(echoMessage("x")),
    () => client.send(hex("0a")),
    () => client.sendMessages(echoMessage("unread".repeat(1000))),
    async () => {
      await client.sendMessages(echoMessage("x"));
      await client.closeWrite();
      await client.readUntilClosed();
    },
    async () => {
      await client.send(hex("ff ff ff ff 7f"));
      await client.readMessage();
    },
  ];
  await ways[round % WAYS]();
}

const server = await startServer();
// Each way once before, so that what is opened once for all is open.
for (let round = 0; round < WAYS; round++) {
  await Promise.all(ALL_KINDS.map((kind) => comeAndGo(server, kind, round)));
}
const warm = WAYS * ALL_KINDS.length;
await until(() => server.stats().connectionsTotal === warm, "all were taken");
await until(() => server.stats().connectionsOpen === 0, "all are gone");
const connectionsBefore = server.stats().connectionsTotal;
const socketsBefore = openSockets();
for (let round = 0; round < ROUNDS; round++) {
  await Promise.all(ALL_KINDS.map((kind) => comeAndGo(server, kind, round)));
}
await until(
  () => server.stats().connectionsTotal - connectionsBefore === ROUNDS * ALL_KINDS.length,
  "all were taken",
);
await until(() => server.stats().connectionsOpen === 0, "all are gone");
// The system closes a descriptor a moment after the connection is gone.
const mayBeOpen = socketsBefore + RUNTIME_SOCKETS;
await until(() => openSockets() <= mayBeOpen, "the sockets are closed").catch(() => {});
const { connectionsOpen, connectionsTotal, internalErrors, outboxBytes } = server.stats();
console.log(JSON.stringify({
  mayBeOpen,
  socketsAfter: openSockets(),
  connections: connectionsTotal - connectionsBefore,
  connectionsOpen,
  internalErrors,
  outboxBytes,
}));
await server[Symbol.asyncDispose]();
