/**
 * The header of the PROXY protocol: both versions, in any pieces, at and beyond their bounds, and random bytes.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { joinBytes } from "../../../lib/base/join_bytes.ts";
import {
  MAX_V1_BYTES,
  MAX_V2_LENGTH,
  type ProxyFault,
  type ProxyHeader,
  ProxyHeaderError,
  ProxyHeaderReader,
} from "../../../lib/wire/proxy_header.ts";
import { proxyV1, proxyV2, V2_SIGNATURE } from "../../support/proxy_header.ts";

const ITSELF: ProxyHeader = { kind: "proxy" };
const BEHIND = new TextEncoder().encode("what is behind it");

/** Reads a header with what follows, at most `piece` bytes at a time; gives it and how many bytes were taken. */
function read(bytes: Uint8Array, piece = Infinity): { header: ProxyHeader | null; taken: number } {
  const reader = new ProxyHeaderReader();
  let taken = 0;
  while (taken < bytes.length) {
    const space = reader.space();
    if (space.length === 0) break;
    const count = Math.min(space.length, piece, bytes.length - taken);
    space.set(bytes.subarray(taken, taken + count));
    taken += count;
    reader.filled(count);
  }
  return { header: reader.header, taken };
}

/** Checks a whole header in pieces of every size, with something behind it that stays unread. */
function reads(bytes: Uint8Array, header: ProxyHeader): void {
  for (const piece of [1, 2, 3, 7, 64, Infinity]) {
    const found = read(joinBytes([bytes, BEHIND]), piece);
    assert.deepEqual(found, { header, taken: bytes.length });
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(read(bytes.subarray(0, length), 1).header, null, `${length} bytes are not all`);
  }
}

function refuses(bytes: Uint8Array, fault: ProxyFault): void {
  for (const piece of [1, 5, Infinity]) {
    assert.throws(() => read(joinBytes([bytes, BEHIND]), piece), (error: unknown) => {
      assert(error instanceof ProxyHeaderError, String(error));
      assert.equal(error.fault, fault, error.message);
      return true;
    });
  }
}

Deno.test("lines of version 1 say for whom a proxy connects", () => {
  const peer = (hostname: string, port: number): ProxyHeader => ({ kind: "peer", hostname, port });
  reads(proxyV1("TCP4 192.0.2.7 198.51.100.1 51234 7311"), peer("192.0.2.7", 51234));
  reads(proxyV1("TCP4 0.0.0.0 255.255.255.255 0 65535"), peer("0.0.0.0", 0));
  reads(proxyV1("TCP6 2001:DB8:0:0::7 ::1 65535 1"), peer("2001:db8::7", 65535));
  reads(proxyV1("TCP6 ::ffff:192.0.2.7 ::1 5 1"), peer("192.0.2.7", 5));
  reads(proxyV1("UNKNOWN"), ITSELF);
  reads(proxyV1("UNKNOWN whatever else 1 2"), ITSELF);
  const long = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe";
  reads(proxyV1(`TCP6 ${long} ${long} 65535 65535`), peer(long, 65535));
});

Deno.test("a line of version 1 has at most 107 bytes", () => {
  const around = "PROXY UNKNOWN \r\n".length;
  for (const length of [MAX_V1_BYTES - 1, MAX_V1_BYTES]) {
    reads(proxyV1(`UNKNOWN ${"x".repeat(length - around)}`), ITSELF);
  }
  for (const length of [MAX_V1_BYTES + 1, MAX_V1_BYTES + 2, 1000]) {
    refuses(proxyV1(`UNKNOWN ${"x".repeat(length - around)}`), "length");
  }
});

Deno.test("a line of version 1 that is not exactly one is refused", () => {
  const text = (line: string) => new TextEncoder().encode(line);
  for (
    const [bytes, fault] of [
      [text("GET / HTTP/1.1\r\n"), "signature"],
      [text("PROXX TCP4 1.2.3.4 1.2.3.4 1 1\r\n"), "signature"],
      [text("proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n"), "signature"],
      [text(" PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n"), "signature"],
      [text("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n\r\n"), "line"],
      [text("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rx\n"), "line"],
      [text("PROXY \r\n and more\r\n"), "line"],
      [proxyV1("TCP4 1.2.3.4 1.2.3.4 1"), "line"],
      [proxyV1("TCP4  1.2.3.4 1.2.3.4 1 1"), "line"],
      [proxyV1("TCP4 1.2.3.4 1.2.3.4 1 1 "), "line"],
      [proxyV1("UDP4 1.2.3.4 1.2.3.4 1 1"), "line"],
      [proxyV1("UNKNOWNS"), "line"],
      [proxyV1("TCP4 1.2.3.4 1.2.3.4 1 -1"), "line"],
      [proxyV1("TCP4 1.2.3.4 1.2.3.4 1 100000"), "line"],
      [proxyV1("TCP4 1.2.3.4 1.2.3.4 1 65536"), "address"],
      [proxyV1("TCP4 1.2.3.4 1.2.3.4 01 1"), "address"],
      [proxyV1("TCP4 1.2.3.256 1.2.3.4 1 1"), "address"],
      [proxyV1("TCP4 1.2.3.04 1.2.3.4 1 1"), "address"],
      [proxyV1("TCP4 1.2.3.4 1.2.3 1 1"), "address"],
      [proxyV1("TCP4 ::1 ::1 1 1"), "address"],
      [proxyV1("TCP6 1.2.3.4 1.2.3.4 1 1"), "address"],
      [proxyV1("TCP6 ::1 1.2.3.4 1 1"), "address"],
      [proxyV1("TCP6 fe80::1%eth0 ::1 1 1"), "address"],
    ] as [Uint8Array, ProxyFault][]
  ) refuses(bytes, fault);
});

Deno.test("version 2 says it in binary, and additions are passed over", () => {
  const four: ProxyHeader = { kind: "peer", hostname: "192.0.2.7", port: 51234 };
  const six: ProxyHeader = { kind: "peer", hostname: "2001:db8::7", port: 443 };
  reads(proxyV2("192.0.2.7", 51234), four);
  reads(proxyV2("2001:db8::7", 443), six);
  reads(proxyV2("::ffff:192.0.2.7", 51234, { family: 0x21 }), four);
  for (const extra of [1, 3, 100, 500]) {
    reads(proxyV2("192.0.2.7", 51234, { extra }), four);
    reads(proxyV2("2001:db8::7", 443, { extra }), six);
  }
  reads(proxyV2("", 0, { command: 0x20, family: 0x00 }), ITSELF);
  reads(proxyV2("192.0.2.7", 1, { command: 0x20, family: 0x11 }), ITSELF);
  // The family of LOCAL does not count.
  reads(proxyV2("", 0, { command: 0x20, family: 0xff, extra: 10 }), ITSELF);
  reads(proxyV2("", 0, { family: 0x00, extra: 30 }), ITSELF);
  reads(proxyV2("", 0, { family: 0x31, extra: 216 }), ITSELF);
});

Deno.test("version 2 announces at most its bound, and at least what its addresses take", () => {
  const four: ProxyHeader = { kind: "peer", hostname: "192.0.2.7", port: 1 };
  for (const extra of [MAX_V2_LENGTH - 13, MAX_V2_LENGTH - 12]) {
    assert.deepEqual(read(proxyV2("192.0.2.7", 1, { extra })).header, four);
  }
  refuses(proxyV2("192.0.2.7", 1, { extra: MAX_V2_LENGTH - 11 }), "length");
  for (const [family, least] of [[0x11, 12], [0x21, 36], [0x31, 216]]) {
    const short = proxyV2("", 0, { family, extra: least - 1 });
    refuses(short, "length");
    assert(read(proxyV2("", 0, { family, extra: least })).header !== null);
  }
  refuses(joinBytes([V2_SIGNATURE, Uint8Array.of(0x20, 0, 0xff, 0xff)]), "length");
});

Deno.test("version 2 with another version, command, family or signature is refused", () => {
  for (const version of [0x01, 0x11, 0x31, 0xf1]) {
    refuses(proxyV2("192.0.2.7", 1, { command: version }), "version");
  }
  for (const command of [0x22, 0x2f]) refuses(proxyV2("192.0.2.7", 1, { command }), "command");
  for (const family of [0x01, 0x10, 0x12, 0x13, 0x22, 0x32, 0x41, 0xff]) {
    refuses(proxyV2("192.0.2.7", 1, { family }), "family");
  }
  for (let at = 0; at < V2_SIGNATURE.length; at++) {
    const wrong = proxyV2("192.0.2.7", 1);
    wrong[at] ^= 1;
    refuses(wrong, "signature");
  }
});

Deno.test("random bytes, also behind a good beginning, are read in bounds or refused", () => {
  const beginnings: Uint8Array[] = [
    new Uint8Array(),
    new TextEncoder().encode("PROXY "),
    V2_SIGNATURE,
    proxyV1("TCP4 192.0.2.7 1.2.3.4 1 1"),
    proxyV2("192.0.2.7", 1, { extra: 9 }),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...beginnings),
      fc.nat(),
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 40 }),
      (beginning, cut, rest, piece) => {
        const bytes = joinBytes([beginning.subarray(0, cut % (beginning.length + 1)), rest]);
        const outcome = (size: number) => {
          try {
            return read(bytes, size);
          } catch (error) {
            assert(error instanceof ProxyHeaderError, String(error));
            return error.fault;
          }
        };
        const found = outcome(piece);
        assert.deepEqual(outcome(Infinity), found, "the pieces change nothing");
        if (typeof found === "object") assert(found.taken <= 16 + MAX_V2_LENGTH);
      },
    ),
    { numRuns: 20_000 },
  );
});
