/**
 * Which URLs a client takes, and what it says to all others.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { noSockets } from "../../../lib/client/transport/connect_failure.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import {
  DEFAULT_HTTP_PORT,
  parseTarget,
  type SocketTarget,
} from "../../../lib/client/transport/url.ts";

Deno.test("a parley URL names a host and a port", () => {
  assert.deepEqual(parseTarget("parley://localhost"), {
    kind: "tcp",
    hostname: "localhost",
    port: 7311,
  });
  assert.deepEqual(parseTarget("parley://10.0.0.1:99/"), {
    kind: "tcp",
    hostname: "10.0.0.1",
    port: 99,
  });
  assert.deepEqual(parseTarget("parley://[::1]:7311"), {
    kind: "tcp",
    hostname: "::1",
    port: 7311,
  });
});

Deno.test("a URL of TLS names a host and a port", () => {
  const hostname = "a.example.com";
  assert.deepEqual(parseTarget("parleys://a.example.com"), { kind: "tls", hostname, port: 7314 });
  assert.deepEqual(parseTarget("parleys://a.example.com:1"), { kind: "tls", hostname, port: 1 });
  assert.throws(() => parseTarget("parleys://a/b"), /goes on after the port/);
});

Deno.test("a unix URL names an absolute path", () => {
  assert.deepEqual(parseTarget("unix:///run/parley.sock"), {
    kind: "unix",
    path: "/run/parley.sock",
  });
  assert.deepEqual(parseTarget("unix:///a%20b/100%25?#.sock"), {
    kind: "unix",
    path: "/a b/100%?#.sock",
  });
});

Deno.test("a ws or wss URL names a host; the port is the web's and the path /ws unless it says", () => {
  const ws = (url: string) => {
    const target = parseTarget(url);
    assert(target.kind === "ws");
    return [target.href, target.hostname, target.port];
  };
  assert.deepEqual(ws("ws://localhost:7380"), ["ws://localhost:7380/ws", "localhost", 7380]);
  assert.deepEqual(ws("ws://[::1]:7380/"), ["ws://[::1]:7380/ws", "::1", 7380]);
  assert.deepEqual(ws("wss://example.com"), ["wss://example.com/ws", "example.com", 443]);
  assert.deepEqual(ws("ws://example.com/a/ws"), ["ws://example.com/a/ws", "example.com", 80]);
});

Deno.test("every other URL is refused with what would be accepted", () => {
  const refused: [string, RegExp][] = [
    ["", /has no scheme/],
    ["localhost:7311", /did you mean "parley:\/\/localhost:7311"/],
    ["http://localhost", /scheme "http" is not known/],
    ["parley://", /no valid URL|names no host/],
    ["parley://host:70000", /no valid URL/],
    ["parley://host:0", /from 1 to 65535/],
    ["parley://me:secret@host", /names a user/],
    ["parley://host/path", /goes on after the port/],
    ["parley://host?x=1", /goes on after the port/],
    ["parley://host#x", /goes on after the port/],
    ["ws://host:0", /from 1 to 65535/],
    ["ws://me:secret@host", /names a user/],
    ["wss://host/ws?x=1", /goes on after the path/],
    ["ws://", /no valid URL|names no host/],
    ["unix:relative.sock", /no absolute path/],
    ["unix://host/x.sock", /no absolute path/],
    ["unix:///", /names no socket/],
    ["unix:///a%zz", /%25/],
    ["unix:///a%00b", /names no socket/],
  ];
  for (const [url, message] of refused) {
    assert.throws(() => parseTarget(url), (error) => {
      assert(error instanceof ParleyError);
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
      assert.match(error.message, message, url);
      assert.match(error.accepted, /unix:\/\/\//);
      return true;
    });
  }
});

Deno.test("where there are only WebSockets, the URL to use is named", () => {
  const told = (url: string) => noSockets(parseTarget(url) as SocketTarget, url).message;
  assert.match(told("parley://db.example:7311"), / use ws:\/\/db\.example:7380, or /);
  assert.match(told("parley://[::1]"), / use ws:\/\/\[::1\]:7380, or /);
  assert.match(told("unix:///run/parley.sock"), / use ws:\/\/HOST:7380, or /);
  assert.match(String(configFrom({}).listen.http), new RegExp(`:${DEFAULT_HTTP_PORT}$`));
});
