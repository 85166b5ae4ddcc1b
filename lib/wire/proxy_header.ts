/**
 * The header of the PROXY protocol, versions 1 and 2, with which a proxy says for whom it connects:
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 *
 * Invariants: the reader never asks for a byte that is not certainly part of the header, so what follows it stays unread;
 * lengths are checked before anything is read for them; what is not exactly a header raises, with the first byte that
 * tells. Additions (TLVs) are passed over. Pure.
 */
import { formatIp, ipOf, parseIp } from "../base/ip_address.ts";

/** The longest header of version 1, with its line end; the specification has this bound. */
export const MAX_V1_BYTES = 107;

/** The most that the length field of version 2 may announce: addresses and additions. */
export const MAX_V2_LENGTH = 4096;

/** For whom a proxy connects: a peer, or itself, when it checks the server or knows no address. */
export type ProxyHeader =
  | { readonly kind: "peer"; readonly hostname: string; readonly port: number }
  | { readonly kind: "proxy" };

/** What can be wrong with a header. */
export type ProxyFault =
  | "signature"
  | "length"
  | "line"
  | "address"
  | "version"
  | "command"
  | "family";

/** Says that bytes are no header. */
export class ProxyHeaderError extends Error {
  override readonly name = "ProxyHeaderError";
  readonly fault: ProxyFault;

  constructor(fault: ProxyFault, message: string) {
    super(`no PROXY header: ${message}`);
    this.fault = fault;
  }
}

const SIGNATURE_V1 = new TextEncoder().encode("PROXY ");
const SIGNATURE_V2 = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
/** So much is read first: it tells the versions apart, and the shortest header, `PROXY UNKNOWN`, is longer. */
const FIRST_BYTES = SIGNATURE_V2.length;
const V2_HEAD_BYTES = 16;

const [CR, LF] = [13, 10];
const [LOCAL, PROXY] = [0, 1];
const ITSELF: ProxyHeader = { kind: "proxy" };

/** The families of version 2 over streams, with the bytes that their addresses take. */
const STREAMS = new Map([[0x00, 0], [0x11, 12], [0x21, 36], [0x31, 216]]);
const [TCP4, TCP6] = [0x11, 0x21];

/** Reads one header, as its bytes come. */
export class ProxyHeaderReader {
  readonly #bytes = new Uint8Array(Math.max(MAX_V1_BYTES, V2_HEAD_BYTES + 36));
  /** How many of the bytes are there, and how many there have to be before there is more to say. */
  #length = 0;
  #wanted = FIRST_BYTES;
  /** How many further bytes are passed over. */
  #over = 0;
  #version: 0 | 1 | 2 = 0;
  #found: ProxyHeader | null = null;

  /** The header, once it is whole. */
  get header(): ProxyHeader | null {
    return this.#wanted === this.#length && this.#over === 0 ? this.#found : null;
  }

  /** Whether nothing has come yet. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Where the next bytes go; empty once the header is whole. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#length < this.#wanted) return this.#bytes.subarray(this.#length, this.#wanted);
    // What is passed over may be written over what was read before: that is known by then.
    return this.#bytes.subarray(0, Math.min(this.#over, this.#bytes.length));
  }

  /** Takes note of `count` bytes in the space. Raises ProxyHeaderError when they are no header. */
  filled(count: number): void {
    if (this.#length === this.#wanted) {
      this.#over -= count;
      return;
    }
    const from = this.#length;
    this.#length += count;
    if (this.#version === 0) this.#recognise();
    if (this.#version === 1) this.#lookForEnd(from);
    else if (this.#version === 2 && this.#length === this.#wanted) this.#readV2();
  }

  /** Tells the version, as soon as all of a signature is there. */
  #recognise(): void {
    const beginsWith = (signature: Uint8Array) =>
      signature.subarray(0, this.#length).every((byte, index) => byte === this.#bytes[index]);
    if (!beginsWith(SIGNATURE_V1) && !beginsWith(SIGNATURE_V2)) {
      throw new ProxyHeaderError("signature", "the connection does not begin with one");
    }
    if (this.#length < FIRST_BYTES) return;
    this.#version = this.#bytes[0] === SIGNATURE_V1[0] ? 1 : 2;
    if (this.#version === 2) this.#wanted = V2_HEAD_BYTES;
  }

  /** Looks for the end of a line of version 1 among the bytes from `from` on. */
  #lookForEnd(from: number): void {
    const bytes = this.#bytes;
    for (let at = Math.min(from, SIGNATURE_V1.length); at < this.#length; at++) {
      const isEnd = bytes[at] === LF && bytes[at - 1] === CR;
      if (isEnd && at === this.#length - 1) {
        this.#wanted = this.#length;
        this.#found = parseLine(String.fromCharCode(...bytes.subarray(0, at - 1)));
        return;
      }
      if (isEnd || bytes[at] === LF || bytes[at - 1] === CR) {
        throw new ProxyHeaderError("line", "the line does not end with CR and LF where it should");
      }
    }
    if (this.#length < this.#wanted) return;
    // CR and LF are to come, or only LF.
    this.#wanted = this.#length + (bytes[this.#length - 1] === CR ? 1 : 2);
    if (this.#wanted > MAX_V1_BYTES) {
      throw new ProxyHeaderError("length", `the line has more than ${MAX_V1_BYTES} bytes`);
    }
  }

  #readV2(): void {
    if (this.#wanted > V2_HEAD_BYTES) this.#found = this.#readAddress();
    else this.#readHead();
  }

  #readHead(): void {
    const [versionAndCommand, family, high, low] = this.#bytes.subarray(FIRST_BYTES, V2_HEAD_BYTES);
    const [version, command] = [versionAndCommand >>> 4, versionAndCommand & 15];
    if (version !== 2) throw new ProxyHeaderError("version", `version ${version}, not 2`);
    if (command !== LOCAL && command !== PROXY) {
      throw new ProxyHeaderError("command", `command ${command}, neither LOCAL nor PROXY`);
    }
    const length = high << 8 | low;
    if (length > MAX_V2_LENGTH) {
      throw new ProxyHeaderError("length", `${length} bytes, more than ${MAX_V2_LENGTH}`);
    }
    const addressBytes = command === LOCAL ? 0 : STREAMS.get(family);
    if (addressBytes === undefined) {
      throw new ProxyHeaderError("family", `family and protocol ${family} are none of a stream`);
    }
    if (length < addressBytes) {
      throw new ProxyHeaderError(
        "length",
        `${length} bytes, but the addresses take ${addressBytes}`,
      );
    }
    const isRead = command === PROXY && (family === TCP4 || family === TCP6);
    if (isRead) this.#wanted = V2_HEAD_BYTES + addressBytes;
    else this.#found = ITSELF;
    this.#over = isRead ? length - addressBytes : length;
  }

  #readAddress(): ProxyHeader {
    const isV4 = this.#bytes[FIRST_BYTES + 1] === TCP4;
    const size = isV4 ? 4 : 16;
    const source = this.#bytes.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + size);
    const value = source.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
    const portAt = V2_HEAD_BYTES + 2 * size;
    const port = this.#bytes[portAt] << 8 | this.#bytes[portAt + 1];
    return { kind: "peer", hostname: formatIp(isV4 ? { family: 4, value } : ipOf(value)), port };
  }
}

/** Reads the line of version 1, without its end. */
function parseLine(line: string): ProxyHeader {
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return ITSELF;
  const match = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (match === null) {
    throw new ProxyHeaderError("line", "the line has not a protocol, two addresses and two ports");
  }
  const [, family, source, destination, ...ports] = match;
  const isFamily = (text: string) => text.includes(":") === (family === "6");
  const address = parseIp(source);
  const isGood = address !== null && isFamily(source) && parseIp(destination) !== null &&
    isFamily(destination);
  if (!isGood) throw new ProxyHeaderError("address", `no addresses of TCP${family}`);
  if (!ports.every((port) => /^(?:0|[1-9]\d*)$/.test(port) && Number(port) <= 65_535)) {
    throw new ProxyHeaderError("address", "no ports");
  }
  return { kind: "peer", hostname: formatIp(address), port: Number(ports[0]) };
}
