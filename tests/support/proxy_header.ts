/**
 * Headers of the PROXY protocol, as a proxy would write them.
 */
import { parseIp } from "../../lib/base/ip_address.ts";

/** What a header of version 2 begins with. */
export const V2_SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);

/** A line of version 1; `rest` stands behind `PROXY `. */
export function proxyV1(rest: string): Uint8Array {
  return new TextEncoder().encode(`PROXY ${rest}\r\n`);
}

/** What may be otherwise in a header of version 2. */
interface V2Options {
  /** Version and command. Default: PROXY of version 2. */
  readonly command?: number;
  /** Default: that of the address. */
  readonly family?: number;
  /** So many further bytes are announced and follow. */
  readonly extra?: number;
}

/** A header of version 2 for a peer; with no address there are no addresses in it. */
export function proxyV2(
  hostname: string,
  port: number,
  { command = 0x21, family, extra = 0 }: V2Options = {},
): Uint8Array {
  const isV6 = hostname.includes(":");
  const addresses = hostname === "" ? [] : addressBytes(hostname, port, isV6);
  const length = addresses.length + extra;
  const kind = family ?? (isV6 ? 0x21 : 0x11);
  const head = [...V2_SIGNATURE, command, kind, length >> 8, length & 255];
  return Uint8Array.from([...head, ...addresses, ...new Array<number>(extra).fill(4)]);
}

function addressBytes(hostname: string, port: number, isV6: boolean): number[] {
  const { family, value } = parseIp(hostname)!;
  const whole = isV6 && family === 4 ? 0xffff_0000_0000n + value : value;
  const bytes = Array.from(
    { length: isV6 ? 16 : 4 },
    (_, index, size = isV6 ? 16 : 4) => Number(whole >> BigInt(8 * (size - 1 - index)) & 255n),
  );
  return [...bytes, ...bytes, port >> 8, port & 255, 0, 80];
}
