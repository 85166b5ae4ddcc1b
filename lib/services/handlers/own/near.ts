/**
 * Whether a peer is on the server's own machine: where there are no users, only such a peer may manage the server.
 */
import { isLoopbackIp } from "../../../base/ip_address.ts";
import type { Peer } from "../../connection/peer.ts";

/** Whether the peer has an identity that decides, or else is on the server's own machine. */
export function isNear({ identity, link: { address, isRelayed } }: Peer): boolean {
  // A unix socket has no address.
  return identity !== null || isRelayed !== true && (address === "" || isLoopbackIp(address));
}
