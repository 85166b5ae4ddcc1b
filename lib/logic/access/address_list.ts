/**
 * A list of addresses and networks (`192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`), asked whether an address is in it.
 *
 * Pure. Networks become ranges that are sorted and joined, so asking costs a few comparisons, however long the list is.
 * (The BlockList of node:net compares with every entry: 0.3 ms in a list of 4,096.) IPv4 and IPv6 are apart: `::/0` is all of IPv6
 * and nothing of IPv4.
 */
import { invalidArgument } from "../../base/errors.ts";
import { formatIp, type IpAddress, parseIp } from "../../base/ip_address.ts";
import { quote } from "../../base/quote.ts";

/** The most entries of one list. */
export const MAX_LIST_ENTRIES = 10_000;

/** From the first to the last address of a network. */
interface Range {
  readonly first: bigint;
  last: bigint;
}

/** The bits of an address of each family, and what an IPv4 address in the form of IPv6 has more. */
const BITS = { 4: 32, 6: 128 } as const;
const MAPPED_BITS = 96;

/** A list that is asked often. */
export class AddressList {
  readonly #ranges: { readonly 4: readonly Range[]; readonly 6: readonly Range[] };

  /** Raises INVALID_ARGUMENT for an entry that is neither an address nor a network. */
  constructor(entries: readonly string[]) {
    const networks = entries.map(parseNetwork);
    this.#ranges = { 4: joined(networks, 4), 6: joined(networks, 6) };
  }

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return this.#ranges[4].length + this.#ranges[6].length === 0;
  }

  /** Whether an address is in it; what is no address is in no list. */
  has(text: string): boolean {
    if (this.isEmpty) return false;
    const address = parseIp(text);
    if (address === null) return false;
    const ranges = this.#ranges[address.family];
    // The last range that begins at the address or before it.
    let low = 0;
    for (let high = ranges.length; low < high;) {
      const middle = low + high >>> 1;
      if (ranges[middle].first <= address.value) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address.value <= ranges[low - 1].last;
  }
}

/** A network: its first address, and how many bits of it count. */
interface Network extends IpAddress {
  readonly prefix: number;
}

/** Reads an entry; raises INVALID_ARGUMENT that says what would be accepted. */
export function parseNetwork(text: string): Network {
  const name = quote(text);
  const [written, length, ...more] = text.split("/");
  const address = parseIp(written);
  const isPrefix = length === undefined || /^(0|[1-9]\d{0,2})$/.test(length);
  if (address === null || !isPrefix || more.length > 0) {
    throw invalidArgument(
      `${name} is no address and no network; write one like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32`,
    );
  }
  const { family, value } = address;
  const bits = BITS[family];
  // An IPv4 address in the form of IPv6 has the prefix of that form.
  const before = family === 4 && written.includes(":") ? MAPPED_BITS : 0;
  const prefix = length === undefined ? bits : Number(length) - before;
  if (prefix < 0 || prefix > bits) {
    throw invalidArgument(
      `${name} has a prefix of ${length} bits; one from ${before} to ${
        before + bits
      } fits this address`,
    );
  }
  const rest = BigInt(bits - prefix);
  const first = value >> rest << rest;
  if (first !== value) {
    const network = `${formatIp({ family, value: first })}/${prefix}`;
    throw invalidArgument(
      `${name} has bits behind its prefix; write ${network} for the network, or the address alone`,
    );
  }
  return { family, value, prefix };
}

/** The ranges of a family, sorted and without overlaps. */
function joined(networks: readonly Network[], family: 4 | 6): Range[] {
  const ranges = networks.filter((network) => network.family === family)
    .map(({ value: first, prefix }) => ({
      first,
      last: first + (1n << BigInt(BITS[family] - prefix)) - 1n,
    }))
    .sort((one, other) => one.first < other.first ? -1 : one.first > other.first ? 1 : 0);
  const result: Range[] = [];
  for (const range of ranges) {
    const before = result.at(-1);
    if (before === undefined || range.first > before.last + 1n) result.push(range);
    else if (range.last > before.last) before.last = range.last;
  }
  return result;
}
