/**
 * Lists of addresses: who is not allowed is closed before a byte is said, on every listener, and parted with when the
 * lists change while the server runs.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { type Config, configFrom } from "../../../lib/server/config/config.ts";
import { contentOf, echoMessage } from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { isReset, SocketClient } from "../../support/socket_client.ts";
import { settles, until } from "../../support/until.ts";

const KINDS = ["tcp", "tls", "raw", "ws", "text"] as const;
const RELOADS = 40;
const CLIENTS = ["tcp", "tls", "raw", "ws"] as const;

/** Connects and says something; gives the bytes that came until the server closed. */
async function answerOf(
  server: TestServer,
  kind: typeof KINDS[number],
  text = "",
): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port(kind) });
  let bytes = 0;
  try {
    if (text !== "") await connection.write(new TextEncoder().encode(text));
    for (;;) {
      const count = await settles(connection.read(new Uint8Array(1024)), `the end on ${kind}`);
      if (count === null) return bytes;
      bytes += count;
    }
  } catch (reason) {
    assert(isReset(reason), String(reason));
    return bytes;
  }
}

async function isServed(client: SocketClient): Promise<void> {
  contentOf(await client.request(echoMessage("x")), "echoMessage");
}

Deno.test("a denied address is closed without a word on every listener, also before TLS", async () => {
  await using server = await startServer({
    listen: { deny_addresses: ["127.0.0.0/8"], allow_addresses: "127.0.0.1" },
  });
  let denied = 0;
  for (const kind of KINDS) {
    for (const text of ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"]) {
      assert.equal(await answerOf(server, kind, text), 0, kind);
      denied++;
      await until(() => server.stats().connectionsDenied === denied, "it is counted");
    }
  }
  using local = await SocketClient.connect(server, "unix");
  await isServed(local);
  assert.equal(server.stats().connectionsTotal, 1);
});

Deno.test("who is allowed is served, and nobody else", async () => {
  await using server = await startServer({
    listen: { allow_addresses: ["192.0.2.0/24", "127.0.0.1/32"] },
  });
  for (const kind of CLIENTS) {
    using client = await SocketClient.connect(server, kind);
    await isServed(client);
  }
  await using elsewhere = await startServer({ listen: { allow_addresses: ["192.0.2.0/24"] } });
  for (const kind of KINDS) assert.equal(await answerOf(elsewhere, kind), 0, kind);
});

Deno.test("the log tells of a crowd that is denied in one line", async () => {
  using logs = new LogRecords();
  const clock = new ManualClock();
  await using server = await startServer({ listen: { deny_addresses: "127.0.0.1" } }, { clock });
  const lines = () =>
    logs.records.filter(({ rawMessage }) => String(rawMessage).includes("are not allowed"));
  for (let count = 0; count < 20; count++) await answerOf(server, "tcp");
  assert.equal(server.stats().connectionsDenied, 20);
  assert.equal(lines().length, 1);
  clock.advance(1000);
  await answerOf(server, "tcp");
  assert.deepEqual(lines().map(({ properties }) => properties.count), [1, 20]);
});

Deno.test("an IPv4 peer at a listener of IPv6 is that IPv4 address", async () => {
  await using server = await startServer({
    insecure: true,
    listen: { tcp: "[::]:0", deny_addresses: "127.0.0.1" },
  });
  assert.equal(await answerOf(server, "tcp"), 0);
  using other = await SocketClient.connect(server, "tcp", { hostname: "::1" });
  await isServed(other);
});

Deno.test("a request on a connection from before is refused once its address is not allowed", async () => {
  let next: Config = configFrom({});
  await using server = await startServer({}, { reread: () => Promise.resolve(next) });
  const request = new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port("ws") });
  const answer = async () => {
    await connection.write(request);
    const chunk = new Uint8Array(2048);
    const count = await settles(connection.read(chunk), "an answer");
    return new TextDecoder().decode(chunk.subarray(0, count ?? 0));
  };
  assert.match(await answer(), /^HTTP\/1\.1 200 /);
  const { config } = server;
  next = { ...config, listen: { ...config.listen, deny_addresses: ["127.0.0.1"] } };
  await server.server.reload();
  assert.match(await answer(), /^HTTP\/1\.1 403 [^]*Connection: close[^]*not allowed any more/i);
});

Deno.test("lists change under load, also to broken ones, and nobody is dropped who is allowed", async () => {
  let next: () => Config = () => configFrom({});
  await using server = await startServer({}, {
    reread: () => Promise.resolve().then(() => next()),
  });
  const { config } = server;
  let over = false;
  let asked = 0;
  const load = CLIENTS.map(async (kind) => {
    using client = await SocketClient.connect(server, kind);
    while (!over) {
      await isServed(client);
      asked++;
    }
  });
  const lists = [
    { allow_addresses: ["127.0.0.0/8"], deny_addresses: [] },
    { allow_addresses: [], deny_addresses: ["128.0.0.0/1", "::/0"] },
    { allow_addresses: ["127.0.0.1"], deny_addresses: ["127.0.0.2/31"] },
  ];
  for (let round = 0; round < RELOADS; round++) {
    const isBroken = round % 4 === 3;
    next = () => {
      if (isBroken) throw new Error("broken");
      return { ...config, listen: { ...config.listen, ...lists[round % 4] } };
    };
    const before = asked;
    if (isBroken) await assert.rejects(server.server.reload(), /broken/);
    else await server.server.reload();
    using newcomer = await SocketClient.connect(server, CLIENTS[round % CLIENTS.length]);
    await isServed(newcomer);
    await until(() => asked > before, "the load goes on");
  }
  over = true;
  await Promise.all(load);
  assert.equal(server.stats().connectionsDenied, 0);
});

Deno.test("new lists part with who is connected, and a broken configuration changes nothing", async () => {
  using logs = new LogRecords();
  let next: () => Config = () => configFrom({});
  await using server = await startServer({}, {
    reread: () => Promise.resolve().then(() => next()),
  });
  const clients = await Promise.all(
    ["unix" as const, ...CLIENTS].map((kind) => SocketClient.connect(server, kind)),
  );
  for (const client of clients) await isServed(client);
  const [local, ...others] = clients;
  const { config } = server;

  next = () => configFrom({ listen: { deny_addresses: "127.0.0.1/99" } });
  await assert.rejects(server.server.reload());
  for (const client of clients) await isServed(client);
  assert.match(logs.templates("error").join(), /the configuration is not taken/);

  next = () => ({
    ...config,
    listen: { ...config.listen, deny_addresses: ["127.0.0.1"] },
    chat: { first_room: "hall" },
  });
  await server.server.reload();
  const raw = others[CLIENTS.indexOf("raw")];
  for (const client of others) {
    // It reads one answer a request, and asked nothing.
    if (client === raw) assert.equal(await client.readMessageOrEnd(), null);
    else {
      const error = contentOf(await client.readMessage(), "error");
      assert.equal(error.closeReason, CloseReason.KICKED);
      assert.equal(error.code, ErrorCode.PERMISSION_DENIED);
      assert.equal(await client.readMessageOrEnd(), null);
    }
  }
  await isServed(local);
  for (const kind of KINDS) assert.equal(await answerOf(server, kind), 0, kind);
  const keysOf = (text: RegExp) =>
    logs.records.findLast(({ rawMessage }) => text.test(String(rawMessage)))?.properties.keys;
  assert.deepEqual(keysOf(/is in force/), ["listen.deny_addresses"]);
  assert.deepEqual(keysOf(/only a restart/), ["chat.first_room"]);

  next = () => config;
  await server.server.reload();
  using back = await SocketClient.connect(server, "tls");
  await isServed(back);
  await server.server.reload();
  assert(logs.templates("info").some((text) => text.includes("has not changed")));
  for (const client of clients) client.close();
});
