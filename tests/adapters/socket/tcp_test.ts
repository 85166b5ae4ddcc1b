/**
 * Where tcp listens: both loopback addresses on one port, real ports for port 0, clear errors, and
 * nothing left half bound.
 */
import assert from "node:assert/strict";
import { formatAddress } from "../../../lib/adapters/socket/deno_link.ts";
import { listenTcp } from "../../../lib/adapters/socket/tcp.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";

/** A port that is free on 127.0.0.1, and taken by nobody but us on ::1. */
function takenOnSix(): { port: number; six: Deno.TcpListener } {
  for (;;) {
    const six = Deno.listen({ hostname: "::1", port: 0 });
    const port = six.addr.port;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return { port, six };
    } catch {
      six.close();
    }
  }
}

Deno.test("localhost is both loopback addresses on one port", async () => {
  const listeners = listenTcp("tcp", "localhost", 0);
  try {
    assert.equal(listeners.length, 2);
    const [four, six] = listeners;
    assert(four.port > 0);
    assert.equal(four.port, six.port);
    assert.equal(four.address, `127.0.0.1:${four.port}`);
    assert.equal(six.address, `[::1]:${six.port}`);
    for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
      (await Deno.connect({ hostname, port: four.port })).close();
    }
  } finally {
    for (const listener of listeners) listener.close();
  }
});

Deno.test("a port in use is ALREADY_EXISTS, and the message says what to do", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  try {
    for (const hostname of ["127.0.0.1", "localhost"]) {
      assert.throws(() => listenTcp("raw", hostname, port), (error: unknown) => {
        assert(error instanceof ParleyError);
        assert.equal(error.code, ErrorCode.ALREADY_EXISTS);
        assert.match(error.message, new RegExp(`cannot listen on raw ${hostname}:${port}`));
        assert.match(error.message, /in use/);
        assert.match(error.message, /--raw ADDR/);
        assert(error.cause instanceof Deno.errors.AddrInUse);
        return true;
      });
    }
  } finally {
    taken.close();
  }
});

Deno.test("localhost that is taken on one address only leaves the other one free", () => {
  const { port, six } = takenOnSix();
  try {
    assert.throws(() => listenTcp("tcp", "localhost", port), ParleyError);
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  } finally {
    six.close();
  }
});

Deno.test("an address that is not ours is refused with its reason", () => {
  // TEST-NET-1 of RFC 5737: no machine has it.
  assert.throws(() => listenTcp("tcp", "192.0.2.1", 0), (error: unknown) => {
    assert(error instanceof ParleyError);
    assert.match(error.message, /cannot listen on tcp 192\.0\.2\.1:0: ./);
    return true;
  });
});

Deno.test("a listener closes once, and its iteration ends", async () => {
  const [listener] = listenTcp("tcp", "127.0.0.1", 0);
  const links = listener[Symbol.asyncIterator]();
  const next = links.next();
  listener.close();
  listener.close();
  assert.equal((await next).done, true);
});

Deno.test("addresses are written as people write them", () => {
  assert.equal(formatAddress("127.0.0.1", 7311), "127.0.0.1:7311");
  assert.equal(formatAddress("::1", 7311), "[::1]:7311");
});
