/**
 * The PROXY protocol in front of every listener: whose connection it is, whatever the pieces its header comes in, and what
 * becomes of those without a good one.
 */
import assert from "node:assert/strict";
import { joinBytes } from "../../../lib/base/join_bytes.ts";
import { CloseReason } from "../../../lib/base/errors.ts";
import { testCertificate } from "../../support/certificate.ts";
import { contentOf, echoMessage, frame } from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { proxyV1, proxyV2 } from "../../support/proxy_header.ts";
import { type PlainConnection, startServer, type TestServer } from "../../support/server.ts";
import { isReset, SocketClient } from "../../support/socket_client.ts";
import { settles, until } from "../../support/until.ts";
import { WebSocketPeer } from "../../support/websocket_peer.ts";

const KINDS = ["tcp", "tls", "raw", "ws"] as const;
type Kind = typeof KINDS[number] | "text";

const PROXY = { proxy_protocol: ["127.0.0.1/32"] };
const PEERS = [
  { header: proxyV1("TCP4 192.0.2.7 198.51.100.1 51234 7311"), peer: "192.0.2.7:51234" },
  { header: proxyV2("192.0.2.8", 51235, { extra: 300 }), peer: "192.0.2.8:51235" },
  { header: proxyV2("2001:db8::7", 443), peer: "[2001:db8::7]:443" },
];

/** Connects and sends a header, a byte at a time if wanted. */
async function throughProxy(
  server: TestServer,
  kind: Kind,
  header: Uint8Array,
  piece = header.length,
): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port(kind) });
  connection.setNoDelay(true);
  for (let sent = 0; sent < header.length;) {
    sent += await connection.write(header.subarray(sent, sent + piece));
  }
  return connection;
}

/** A client of messages behind a proxy. */
async function client(
  server: TestServer,
  kind: typeof KINDS[number],
  header: Uint8Array,
  piece?: number,
): Promise<SocketClient> {
  const connection = await throughProxy(server, kind, header, piece);
  let plain: PlainConnection = connection;
  if (kind === "tls") {
    const caCerts = [(await testCertificate()).ca];
    plain = await Deno.startTls(connection, { hostname: "127.0.0.1", caCerts });
  } else if (kind === "ws") plain = await WebSocketPeer.over(connection);
  return new SocketClient(plain, kind === "raw" ? "bare" : "delimited", 65_536);
}

async function isServed(one: SocketClient): Promise<void> {
  contentOf(await one.request(echoMessage("x")), "echoMessage");
}

/** Reads to the end; gives what came. */
async function restOf(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  try {
    for (const chunk = new Uint8Array(1024);;) {
      const count = await settles(connection.read(chunk), "the end");
      if (count === null) return text;
      text += new TextDecoder().decode(chunk.subarray(0, count));
    }
  } catch (reason) {
    assert(isReset(reason), String(reason));
    return text;
  } finally {
    connection.close();
  }
}

function peersIn(logs: LogRecords): unknown[] {
  return logs.records.filter(({ rawMessage }) => rawMessage === "connected")
    .map(({ properties }) => properties.peer);
}

Deno.test("the peer is who the proxy says, on every listener and however the header comes", async () => {
  using logs = new LogRecords();
  await using server = await startServer({ listen: PROXY });
  for (const kind of KINDS) {
    for (const { header, peer } of PEERS) {
      for (const piece of [1, header.length]) {
        using one = await client(server, kind, header, piece);
        await isServed(one);
        assert.equal(peersIn(logs).at(-1), peer, kind);
      }
    }
  }
  for (const { header, peer } of PEERS) {
    const connection = await throughProxy(server, "text", header);
    const welcome = new Uint8Array(1024);
    assert((await settles(connection.read(welcome), "a welcome") ?? 0) > 0);
    connection.close();
    assert.equal(peersIn(logs).at(-1), peer);
  }
  assert.equal(server.stats().proxyHeaderFaults, 0);
});

Deno.test("not a byte behind a header is lost, also in the same packet", async () => {
  await using server = await startServer({ listen: PROXY });
  for (const { header } of PEERS) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("tcp") });
    using one = new SocketClient(connection, "delimited", 65_536);
    const echoes = ["a", "b".repeat(5000)].map((text) => frame(echoMessage(text), "delimited"));
    await one.send(joinBytes([header, ...echoes]));
    assert.equal(contentOf(await one.readMessage(), "echoMessage").content, "a");
    assert.equal(contentOf(await one.readMessage(), "echoMessage").content, "b".repeat(5000));
  }
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("ws") });
  const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  await connection.write(joinBytes([PEERS[0].header, new TextEncoder().encode(request)]));
  assert.match(await restOf(connection), /^HTTP\/1\.1 200 /);
});

Deno.test("a proxy that connects for itself is itself, and is not measured by who is allowed", async () => {
  using logs = new LogRecords();
  await using server = await startServer({
    listen: { ...PROXY, allow_addresses: "192.0.2.0/24" },
  });
  const local = proxyV2("", 0, { command: 0x20, family: 0 });
  for (const header of [local, proxyV1("UNKNOWN"), proxyV2("", 0, { family: 0x31, extra: 216 })]) {
    using one = await client(server, "tcp", header);
    await isServed(one);
    assert.match(String(peersIn(logs).at(-1)), /^127\.0\.0\.1:\d+$/);
  }
});

Deno.test("lists and limits see the peer, not its proxy", async () => {
  await using server = await startServer({
    listen: { ...PROXY, deny_addresses: ["192.0.2.66"] },
    limits: { max_connections_per_ip: 1 },
  });
  for (const kind of [...KINDS, "text"] as const) {
    const denied = await throughProxy(server, kind, proxyV1("TCP4 192.0.2.66 192.0.2.1 5 6"));
    assert.equal(await restOf(denied), "", kind);
  }
  assert.equal(server.stats().connectionsDenied, 5);
  for (const kind of KINDS) {
    using first = await client(server, kind, proxyV1("TCP4 192.0.2.7 192.0.2.1 5 6"));
    await isServed(first);
    using other = await client(server, kind, proxyV1("TCP4 192.0.2.8 192.0.2.1 5 6"));
    await isServed(other);
    using second = await client(server, "tcp", proxyV1("TCP4 192.0.2.7 192.0.2.1 7 6"));
    const error = contentOf(await second.readMessage(), "error");
    assert.equal(error.closeReason, CloseReason.TOO_MANY_CONNECTIONS);
    assert.match(error.message, /192\.0\.2\.7 has its limit of 1 connections/);
    for (const one of [first, other]) one.close();
    await until(() => server.stats().connectionsOpen === 0, "all are gone");
  }
});

Deno.test("a proxy without a good header is closed without a word, and counted", async () => {
  using logs = new LogRecords();
  await using server = await startServer({ listen: PROXY });
  const bad = [
    frame(echoMessage("no header"), "delimited"),
    new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    proxyV1("TCP4 192.0.2.7 192.0.2.1 5"),
    proxyV1(`UNKNOWN ${"x".repeat(107 - "PROXY UNKNOWN \r\n".length + 1)}`),
    proxyV2("192.0.2.7", 5, { command: 0x31 }),
    proxyV2("192.0.2.7", 5, { extra: 5000 }),
  ];
  let faults = 0;
  for (const kind of [...KINDS, "text"] as const) {
    for (const header of bad) {
      assert.equal(await restOf(await throughProxy(server, kind, header)), "", kind);
      assert.equal(server.stats().proxyHeaderFaults, ++faults);
    }
  }
  // One that leaves within its header is a fault, and one that only looks whether somebody listens is none.
  const half = await throughProxy(server, "tcp", PEERS[0].header.subarray(0, 20));
  await half.closeWrite();
  assert.equal(await restOf(half), "");
  (await throughProxy(server, "tcp", new Uint8Array())).close();
  const isNoted = () => logs.templates("debug").some((text) => /without a header/.test(text));
  await until(isNoted, "the look is noted");
  assert.equal(server.stats().proxyHeaderFaults, faults + 1);
  assert.equal(logs.templates("warning").length, 1, "the log warns once in a while");
  assert.equal(server.stats().connectionsTotal, 0);
  using good = await client(server, "tcp", PEERS[0].header);
  await isServed(good);
});

Deno.test("from others a header is no header", async () => {
  await using server = await startServer({
    listen: { proxy_protocol: "192.0.2.1", deny_addresses: "192.0.2.66" },
  });
  for (const kind of ["tcp", "tls", "ws"] as const) {
    const denied = await throughProxy(server, kind, proxyV1("TCP4 192.0.2.66 192.0.2.1 5 6"));
    await denied.closeWrite();
    await restOf(denied);
  }
  const { connectionsDenied, proxyHeaderFaults, protocolErrors } = server.stats();
  assert.deepEqual([connectionsDenied, proxyHeaderFaults, protocolErrors], [0, 0, 1]);
  using plain = await SocketClient.connect(server, "tcp");
  await isServed(plain);
});

Deno.test("a header that does not come is waited for no longer than a handshake", async () => {
  await using server = await startServer({ listen: PROXY, limits: { handshake_timeout_ms: 50 } });
  for (const begun of [0, 1, 12, 30]) {
    const slow = await throughProxy(server, "tls", PEERS[0].header.subarray(0, begun));
    assert.equal(await restOf(slow), "");
  }
  assert.equal(server.stats().proxyHeaderFaults, 4);
});

Deno.test("who waits for a header has a place, and gives it back", async () => {
  await using server = await startServer({ listen: PROXY, limits: { max_connections: 2 } });
  const waiting = await throughProxy(server, "tcp", PEERS[0].header.subarray(0, 5));
  using one = await client(server, "tcp", PEERS[1].header);
  await isServed(one);
  assert.equal(await restOf(await throughProxy(server, "tcp", PEERS[2].header)), "");
  assert.equal(server.stats().connectionsRefused, 1);
  waiting.close();
  await until(() => server.stats().proxyHeaderFaults === 1, "it is gone");
  using next = await client(server, "tls", PEERS[2].header);
  await isServed(next);
});

Deno.test("a server that waits for headers can be stopped", async () => {
  await using server = await startServer({ listen: PROXY });
  const waiting = await Promise.all(
    [...KINDS, "text" as const].map((kind) =>
      throughProxy(server, kind, PEERS[0].header.subarray(0, 5))
    ),
  );
  using served = await client(server, "tcp", PEERS[1].header);
  await isServed(served);
  await settles(server.server.stop(), "the stop");
  for (const connection of waiting) assert.equal(await restOf(connection), "");
});
