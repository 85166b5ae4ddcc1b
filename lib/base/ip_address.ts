/**
 * IP addresses: read from text, written in the one way that systems write them (RFC 5952), and counted.
 *
 * Invariants: an IPv4 address in the form of IPv6 (`::ffff:192.0.2.1`) is that IPv4 address, so nobody has two
 * addresses; the text of an address is the same wherever it comes from. Pure. Non-goals: names, zones (`fe80::1%eth0`).
 */

/** An address: its family and its number, of 32 or 128 bits. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** What stands before an IPv4 address in the form of IPv6. */
const MAPPED = 0xffffn << 32n;
const MAX_TEXT_LENGTH = 45;

/** Reads an address; null when it is none. */
export function parseIp(text: string): IpAddress | null {
  if (text.length > MAX_TEXT_LENGTH) return null;
  if (!text.includes(":")) {
    const value = ipv4Of(text);
    return value === null ? null : { family: 4, value };
  }
  const value = ipv6Of(text);
  return value === null ? null : ipOf(value);
}

/** The address with this number of 128 bits. */
export function ipOf(value: bigint): IpAddress {
  if (value >> 32n === MAPPED >> 32n) return { family: 4, value: value & 0xffff_ffffn };
  return { family: 6, value };
}

/** Writes an address. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from(
    { length: 8 },
    (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn,
  );
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** The one text of an address that a system gave; whatever is no address stays as it is. */
export function canonicalIp(text: string): string {
  if (!text.includes(":")) return text;
  const address = parseIp(text);
  return address === null ? text : formatIp(address);
}

/** Whether only this machine itself can have the address. */
export function isLoopbackIp(text: string): boolean {
  return text === "::1" || text.startsWith("127.");
}

/**
 * The name under which limits count an address: IPv4 and loopback each by itself, IPv6 by its network of 64 bits, since whoever
 * has one address of such a network usually has all of them. A zone (`fe80::1%eth0`) does not count.
 */
export function countedAs(text: string): string {
  if (!text.includes(":") || isLoopbackIp(text)) return text;
  const address = parseIp(text.split("%")[0]);
  if (address === null || address.family === 4) return canonicalIp(text);
  return `${formatIp({ family: 6, value: address.value >> 64n << 64n })}/64`;
}

/** The first longest run of groups that are zero. */
function longestZeros(groups: readonly bigint[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0n) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function ipv4Of(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    // A leading zero means octal to some who read it.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = value << 8n | BigInt(part);
  }
  return value;
}

function ipv6Of(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const front = groupsOf(halves[0], halves.length === 1);
  const back = halves.length === 1 ? [] : groupsOf(halves[1], true);
  if (front === null || back === null) return null;
  const missing = 8 - front.length - back.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const zeros = new Array<bigint>(missing).fill(0n);
  return [...front, ...zeros, ...back].reduce((value, group) => value << 16n | group, 0n);
}

/** Groups of 16 bits; an IPv4 address may stand at the end of the whole. */
function groupsOf(text: string, isEnd: boolean): bigint[] | null {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else {
      const ipv4 = isEnd && index === parts.length - 1 ? ipv4Of(part) : null;
      if (ipv4 === null) return null;
      groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
    }
  }
  return groups;
}
