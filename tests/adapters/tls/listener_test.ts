/**
 * The tls listener against openssl and against peers that are slow, rude, or show odd certificates.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { devCertificate } from "../../../lib/adapters/tls/dev_certificate.ts";
import { TlsCredentials } from "../../../lib/adapters/tls/credentials.ts";
import { Handshakes } from "../../../lib/adapters/tls/handshakes.ts";
import { identityMap } from "../../../lib/adapters/tls/identity.ts";
import { listenTls } from "../../../lib/adapters/tls/listener.ts";
import type { Link } from "../../../lib/ports/link.ts";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { contentOf, echoMessage } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { SocketClient } from "../../support/socket_client.ts";
import { testCertificate } from "../../support/certificate.ts";
import { type Issued, TestAuthority, testHandshakes } from "../../support/tls.ts";
import { settles, until } from "../../support/until.ts";

async function ask(server: TestServer, kind: "tcp" | "tls" | "ws" = "tls"): Promise<void> {
  using client = await SocketClient.connect(server, kind);
  const { content } = contentOf(await client.request(echoMessage("served")), "echoMessage");
  assert.equal(content, "served");
}

/** What openssl says of a handshake with the server. */
async function openssl(port: number, ...args: string[]): Promise<string> {
  const command = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, ...args],
    stdin: "null",
  });
  const { stdout, stderr } = await settles(command.output(), "openssl");
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("TLS 1.2 and 1.3 are spoken, 1.1 is not, and the protocol has a name", async () => {
  await using server = await startServer();
  const port = server.port("tls");
  assert.match(await openssl(port, "-tls1_2"), /Protocol *: TLSv1\.2[\s\S]*ECDHE-/);
  assert.match(
    await openssl(port, "-tls1_3", "-alpn", "parley"),
    /TLSv1\.3[\s\S]*ALPN protocol: parley/,
  );
  assert.match(await openssl(port, "-alpn", "h2"), /Cipher is \(NONE\)/);
  for (const old of [["-tls1"], ["-tls1_1"]]) {
    const text = await openssl(port, ...old, "-cipher", "ALL:@SECLEVEL=0");
    assert.match(text, /Cipher is \(NONE\)/);
  }
  assert.match(
    await openssl(port, "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"),
    /Cipher is \(NONE\)/,
  );
  await ask(server);
});

Deno.test("peers that do not finish a handshake are closed in time, and others are served", async () => {
  await using server = await startServer({ limits: { handshake_timeout_ms: 2000 } });
  const hello = Uint8Array.of(0x16, 3, 1, 2, 0, 1);
  const slow = await Promise.all(Array.from({ length: 120 }, async (_, index) => {
    const peer = await Deno.connect({ hostname: "127.0.0.1", port: server.port("tls") });
    const dripping = index % 3 === 0
      ? setInterval(() => void peer.write(hello.subarray(0, 1)).catch(() => {}), 50)
      : 0;
    if (index % 3 === 1) await peer.write(hello).catch(() => {});
    const ended = peer.read(new Uint8Array(64)).catch(() => null).finally(() => {
      clearInterval(dripping);
      peer.close();
    });
    return ended;
  }));
  for (let count = 0; count < 5; count++) await ask(server);
  await settles(Promise.all(slow), "the end of the slow ones");
  await ask(server);
  await until(() => server.stats().connectionsOpen === 0, "all are gone");
  assert.equal(server.stats().internalErrors, 0);
});

Deno.test("more handshakes than may be under way end the oldest", async () => {
  const { options, dispose } = await testHandshakes();
  const [listener] = listenTls("127.0.0.1", 0, options);
  const peers = [];
  for (let count = 0; count < 105; count++) {
    peers.push(await Deno.connect({ hostname: "127.0.0.1", port: listener.port }));
  }
  const ends = peers.slice(0, 5).map((peer) => peer.read(new Uint8Array(8)).catch(() => null));
  assert.deepEqual(await settles(Promise.all(ends), "the oldest"), [null, null, null, null, null]);
  assert.equal(options.handshakes.size, 100);
  listener.close();
  dispose();
  await until(() => options.handshakes.size === 0, "the others end with the listener");
  peers.forEach((peer) => peer.close());
});

Deno.test("garbage, resets and ends within a handshake hurt nobody", async () => {
  await using server = await startServer();
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port("tls") });
  for (
    const bytes of [[], [0x16], [0x16, 3, 1, 2, 0, 1], [0x16, 3, 1, 0xff, 0xff], [
      71,
      69,
      84,
      32,
      47,
    ]]
  ) {
    const peer = await connect();
    await peer.write(Uint8Array.from(bytes));
    await peer.closeWrite();
    while (await settles(peer.read(new Uint8Array(64)).catch(() => null), "the end") !== null);
    peer.close();
    (await connect()).close();
  }
  await ask(server);
  await until(() => server.stats().connectionsOpen === 0, "all are gone");
  assert.equal(server.stats().internalErrors, 0);
});

/** Shows a certificate to a server; gives the code of its refusal, "served", or "closed". */
async function show(port: number, ca: string, issued: Issued | null): Promise<string> {
  const shown = issued === null ? {} : {
    cert: Deno.readTextFileSync(issued.certificate),
    key: Deno.readTextFileSync(issued.key),
  };
  const connection = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [ca],
    ...shown,
  });
  using client = new SocketClient(connection, "delimited", 1024);
  try {
    const { message } = await client.request(echoMessage("who"));
    return message.case === "error" ? ErrorCode[message.value.code] : "served";
  } catch {
    return "closed";
  }
}

Deno.test("clients' certificates are asked for, optional or required, and have to be good", async () => {
  using authority = new TestAuthority();
  using other = new TestAuthority("another");
  const { ca } = await testCertificate();
  const good = authority.issue("DNS:worker");
  const bad: [string, Issued][] = [
    ["of another authority", other.issue("DNS:worker")],
    ["expired", authority.issue("DNS:worker", -1)],
  ];
  for (const way of ["optional", "required"] as const) {
    const tls = { client_certificates: way, client_ca: authority.ca };
    await using server = await startServer({ tls });
    const port = server.port("tls");
    assert.equal(await show(port, ca, good), "served");
    assert.equal(await show(port, ca, null), way === "optional" ? "served" : "UNAUTHENTICATED");
    for (const [what, issued] of bad) {
      assert.equal(await show(port, ca, issued), "UNAUTHENTICATED", `${way}, ${what}`);
    }
    assert.equal(server.stats().connectionsTotal, way === "optional" ? 2 : 1);
  }
});

Deno.test("a link carries the identity of its peer's certificate", async () => {
  using authority = new TestAuthority();
  const own = authority.issue("IP:127.0.0.1");
  const credentials = await TlsCredentials.open({
    ...own,
    clientCa: authority.ca,
    clientCertificates: "optional",
  });
  const { options, dispose } = await testHandshakes();
  dispose();
  const identities = identityMap(["DNS:worker=the-worker"]);
  const handshakes = new Handshakes({ credentials, identities, timeoutMs: 5000, most: 10 });
  const [listener] = listenTls("127.0.0.1", 0, { ...options, handshakes });
  const links = listener[Symbol.asyncIterator]();
  for (const [names, identity] of [["DNS:worker", "the-worker"], ["DNS:stranger", null]] as const) {
    const issued = authority.issue(names);
    const peer = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: listener.port,
      caCerts: [authority.pem],
      cert: Deno.readTextFileSync(issued.certificate),
      key: Deno.readTextFileSync(issued.key),
    });
    const link = (await settles(links.next(), "the link")).value as Link;
    assert.equal(link.certificateIdentity, identity);
    link.close();
    peer.close();
    await settles(link.whenReleased(), "the release");
  }
  listener.close();
  credentials.close();
});

Deno.test("a certificate for development is good for openssl, kept, and its key private", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-dev-" });
  try {
    const made = await devCertificate(`${folder}/tls`, Date.now());
    const verify = new Deno.Command("openssl", {
      args: ["verify", "-x509_strict", "-verify_ip", "::1", "-CAfile", made.ca, made.certificate],
    });
    const { stdout, stderr } = await verify.output();
    assert.match(new TextDecoder().decode(stdout), /: OK/, new TextDecoder().decode(stderr));
    assert.equal((await Deno.stat(made.key)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(`${folder}/tls`)).mode! & 0o777, 0o700);
    const before = await Deno.readTextFile(made.certificate);
    await devCertificate(`${folder}/tls`, Date.now());
    assert.equal(await Deno.readTextFile(made.certificate), before, "it is used again");
    await devCertificate(`${folder}/tls`, Date.now() + 380 * 86_400_000);
    const renewed = await Deno.readTextFile(made.certificate);
    assert.notEqual(renewed, before, "it is renewed before it ends");
    assert(new X509Certificate(renewed).validTo.includes("202"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("https answers, and wss is spoken, when the http listener is told to", async () => {
  await using server = await startServer({ tls: { http: true } });
  const port = server.port("ws");
  const { ca } = await testCertificate();
  using client = Deno.createHttpClient({ caCerts: [ca] });
  const answer = await fetch(`https://127.0.0.1:${port}/healthz`, { client });
  assert.equal((await answer.json()).status, "ok");
  const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, { client } as unknown as string[]);
  await settles(new Promise((resolve) => socket.onopen = resolve), "open");
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await settles(closed, "close");
  const plain = await Deno.connect({ hostname: "127.0.0.1", port });
  await plain.write(new TextEncoder().encode("GET /healthz HTTP/1.0\r\n\r\n"));
  const into = new Uint8Array(64);
  const count = await settles(plain.read(into), "an alert");
  assert(count === null || into[0] === 0x15, "no HTTP without TLS");
  plain.close();
});
