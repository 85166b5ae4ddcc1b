/**
 * The http listener towards whoever sends what: health, refusals, slow and broken requests, and its end.
 */
import assert from "node:assert/strict";
import { ALONE } from "../../support/alone.ts";
import { plentyOfInput } from "../../support/input_budget.ts";
import { openGate } from "../../support/open_gate.ts";
import { listenHttp } from "../../../lib/adapters/http/listener.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { VERSION } from "../../../lib/base/version.ts";
import { CountingGate, parse, readText, run } from "../../support/http_listener.ts";
import { settles, until } from "../../support/until.ts";
import { handshakeRequest, WebSocketPeer } from "../../support/websocket_peer.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `http: ${name}`, fn });
}

test("the health is told with the version", async () => {
  await using running = run();
  const response = await running.request("GET /healthz HTTP/1.1");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.deepEqual(await response.json(), { status: "ok", version: VERSION });
  const head = await running.exchange(
    "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  assert.match(head, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
});

test("there is nothing where no route leads, and of the health only GET and HEAD", async () => {
  await using running = run();
  for (const path of ["/", "/index.html", "/healthz/", "/../healthz", "//healthz", "/ws/"]) {
    assert.equal((await running.request(`GET ${path} HTTP/1.1`)).status, 404, path);
  }
  assert.equal((await running.request("GET * HTTP/1.1")).status, 400);
  const socket = await running.request("GET /ws HTTP/1.1");
  assert.equal(socket.status, 426);
  assert.equal(socket.headers.get("upgrade"), "websocket");
  assert.equal(socket.headers.get("connection"), "Upgrade, close");
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
    const response = await running.request(`${method} /healthz HTTP/1.1`);
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
  }
});

test("a body that nobody asked for is not read, and ends the connection", async () => {
  await using running = run();
  const text = await running.exchange(
    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nabc",
  );
  assert.equal(parse(text).status, 405);
  const get = await running.exchange(
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  assert.equal(parse(get).status, 200);
});

test("a foreign host and a foreign origin are refused, whatever they ask for", async () => {
  await using running = run({}, ["http://app.example"]);
  for (const head of ["GET /healthz HTTP/1.1", "POST / HTTP/1.1"]) {
    const response = await running.request(head, "evil.example");
    assert.equal(response.status, 403);
    assert.match(await response.text(), /evil\.example.*listen\.hosts/);
  }
  const host = await running.handshake({ host: "evil.example" });
  assert.equal(host.status, 403);
  const foreign = await running.handshake({ headers: { Origin: "http://evil.example" } });
  assert.equal(foreign.status, 403);
  assert.match(await foreign.text(), /add "http:\/\/evil\.example" to listen\.origins/);
  const headers = { Origin: "http://app.example" };
  (await WebSocketPeer.connect(running.listener.port, "127.0.0.1", { headers })).close();
  const own = `127.0.0.1:${running.listener.port}`;
  (await WebSocketPeer.connect(running.listener.port, "127.0.0.1", {
    host: own,
    headers: { Origin: `http://${own}` },
  })).close();
});

test("headers that would be hidden behind others are refused", async () => {
  await using running = run({}, ["http://app.example"]);
  const twoHosts = await running.exchange(
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
  );
  assert.equal(parse(twoHosts).status, 400);
  const noHost = await running.exchange("GET /healthz HTTP/1.1\r\n\r\n");
  assert.equal(parse(noHost).status, 400);
  const oldHosts = await running.exchange(
    "GET /healthz HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
  );
  assert.equal(parse(oldHosts).status, 400);
  const request = handshakeRequest({ headers: { Origin: "http://app.example" } });
  const twoOrigins = request.replace("Origin:", "Origin: http://evil.example\r\nOrigin:");
  assert.equal(parse(await running.exchange(twoOrigins)).status, 400);
});

test("a handshake that is none is refused with the reason", async () => {
  await using running = run();
  const cases: [Parameters<typeof handshakeRequest>[0], number][] = [
    [{ path: "/" }, 404],
    [{ path: "/ws/x" }, 404],
    [{ headers: { "Sec-WebSocket-Key": "short" } }, 400],
    [{ headers: { "Sec-WebSocket-Key": "" } }, 400],
    [{ headers: { "Sec-WebSocket-Version": "12" } }, 426],
    [{ headers: { "Sec-WebSocket-Version": "" } }, 426],
    [{ headers: { "Sec-WebSocket-Version": "13, 12" } }, 426],
    [{ headers: { Upgrade: "h2c" } }, 400],
  ];
  for (const [options, status] of cases) {
    const response = await running.handshake(options);
    assert.equal(response.status, status, JSON.stringify(options));
    assert.notEqual(await response.text(), "");
  }
  const post = handshakeRequest().replace("GET", "POST");
  assert.equal(parse(await running.exchange(post)).status, 405);
});

test("extensions and subprotocols are not agreed to", async () => {
  await using running = run();
  const peer = await WebSocketPeer.connect(running.listener.port, "127.0.0.1", {
    headers: {
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
      "Sec-WebSocket-Protocol": "chat, parley",
    },
  });
  peer.close();
});

test("a connection that is slow with its request is closed, whatever it has sent", async () => {
  await using running = run({ handshakeTimeoutMs: 100 });
  assert.match(await running.exchange(""), /^HTTP\/1\.1 408 |^$/);
  assert.match(await running.exchange("GET /ws HTTP/1.1\r\nHo"), /^HTTP\/1\.1 408 /);
  const drip = await Deno.connect({ hostname: "127.0.0.1", port: running.listener.port });
  const text = readText(drip);
  let ended = false;
  const end = text.then(() => ended = true);
  for (const byte of new TextEncoder().encode(handshakeRequest({ path: `/${"a".repeat(4000)}` }))) {
    if (ended) break;
    await drip.write(Uint8Array.of(byte)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await settles(end, "the end of the slow connection");
  assert.match(await text, /^HTTP\/1\.1 408 /);
  drip.close();
});

test("an idle connection is closed after its answer", async () => {
  await using running = run({ handshakeTimeoutMs: 100 });
  const text = await running.exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.match(text, /^HTTP\/1\.1 200 /);
});

test("a WebSocket outlives the deadline of requests", async () => {
  const gate = new CountingGate();
  const limits = { ...DEFAULT_LIMITS, handshakeTimeoutMs: 50 };
  const guard = { loopback: true, hosts: [], origins: [] };
  const [listener] = listenHttp("127.0.0.1", 0, {
    input: plentyOfInput(),
    turn: ALONE,
    limits,
    guard,
    gate,
  });
  const links = listener[Symbol.asyncIterator]();
  const taken = links.next();
  const peer = await WebSocketPeer.connect(listener.port);
  const link = (await settles(taken, "accept")).value;
  const slow = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await readText(slow);
  slow.close();
  // The deadline has passed for one that came later.
  await peer.write(Uint8Array.of(1));
  assert.equal(await settles(link.read(new Uint8Array(8)), "the read"), 1);
  link.close();
  peer.close();
  listener.close();
  await settles(links.next(), "the end of the listener");
  await until(() => gate.open === 0, "every place is given back");
});

test("what is no request is refused, and a head that is too long", async () => {
  await using running = run();
  const parley = await running.exchange("\x0a\x0f\x0a\x0dHello, World!");
  assert.match(await parse(parley).text(), /no HTTP request.*tcp listener/);
  assert.equal(parse(await running.exchange("GET / HTTP/2.0\r\n\r\n")).status, 505);
  // What is not read must not reset the connection before the answer is.
  const long = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(200 * 1024)}`;
  assert.equal(parse(await running.exchange(long)).status, 431);
  const connect = await running.exchange(
    "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
  );
  assert.equal(parse(connect).status, 405);
});

test("requests that come together are answered in order, and a WebSocket may follow", async () => {
  await using running = run({ handshakeTimeoutMs: 100 });
  const health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const text = await running.exchange(health + health + health.replace("healthz", "x") + health);
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["200", "200", "404", "200"]);
  const both = await running.exchange(health + handshakeRequest());
  assert.match(both, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 101 /);
});

test("a connection without a place is told 503, and none is lost", async () => {
  await using running = run();
  running.gate.most = 0;
  assert.match(await running.exchange(handshakeRequest()), /^HTTP\/1\.1 503 [^]*no room/);
  running.gate.most = 1;
  const silent = await Deno.connect({ hostname: "127.0.0.1", port: running.listener.port });
  await until(() => running.gate.open === 1, "the silent connection has its place");
  assert.match(await running.exchange(handshakeRequest()), /^HTTP\/1\.1 503 /);
  silent.close();
  await until(() => running.gate.open === 0, "its place is free");
  (await WebSocketPeer.connect(running.listener.port)).close();
});

test("closing ends idle connections at once and answers a request under way", async () => {
  const running = run({ handshakeTimeoutMs: 3_600_000, drainQuietMs: 3_600_000 });
  const { port } = running.listener;
  const silent = await Deno.connect({ hostname: "127.0.0.1", port });
  const kept = await Deno.connect({ hostname: "127.0.0.1", port });
  const health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  await kept.write(new TextEncoder().encode(health));
  await kept.read(new Uint8Array(4096));
  const [slow, asking] = await Promise.all([1, 2].map(async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("GET /"));
    return connection;
  }));
  await until(() => running.gate.open === 4, "all connections are there");
  // The first bytes are taken before the listener closes: an answer on another connection says so.
  await running.exchange(health.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  running.listener.close();
  assert.equal(await readText(silent), "");
  assert.equal(await readText(kept), "");
  await slow.write(new TextEncoder().encode("healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const response = parse(await readText(slow));
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok", version: VERSION });
  await asking.write(new TextEncoder().encode(handshakeRequest().slice("GET /".length)));
  assert.match(await readText(asking), /^HTTP\/1\.1 503 [^]*The server stops/);
  for (const connection of [silent, kept, slow, asking]) connection.close();
  await running[Symbol.asyncDispose]();
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
});

test("closing does not wait for a request that does not end", async () => {
  await using running = run({ drainQuietMs: 20 });
  const slow = await Deno.connect({ hostname: "127.0.0.1", port: running.listener.port });
  await slow.write(new TextEncoder().encode("GET /"));
  await until(() => running.gate.open === 1, "the connection is there");
  running.listener.close();
  await settles(running.ended, "the end of the listener");
  await readText(slow).catch(() => {});
  slow.close();
});

test("localhost is both loopback addresses on one port", async () => {
  const guard = { loopback: true, hosts: [], origins: [] };
  const listeners = listenHttp("localhost", 0, {
    input: plentyOfInput(),
    turn: ALONE,
    limits: DEFAULT_LIMITS,
    guard,
    gate: openGate,
  });
  const { port } = listeners[0];
  assert.deepEqual(listeners.map((each) => each.address), [`127.0.0.1:${port}`, `[::1]:${port}`]);
  for (const hostname of ["127.0.0.1", "::1"]) {
    (await WebSocketPeer.connect(port, hostname, { host: `localhost:${port}` })).close();
  }
  for (const listener of listeners) {
    listener.close();
    for await (const link of listener) link.close();
  }
});

test("an address in use, and one that is none, are refused with what to do", async () => {
  await using running = run();
  const { port } = running.listener;
  const gate = running.gate;
  const guard = { loopback: true, hosts: [], origins: [] };
  for (const hostname of ["127.0.0.1", "localhost"]) {
    assert.throws(
      () =>
        listenHttp(hostname, port, {
          input: plentyOfInput(),
          turn: ALONE,
          limits: DEFAULT_LIMITS,
          guard,
          gate,
        }),
      (error: unknown) => {
        assert(error instanceof ParleyError);
        assert.equal(error.code, ErrorCode.ALREADY_EXISTS);
        assert.match(error.message, /cannot listen on http .*address in use.*--http ADDR/);
        return true;
      },
    );
  }
  assert.throws(
    () =>
      listenHttp("192.0.2.1", 0, {
        input: plentyOfInput(),
        turn: ALONE,
        limits: DEFAULT_LIMITS,
        guard,
        gate,
      }),
    /cannot listen on http 192\.0\.2\.1:0/,
  );
});
