/**
 * How the console writes numbers, times, bytes and links: exact where they are told to be, and short elsewhere.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { asLine, asText, hexLines } from "../../console/format/bytes.ts";
import { counted, exact, percent, short, size } from "../../console/format/numbers.ts";
import { href, parseRoute } from "../../console/format/route.ts";
import { duration, exactTime, relative } from "../../console/format/times.ts";

const plain = (text: string) => text.replaceAll("\u202f", " ");

Deno.test("console: whole numbers keep every digit", () => {
  assert.equal(plain(exact(18446744073709551615n)), "18 446 744 073 709 551 615");
  assert.equal(plain(exact(1234)), "1 234");
  assert.equal(exact(0), "0");
  assert.equal(plain(exact(-1234567)), "-1 234 567");
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
    assert.equal(BigInt(exact(value).replaceAll("\u202f", "")), value);
  }));
});

Deno.test("console: short numbers have about three digits, at every step", () => {
  const shown: [number, string][] = [
    [0, "0"],
    [0.5, "0.5"],
    [7.256, "7.26"],
    [12.34, "12.3"],
    [128.4, "128"],
    [999, "999"],
    [1000, "1 k"],
    [12_800, "12.8 k"],
    [999_600, "1 M"],
    [1e9, "1 G"],
    [NaN, "–"],
  ];
  for (const [value, text] of shown) assert.equal(plain(short(value)), text);
  fc.assert(fc.property(fc.double({ min: 0, max: 1e18, noNaN: true }), (value) => {
    assert(short(value).length <= 7, short(value));
  }));
});

Deno.test("console: sizes, parts and counts", () => {
  assert.equal(plain(size(0)), "0 B");
  assert.equal(plain(size(1023)), "1023 B");
  assert.equal(plain(size(1024)), "1 KiB");
  assert.equal(plain(size(1536n)), "1.5 KiB");
  assert.equal(plain(size(1024 ** 2 - 1)), "1 MiB");
  assert.equal(plain(percent(1, 1000)), "1 %");
  assert.equal(plain(percent(999, 1000)), "99 %");
  assert.equal(plain(percent(5, 5)), "100 %");
  assert.equal(counted(1n, "job"), "1 job");
  assert.equal(plain(counted(1000, "job")), "1 000 jobs");
});

Deno.test("console: times against the present, and how long", () => {
  const now = Date.UTC(2026, 0, 2);
  assert.equal(relative(now - 500, now), "now");
  assert.equal(relative(now - 12_000, now), "12 s ago");
  assert.equal(relative(now + 3 * 60_000, now), "in 3 min");
  assert.equal(relative(now - 50 * 3_600_000, now), "2 d ago");
  assert.equal(exactTime(now), "2026-01-02T00:00:00.000Z");
  assert.equal(exactTime(NaN), "unknown");
  assert.equal(duration(0), "0 ms");
  assert.equal(duration(850), "850 ms");
  assert.equal(duration(2_500), "2.5 s");
  assert.equal(duration(200_000), "3 min 20 s");
  assert.equal(duration(26 * 3_600_000), "1 d 2 h");
});

Deno.test("console: bytes are text only where they are text", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.equal(asText(bytes("héllo\n")), "héllo\n");
  assert.equal(asText(bytes('{"a":1}')), '{\n  "a": 1\n}');
  const large = '{"id":18446744073709551615}';
  assert.equal(asText(bytes(large)), large, "a number that a double cannot hold stays");
  assert.equal(asText(new Uint8Array([0xff, 0xfe])), null);
  assert.equal(asText(new Uint8Array([0, 1])), null);
  assert.equal(asLine(bytes("a\n  b")), "a b");
  assert.equal(asLine(new Uint8Array([0, 255])), "00 ff");
  assert.equal(hexLines(bytes("AB")), `000000  41 42${" ".repeat(42)}  AB`);
});

Deno.test("console: any name survives its way through a link", () => {
  const names = fc.array(fc.string({ minLength: 1, unit: "grapheme" }), { maxLength: 4 });
  const query = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string({ minLength: 1 }));
  fc.assert(fc.property(names, query, (path, given) => {
    const { path: read, query: values } = parseRoute(href(path, given));
    assert.deepEqual(read, path);
    assert.deepEqual({ ...values }, { ...given });
  }));
  assert.deepEqual(parseRoute("#/%/a").path, ["%", "a"]);
});
