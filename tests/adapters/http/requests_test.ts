/**
 * Requests to the http listener that are seldom and right: of HTTP/1.0, with a URL as their target, behind
 * empty lines, for another version of WebSockets; and what the log says of those that are refused.
 */
import assert from "node:assert/strict";
import { MAX_TOLD } from "../../../lib/adapters/http/refusal_log.ts";
import { parse, run } from "../../support/http_listener.ts";
import { LogRecords } from "../../support/log_records.ts";
import { handshakeRequest } from "../../support/websocket_peer.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `http: ${name}`, fn });
}

test("a health check of HTTP/1.0 is answered, and ends its connection", async () => {
  await using running = run();
  for (const host of ["", "Host: localhost\r\n"]) {
    const text = await running.exchange(`GET /healthz HTTP/1.0\r\n${host}\r\n`);
    assert.equal(parse(text).status, 200);
    assert.equal(parse(text).headers.get("connection"), "close");
  }
  const origin = "GET /healthz HTTP/1.0\r\nOrigin: http://localhost\r\n\r\n";
  assert.equal(parse(await running.exchange(origin)).status, 403);
  const old = handshakeRequest().replace("HTTP/1.1", "HTTP/1.0");
  assert.equal(parse(await running.exchange(old)).status, 426);
});

test("a target that is a URL names the host that is asked", async () => {
  await using running = run();
  const ask = (target: string, host: string) => running.request(`GET ${target} HTTP/1.1`, host);
  assert.equal((await ask("http://localhost/healthz", "evil.example")).status, 200);
  assert.equal((await ask("http://evil.example/healthz", "localhost")).status, 403);
  assert.equal((await ask("http://localhost/nothing", "localhost")).status, 404);
});

test("empty lines before a request are passed over, in pieces and between requests", async () => {
  await using running = run();
  const first = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const last = first.replace("Host", "Connection: close\r\nHost");
  const text = await running.exchange("\r", "\n\r\n", `${first}\r\n`, last);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2, text);
});

test("a version of WebSockets that is not spoken is told which one is", async () => {
  await using running = run();
  const response = await running.handshake({ headers: { "Sec-WebSocket-Version": "8" } });
  assert.equal(response.status, 426);
  assert.equal(response.headers.get("sec-websocket-version"), "13");
  assert.equal(response.headers.get("upgrade"), "websocket");
});

test("a host or an origin that is refused is named in the log once, with what to configure", async () => {
  using logs = new LogRecords();
  await using running = run();
  const ask = (origin: string) => running.handshake({ headers: { Origin: origin } });
  for (const name of ["a", "b", "a", "a"]) await ask(`http://${name}.example`);
  await running.request("GET / HTTP/1.1", "c.example");
  const told = logs.records.filter((record) => record.level === "info")
    .map((record) => String(record.properties.reason));
  assert.equal(told.length, 3, told.join("\n"));
  assert.match(told[0], /add "http:\/\/a\.example" to listen\.origins/);
  assert.match(told[1], /http:\/\/b\.example/);
  assert.match(told[2], /c\.example.*listen\.hosts/);
  assert.equal(logs.templates("debug").length, 2);
  for (let more = 0; more < 2 * MAX_TOLD; more++) {
    await running.request("GET / HTTP/1.1", `${more}.example`);
  }
  assert.equal(logs.templates("info").length, MAX_TOLD, "and no more than so many");
});
