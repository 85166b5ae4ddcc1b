/**
 * Addresses to listen on, as people write them: `localhost:7311`, `0.0.0.0:7311`, `[::1]:7311`.
 *
 * Only the writing is judged here; nothing is resolved or bound. A name other than `localhost` counts
 * as public, because what it stands for may change.
 */
import { invalidArgument } from "../../base/errors.ts";

/** Where to listen. */
export interface ListenAddress {
  /** A name or an address; an IPv6 address without its brackets. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

/** What is accepted, for messages. */
export const ADDRESS_FORM = '"HOST:PORT", like "localhost:7311", "0.0.0.0:7311" or "[::1]:7311"';

/** The longest path of a unix socket that every system takes. */
export const MAX_UNIX_PATH_BYTES = 103;

/** Reads an address; raises INVALID_ARGUMENT that says what would be accepted. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/.exec(text);
  if (match === null) {
    throw invalidArgument(`${JSON.stringify(text)} is not an address; write ${ADDRESS_FORM}`);
  }
  const port = Number(match[3]);
  if (port > 65_535) {
    throw invalidArgument(`${JSON.stringify(text)} has a port above 65535; 0 means any free one`);
  }
  return { hostname: match[1] ?? match[2], port };
}

/** Whether only this machine can reach the address. */
export function isLoopback(hostname: string): boolean {
  return hostname.toLowerCase() === "localhost" || hostname === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(hostname);
}
