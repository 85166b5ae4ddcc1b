/**
 * IP addresses: what is one, the one text of each, and IPv4 in the form of IPv6.
 */
import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import {
  canonicalIp,
  countedAs,
  formatIp,
  ipOf,
  isLoopbackIp,
  parseIp,
} from "../../lib/base/ip_address.ts";

Deno.test("an address has one text, however it is written", () => {
  for (
    const [written, text] of [
      ["192.0.2.7", "192.0.2.7"],
      ["0.0.0.0", "0.0.0.0"],
      ["::", "::"],
      ["::1", "::1"],
      ["1::", "1::"],
      ["2001:DB8:0:0:0:0:0:7", "2001:db8::7"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
      ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["::FFFF:c000:0207", "192.0.2.7"],
      ["::192.0.2.7", "::c000:207"],
      ["64:ff9b::192.0.2.7", "64:ff9b::c000:207"],
    ]
  ) {
    assert.equal(formatIp(parseIp(written)!), text);
    assert.equal(canonicalIp(written), text);
  }
  assert.equal(canonicalIp("unix:/run/x"), "unix:/run/x");
});

Deno.test("what is no address is none", () => {
  for (
    const text of [
      ...["", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.", "a.b.c.d", "1.2.3.4 "],
      ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::"],
      ...[
        "12345::",
        "g::",
        "::1%eth0",
        "[::1]",
        "::1.2.3",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "localhost",
      ],
      "::".padEnd(100, "0"),
    ]
  ) assert.equal(parseIp(text), null, text);
});

Deno.test("every address is read as it is written, and texts are addresses when the system says so", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
    const address = ipOf(value);
    assert.deepEqual(parseIp(formatIp(address)), address);
  }));
  const piece = fc.constantFrom(
    "1",
    "0",
    "ffff",
    "12",
    ":",
    "::",
    ".",
    "255",
    "256",
    "1.2.3.4",
    "",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 17 }), (pieces) => {
      const text = pieces.join("");
      assert.equal(parseIp(text) !== null, isIP(text) !== 0, text);
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("limits count networks of 64 bits of IPv6, and addresses otherwise", () => {
  for (
    const [address, name] of [
      ["192.0.2.7", "192.0.2.7"],
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["::1", "::1"],
      ["2001:db8:0:1::7", "2001:db8:0:1::/64"],
      ["2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"],
      ["2001:db8:0:2::7", "2001:db8:0:2::/64"],
      ["fe80::1%eth0", "fe80::/64"],
      ["", ""],
    ]
  ) assert.equal(countedAs(address), name);
});

Deno.test("loopback is what begins with 127, and ::1", () => {
  for (const text of ["127.0.0.1", "127.9.9.9", "::1"]) assert(isLoopbackIp(text));
  for (const text of ["128.0.0.1", "1.127.0.0", "::2", "", "2001:db8::1"]) {
    assert(!isLoopbackIp(text));
  }
});
