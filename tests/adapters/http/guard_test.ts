/**
 * Which hosts and origins a request may name.
 */
import assert from "node:assert/strict";
import { type HttpGuardOptions, refusalOf } from "../../../lib/adapters/http/guard.ts";

const LOOPBACK: HttpGuardOptions = { loopback: true, hosts: [], origins: [] };
const PUBLIC: HttpGuardOptions = { loopback: false, hosts: [], origins: [] };

Deno.test("a loopback listener answers to names of this machine, on any port", () => {
  const names = [
    "localhost",
    "localhost:7380",
    "LOCALHOST:1",
    "127.0.0.1:7380",
    "127.9.9.9",
    "[::1]",
  ];
  for (const host of [...names, "[::1]:80"]) {
    assert.equal(refusalOf({ host }, LOOPBACK), null, host);
  }
});

Deno.test("a loopback listener answers to no other name, unless it is configured", () => {
  const names = [
    "evil.example",
    "evil.example:7380",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
  ];
  for (const host of [...names, "0.0.0.0", "192.0.2.1", "[::]", "xlocalhost", "127.0.0"]) {
    assert.match(refusalOf({ host }, LOOPBACK) ?? "", /add the name to listen\.hosts/, host);
  }
  const hosts = ["Parley.example.com"];
  assert.equal(refusalOf({ host: "parley.EXAMPLE.com:81" }, { ...LOOPBACK, hosts }), null);
  assert.notEqual(refusalOf({ host: "example.com" }, { ...LOOPBACK, hosts }), null);
});

Deno.test("a public listener answers to every name, unless some are configured", () => {
  assert.equal(refusalOf({ host: "any.example" }, PUBLIC), null);
  const some = { ...PUBLIC, hosts: ["one.example"] };
  assert.equal(refusalOf({ host: "one.example" }, some), null);
  assert.equal(refusalOf({ host: "localhost:7380" }, some), null);
  assert.notEqual(refusalOf({ host: "any.example" }, some), null);
});

Deno.test("a request of HTTP/1.0 need not name a host, but what it names is looked at", () => {
  for (const options of [LOOPBACK, PUBLIC]) {
    assert.equal(refusalOf({}, options, true), null);
    assert.notEqual(refusalOf({}, options, false), null);
    assert.notEqual(refusalOf({ origin: "http://localhost" }, options, true), null);
  }
  assert.notEqual(refusalOf({ host: "evil.example" }, LOOPBACK, true), null);
  assert.equal(refusalOf({ host: "localhost" }, LOOPBACK, true), null);
});

Deno.test("a Host header that is none is refused everywhere", () => {
  const odd = [
    "",
    "a b",
    "user@localhost",
    "localhost/",
    "localhost:",
    "localhost:x",
    "[::1",
    "é",
    "a,b",
  ];
  for (const host of [undefined, ...odd, "localhost\\@evil.example", "http://localhost"]) {
    for (const options of [LOOPBACK, PUBLIC]) {
      assert.match(refusalOf({ host }, options) ?? "", /missing or malformed/, `${host}`);
    }
  }
});

Deno.test("a page may connect to the host and port it came from", () => {
  const same: [host: string, origin: string][] = [
    ["localhost:7380", "http://localhost:7380"],
    ["LOCALHOST:7380", "http://localhost:7380"],
    ["127.0.0.1:7380", "http://127.0.0.1:7380"],
    ["[::1]:7380", "http://[::1]:7380"],
    ["localhost", "http://localhost"],
    ["localhost:80", "http://localhost"],
    ["localhost", "https://localhost"],
    ["localhost:443", "https://localhost"],
  ];
  for (const [host, origin] of same) {
    assert.equal(refusalOf({ host, origin }, LOOPBACK), null, `${host} ${origin}`);
  }
});

Deno.test("a page from anywhere else may not, unless its origin is configured", () => {
  const host = "localhost:7380";
  const foreign = [
    "http://evil.example",
    "http://localhost",
    "http://localhost:8080",
    "http://127.0.0.1:7380",
    "https://localhost:7381",
    "http://localhost.evil.example:7380",
    "file://localhost:7380",
    "app://localhost:7380",
  ];
  for (const origin of foreign) {
    assert.match(refusalOf({ host, origin }, LOOPBACK) ?? "", /listen\.origins/, origin);
    const allowed = { ...LOOPBACK, origins: ["http://other.example", origin] };
    assert.equal(refusalOf({ host, origin }, allowed), null, origin);
    assert.equal(refusalOf({ host, origin }, { ...LOOPBACK, origins: ["*"] }), null, origin);
  }
  const options = { ...LOOPBACK, origins: ["HTTPS://App.example:443"] };
  assert.equal(refusalOf({ host, origin: "https://app.example" }, options), null);
  assert.notEqual(refusalOf({ host, origin: "http://app.example" }, options), null);
  assert.notEqual(refusalOf({ host, origin: "https://app.example:444" }, options), null);
});

Deno.test("an Origin header that names no origin is refused, and never echoed", () => {
  const host = "localhost:7380";
  for (
    const origin of [
      "",
      "null",
      "localhost:7380",
      "http://",
      "http://a b",
      "http://a, http://b",
      "http://a:1.b",
    ]
  ) {
    const refusal = refusalOf({ host, origin }, LOOPBACK) ?? "";
    assert.match(refusal, /names no origin/, origin);
  }
  assert.notEqual(
    refusalOf({ host, origin: "null" }, { ...LOOPBACK, origins: ["http://a"] }),
    null,
  );
  assert.match(refusalOf({ host, origin: 'http://a"<script>' }, LOOPBACK) ?? "", /names no origin/);
});

Deno.test("being allowed as an origin does not help against a host that is not", () => {
  const headers = { host: "evil.example:7380", origin: "http://evil.example:7380" };
  assert.match(refusalOf(headers, LOOPBACK) ?? "", /listen\.hosts/);
  assert.match(refusalOf(headers, { ...LOOPBACK, origins: ["*"] }) ?? "", /listen\.hosts/);
});
