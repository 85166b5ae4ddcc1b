/**
 * Whether an address is one of the internet: what is sent out on the word of a configuration must not reach the machine
 * itself or the networks behind it, unless these are allowed by name.
 *
 * Of IPv6 only global unicast is public, without what carries an IPv4 address or is reserved. An IPv4 address in the form
 * of IPv6 is that IPv4 address. Pure. Source: the special-purpose registries of IANA (RFC 6890 and its updates).
 */
import { parseIp } from "../../base/ip_address.ts";
import { AddressList } from "./address_list.ts";

const NOT_PUBLIC = new AddressList([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  // Within global unicast: Teredo and others, documentation, 6to4.
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
]);
const GLOBAL_UNICAST = new AddressList(["2000::/3"]);

/** Whether an address is a public one; what is no address, or has a zone, is not. */
export function isPublicAddress(text: string): boolean {
  const address = parseIp(text);
  if (address === null || NOT_PUBLIC.has(text)) return false;
  return address.family === 4 || GLOBAL_UNICAST.has(text);
}
