/**
 * Who gets in: caps at, below and above their limit, room again after one left, and the rate, with time
 * as an argument.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import {
  DEFAULT_LIMITS,
  MAX_TOLD_REFUSALS,
  USUAL_CONNECTIONS_PER_IP,
} from "../../../lib/base/limits.ts";
import { Admission } from "../../../lib/server/listeners/admission.ts";

function admission(limits: Partial<typeof DEFAULT_LIMITS>, openFiles = Infinity): Admission {
  return new Admission({ ...DEFAULT_LIMITS, ...limits }, openFiles, 0);
}

Deno.test("as many connections as the cap get in, one more does not, and then there is room again", () => {
  const gate = admission({ maxConnections: 3 });
  assert.equal(gate.maxConnections, 3);
  for (const address of ["a", "b", ""]) assert.equal(gate.admit(address), null);
  for (let count = 0; count < 2; count++) {
    const refusal = gate.admit("c");
    assert.equal(refusal?.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(refusal?.closeReason, CloseReason.TOO_MANY_CONNECTIONS);
    assert.equal(refusal?.retryable, true);
    assert.match(refusal?.message ?? "", /limit of 3 connections/);
  }
  gate.release("b");
  assert.equal(gate.admit("c"), null);
  assert.notEqual(gate.admit("d"), null);
});

Deno.test("one address has its own cap; unix sockets, which have none, do not count", () => {
  const gate = admission({ maxConnectionsPerIp: 2 });
  assert.equal(gate.admit("10.0.0.1"), null);
  assert.equal(gate.admit("10.0.0.1"), null);
  const refusal = gate.admit("10.0.0.1");
  assert.equal(refusal?.closeReason, CloseReason.TOO_MANY_CONNECTIONS);
  assert.match(refusal?.message ?? "", /10\.0\.0\.1 has its limit of 2/);
  assert.equal(gate.admit("10.0.0.2"), null);
  for (let count = 0; count < 5; count++) assert.equal(gate.admit(""), null);
  gate.release("10.0.0.1");
  assert.equal(gate.admit("10.0.0.1"), null);
  assert.notEqual(gate.admit("10.0.0.1"), null);
  gate.release("10.0.0.1");
  gate.release("10.0.0.1");
  assert.equal(gate.admit("10.0.0.1"), null);
});

Deno.test("when nothing is said, an address has 1,024 connections, and loopback has no limit of its own", () => {
  const gate = admission({});
  for (let count = 0; count < USUAL_CONNECTIONS_PER_IP; count++) {
    for (const address of ["192.0.2.7", `2001:db8::${count.toString(16)}`, "127.0.0.1", "::1"]) {
      assert.equal(gate.admit(address), null);
    }
  }
  assert.match(gate.admit("192.0.2.7")?.message ?? "", /192\.0\.2\.7 has its limit of 1024/);
  assert.match(
    gate.admit("2001:db8::ffff:0:0:0")?.message ?? "",
    /2001:db8::\/64 has its limit of 1024/,
  );
  for (const address of ["192.0.2.8", "2001:db8:0:1::1", "127.0.0.1", "::1", "127.1.1.1"]) {
    assert.equal(gate.admit(address), null);
  }
  gate.release("2001:db8::1");
  assert.equal(gate.admit("2001:db8::ffff:0:0:0"), null);
});

Deno.test("what is said holds for loopback, too", () => {
  const gate = admission({ maxConnectionsPerIp: 1 });
  assert.equal(gate.admit("127.0.0.1"), null);
  assert.notEqual(gate.admit("127.0.0.1"), null);
});

Deno.test("a refused connection takes no place", () => {
  const gate = admission({ maxConnections: 2, maxConnectionsPerIp: 1 });
  assert.equal(gate.admit("a"), null);
  for (let count = 0; count < 10; count++) assert.notEqual(gate.admit("a"), null);
  assert.equal(gate.admit("b"), null);
  gate.release("a");
  assert.equal(gate.admit("a"), null);
});

Deno.test("the open-files limit less the reserve, and what refusals take, caps the connections, and one is always possible", () => {
  const limits = { maxConnections: 1000, reservedFiles: 64 };
  assert.equal(admission(limits, 256).maxConnections, 160);
  assert.equal(admission(limits, 1096).maxConnections, 1000);
  assert.equal(admission(limits, 1095).maxConnections, 999);
  assert.equal(admission(limits, Infinity).maxConnections, 1000);
  assert.equal(admission(limits, 97).maxConnections, 1);
  assert.equal(admission(limits, 98).maxConnections, 2);
  assert.equal(admission(limits, 10).maxConnections, 1);
});

Deno.test("so many refused connections are told why at a time, and others when those are closed", () => {
  const gate = admission({ maxConnections: 1 });
  for (let count = 0; count < MAX_TOLD_REFUSALS; count++) assert(gate.mayTell());
  for (let count = 0; count < 3; count++) assert(!gate.mayTell());
  gate.told();
  assert(gate.mayTell());
  assert(!gate.mayTell());
});

Deno.test("new connections come at their rate, after a burst of as many", () => {
  const gate = admission({ maxNewConnectionsPerSecond: 10 });
  for (let count = 0; count < 10; count++) assert.equal(gate.delayMs(0), 0);
  assert.equal(gate.delayMs(0), 100);
  assert.equal(gate.delayMs(40), 60);
  assert.equal(gate.delayMs(100), 0);
  assert.equal(gate.delayMs(100), 100);
});
