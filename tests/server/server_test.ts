/**
 * Starting and stopping: what is listened on, what is refused, and that a stopped server leaves nothing.
 * What clients see of a stop stands in tests/e2e/drain_test.ts.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { configFrom } from "../../lib/server/config/config.ts";
import { Server } from "../../lib/server/server.ts";
import { addMessage, contentOf, echoMessage } from "../support/frames.ts";
import { ALL_KINDS, startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settles, until } from "../support/until.ts";
import { ownPort } from "../support/own_port.ts";

/** A stop does not wait long for clients that say nothing and do not close. */
const QUICK = { drain_quiet_ms: 1, linger_ms: 10 };

Deno.test("a server says where it listens, with the ports it was given", async () => {
  await using server = await startServer();
  const { listeners } = server.server;
  const kinds = [...ALL_KINDS, "text"].sort();
  assert.deepEqual(listeners.map((listener) => listener.kind).sort(), kinds);
  const [tcp, raw, unix] = (["tcp", "raw", "unix"] as const).map((kind) => server.addresses(kind));
  assert.match(tcp[0], /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(tcp[1], tcp[0].replace("127.0.0.1", "[::1]"));
  assert.match(raw[0], /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal(raw.length, 2);
  assert(unix[0].endsWith("/parley.sock"));
  assert.match(server.server.serverId, /^\w+$/);
});

Deno.test("every listener serves, on each of its addresses", async () => {
  await using server = await startServer();
  for (const kind of ALL_KINDS) {
    for (const hostname of kind === "unix" ? [""] : ["127.0.0.1", "::1"]) {
      using client = await SocketClient.connect(server, kind, { hostname });
      const answer = await client.request(addMessage(20, 22));
      assert.equal(contentOf(answer, "addResponse").result, 42, `${kind} ${hostname}`);
    }
  }
});

Deno.test("several addresses of one kind are all served, and a kind may be off", async () => {
  await using server = await startServer({
    listen: {
      tcp: ["127.0.0.1:0", "[::1]:0", "127.0.0.1:0"],
      tls: "",
      raw: "",
      http: "",
      text: "",
      unix: [],
    },
  });
  assert.deepEqual(server.server.listeners.map((listener) => listener.kind), ["tcp"]);
  const addresses = server.addresses("tcp");
  assert.equal(new Set(addresses).size, 3);
  for (const address of addresses) {
    const hostname = address.startsWith("[") ? "::1" : "127.0.0.1";
    const connection = await Deno.connect({ hostname, port: Number(address.split(":").at(-1)) });
    using client = new SocketClient(connection, "delimited", 1024);
    contentOf(await client.request(echoMessage("x")), "echoMessage");
  }
});

Deno.test("one process starts and stops a server many times, also beside others", async () => {
  await using beside = await startServer();
  const ids = new Set<string>();
  for (let round = 0; round < 20; round++) {
    await using server = await startServer({ limits: QUICK });
    ids.add(server.server.serverId);
    const clients = await Promise.all(ALL_KINDS.map((kind) => SocketClient.connect(server, kind)));
    for (const client of clients) contentOf(await client.request(echoMessage("x")), "echoMessage");
    if (round % 2 === 0) { for (const client of clients) client.close(); }
    await settles(server.server.stop(), "stop");
    assert.equal(server.stats().connectionsOpen, 0);
    await assert.rejects(Deno.lstat(server.path), Deno.errors.NotFound);
    for (const kind of ALL_KINDS) await assert.rejects(server.connect(kind), kind);
    for (const client of clients) client.close();
  }
  assert.equal(ids.size, 20);
  using client = await SocketClient.connect(beside, "tcp");
  contentOf(await client.request(echoMessage("x")), "echoMessage");
});

Deno.test("the ports of a stopped server can be listened on at once", async () => {
  using own = ownPort();
  const tcp = `127.0.0.1:${own.port}`;
  for (let round = 0; round < 5; round++) {
    await using server = await startServer({
      listen: { tcp, raw: "" },
      limits: QUICK,
    });
    using client = await SocketClient.connect(server, "tcp");
    contentOf(await client.request(echoMessage("x")), "echoMessage");
    await server.server.stop();
  }
});

Deno.test("an address in use is ALREADY_EXISTS, and whatever was bound before is let go", async () => {
  await using first = await startServer();
  using own = ownPort();
  const { port } = own;
  const folder = await Deno.makeTempDir({ prefix: "parley-half-" });
  try {
    for (
      const listen of [
        { tcp: `127.0.0.1:${port}`, raw: first.addresses("raw")[0], unix: "" },
        { tcp: [`127.0.0.1:${port}`, first.addresses("tcp")[1]], raw: "", unix: "" },
        { tcp: `127.0.0.1:${port}`, raw: "", unix: [`${folder}/a.sock`, first.path] },
      ]
    ) {
      await assert.rejects(
        Server.start(configFrom({ data: "", listen: { http: "", text: "", ...listen } })),
        (error: unknown) => {
          assert(error instanceof ParleyError);
          assert.equal(error.code, ErrorCode.ALREADY_EXISTS);
          assert.match(error.message, /cannot listen on (tcp|raw|unix) .*in use.*choose another/);
          return true;
        },
      );
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      assert.deepEqual([...Deno.readDirSync(folder)], []);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  using client = await SocketClient.connect(first, "unix");
  contentOf(await client.request(echoMessage("still there")), "echoMessage");
});

Deno.test("stopping again gives the same promise; stopped resolves; disposing stops", async () => {
  const server = await startServer();
  const stop = server.server.stop();
  assert.equal(server.server.stop(), stop);
  assert.equal(server.server[Symbol.asyncDispose](), stop);
  await settles(stop, "stop");
  await settles(server.server.stopped, "stopped");
  server.server.abort();
  await server[Symbol.asyncDispose]();
});

Deno.test("counters tell what happened", async () => {
  await using server = await startServer();
  {
    using client = await SocketClient.connect(server, "tcp");
    await client.request(echoMessage("abc"));
    await client.request(addMessage(2 ** 31 - 1, 1));
    const stats = server.stats();
    assert.equal(stats.connectionsOpen, 1);
    assert.equal(stats.connectionsTotal, 1);
    assert.equal(stats.messagesIn, 2);
    assert.equal(stats.messagesOut, 2);
    assert.equal(stats.requestsRefused, 1);
    assert(stats.bytesIn > 10 && stats.bytesOut > 10);
    assert(stats.maxConnections > 0);
  }
  await until(() => server.stats().connectionsOpen === 0, "the connection is gone");
  using broken = await SocketClient.connect(server, "tcp");
  await broken.send(Uint8Array.of(0x80, 0x00));
  contentOf(await broken.readMessage(), "error");
  assert.equal(server.stats().protocolErrors, 1);
  assert.equal(server.stats().connectionsTotal, 2);
  assert.equal(server.stats().internalErrors, 0);
});

Deno.test("over the connection limit one is told so, and there is room again after one left", async () => {
  await using server = await startServer({ limits: { max_connections: ALL_KINDS.length } });
  const clients: SocketClient[] = [];
  for (const kind of ALL_KINDS) {
    const client = await SocketClient.connect(server, kind);
    contentOf(await client.request(echoMessage("x")), "echoMessage");
    clients.push(client);
  }
  for (const kind of ALL_KINDS) {
    if (kind === "ws") {
      // Refused before it is a WebSocket.
      await assert.rejects(SocketClient.connect(server, kind), /HTTP\/1\.1 503 /);
      continue;
    }
    using refused = await SocketClient.connect(server, kind);
    // It may have asked already: it still reads why, and is not reset.
    await refused.sendMessages(echoMessage("x".repeat(10_000)));
    const error = contentOf(await refused.readMessage(), "error");
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.match(error.message, new RegExp(`limit of ${ALL_KINDS.length}`));
    assert.equal(await refused.readMessageOrEnd(), null);
  }
  assert.equal(server.stats().connectionsRefused, ALL_KINDS.length);
  clients.pop()!.close();
  await until(() => server.stats().connectionsOpen === ALL_KINDS.length - 1, "one left");
  using late = await SocketClient.connect(server, "tcp");
  contentOf(await late.request(echoMessage("x")), "echoMessage");
  for (const client of clients) client.close();
});

Deno.test("one address has its limit, and others are not concerned", async () => {
  await using server = await startServer({ limits: { max_connections_per_ip: 2 } });
  const clients: SocketClient[] = [];
  for (const kind of ["tcp", "raw"] as const) {
    const client = await SocketClient.connect(server, kind);
    contentOf(await client.request(echoMessage("x")), "echoMessage");
    clients.push(client);
  }
  using refused = await SocketClient.connect(server, "tcp");
  assert.match(
    contentOf(await refused.readMessage(), "error").message,
    /127\.0\.0\.1 has its limit/,
  );
  for (
    const [kind, hostname] of [["tcp", "::1"], ["unix", ""], ["unix", ""], ["unix", ""]] as const
  ) {
    const client = await SocketClient.connect(server, kind, { hostname });
    contentOf(await client.request(echoMessage("x")), "echoMessage");
    clients.push(client);
  }
  for (const client of clients) client.close();
});

Deno.test("connections over the rate wait and are served, none is refused", async () => {
  await using server = await startServer({ limits: { max_new_connections_per_second: 50 } });
  const answers = await Promise.all(Array.from({ length: 70 }, async () => {
    using client = await SocketClient.connect(server, "tcp");
    return contentOf(await client.request(echoMessage("x")), "echoMessage").content;
  }));
  assert.equal(answers.length, 70);
  assert.equal(server.stats().connectionsRefused, 0);
});

Deno.test("an address over the rate waits for itself, and whoever comes from another does not", async () => {
  await using server = await startServer({ limits: { max_new_connections_per_second: 1 } });
  // Loopback has an address for each host in 127.0.0.0/8; the crowd has used up this second and many more.
  const crowd = await Promise.all(Array.from({ length: 100 }, () => server.connect("tcp")));
  await until(() => server.stats().connectionsTotal > 0, "the first is taken");
  using other = await SocketClient.connect(server, "unix");
  contentOf(await other.request(echoMessage("me too")), "echoMessage");
  assert(server.stats().connectionsTotal < 20, "the crowd still waits");
  for (const client of crowd) client.close();
});

Deno.test("a server that waits for its rate can be stopped", async () => {
  await using server = await startServer({
    limits: { ...QUICK, max_new_connections_per_second: 1 },
  });
  const clients = await Promise.all(Array.from({ length: 5 }, () => server.connect("unix")));
  await until(() => server.stats().connectionsTotal > 0, "the first is taken");
  await settles(server.server.stop(), "stop");
  for (const client of clients) client.close();
});
