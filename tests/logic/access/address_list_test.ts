/**
 * Lists of addresses and networks: what is in them, at the edges of each, and entries that are none.
 */
import assert from "node:assert/strict";
import { BlockList } from "node:net";
import fc from "fast-check";
import { formatIp, ipOf } from "../../../lib/base/ip_address.ts";
import { AddressList, parseNetwork } from "../../../lib/logic/access/address_list.ts";

Deno.test("a network has its first and its last address, and not those around it", () => {
  const list = new AddressList(["10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::1/128"]);
  for (
    const inside of [
      ...["10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8::", "2001:db8:ffff:ffff::ffff", "::1"],
      ...["::ffff:10.1.0.1", "::ffff:192.0.2.7"],
    ]
  ) assert(list.has(inside), inside);
  for (
    const outside of [
      ...["10.0.255.255", "10.2.0.0", "192.0.2.6", "192.0.2.8", "2001:db7:ffff::", "2001:db9::"],
      ...["::", "::2", "", "unix:/run/x", "localhost"],
    ]
  ) assert(!list.has(outside), outside);
});

Deno.test("an empty list has nobody, and all of one family is nothing of the other", () => {
  assert(new AddressList([]).isEmpty);
  assert(!new AddressList([]).has("::1"));
  const [four, six] = [new AddressList(["0.0.0.0/0"]), new AddressList(["::/0"])];
  assert(!four.isEmpty && !six.isEmpty);
  for (const text of ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"]) {
    assert(four.has(text) && !six.has(text), text);
  }
  for (const text of ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
    assert(six.has(text) && !four.has(text), text);
  }
  assert(new AddressList(["::ffff:10.0.0.0/104"]).has("10.255.0.1"));
});

Deno.test("an entry that is no network is refused with what would be one", () => {
  for (
    const [entry, message] of [
      ["10.0.0.0/33", /has a prefix of 33 bits; one from 0 to 32 fits/],
      ["::1/129", /has a prefix of 129 bits; one from 0 to 128 fits/],
      ["::ffff:10.0.0.0/95", /has a prefix of 95 bits; one from 96 to 128 fits/],
      ["10.1.2.3/8", /has bits behind its prefix; write 10\.0\.0\.0\/8 for the network/],
      ["2001:db8::1/32", /has bits behind its prefix; write 2001:db8::\/32 for the network/],
      ["10.0.0.0/08", /is no address and no network/],
      ["10.0.0.0/8/8", /is no address and no network/],
      ["10.0.0.0/", /is no address and no network/],
      ["localhost", /is no address and no network; write one like 192\.0\.2\.7/],
      ["", /is no address and no network/],
    ] as const
  ) assert.throws(() => parseNetwork(entry), message, entry);
});

Deno.test("a list says the same as the one of the system, for any networks and addresses", () => {
  const address = fc.oneof(
    fc.bigInt({ min: 0n, max: 0xffffn }).map((low) => (0xffffn << 32n) + (low << 16n)),
    fc.bigInt({ min: 0n, max: 0xfffffn }).map((high) => (0x2001n << 112n) + (high << 90n)),
  ).map(ipOf);
  const network = fc.tuple(address, fc.nat(32)).map(([{ family, value }, cut]) => {
    const bits = family === 4 ? 32 : 128;
    const prefix = bits === 32 ? cut : 16 + cut;
    const rest = BigInt(bits - prefix);
    return { text: formatIp({ family, value: value >> rest << rest }), family, prefix };
  });
  fc.assert(
    fc.property(
      fc.array(network, { maxLength: 12 }),
      fc.array(address, { maxLength: 20 }),
      (networks, addresses) => {
        const list = new AddressList(networks.map(({ text, prefix }) => `${text}/${prefix}`));
        const other = new BlockList();
        for (const { text, family, prefix } of networks) {
          other.addSubnet(text, prefix, family === 4 ? "ipv4" : "ipv6");
        }
        for (const each of addresses) {
          const text = formatIp(each);
          assert.equal(list.has(text), other.check(text, each.family === 4 ? "ipv4" : "ipv6"));
        }
      },
    ),
    { numRuns: 2000 },
  );
});
