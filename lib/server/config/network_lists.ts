/**
 * Lists of addresses and networks in the configuration: who may connect, and which proxies say for whom they do.
 */
import { MAX_LIST_ENTRIES, parseNetwork } from "../../logic/access/address_list.ts";
import { listOf } from "./fields.ts";

const FORM = "Addresses and networks, like 192.0.2.7, 10.0.0.0/8 and 2001:db8::/32";

function networks(description: string) {
  return listOf(parseNetwork).superRefine((entries, context) => {
    if (entries.length <= MAX_LIST_ENTRIES) return;
    const message = `has ${entries.length} entries, but at most ${MAX_LIST_ENTRIES} are compared`;
    context.addIssue({ code: "custom", message });
  }).prefault("").describe(description);
}

/** The keys of the table `listen` that are about addresses of peers. */
export const networkLists = {
  allow_addresses: networks(
    `Who may connect; none means everybody. ${FORM}. It holds for every listener but unix, and is read again on SIGHUP.`,
  ),
  deny_addresses: networks(
    "Who may not connect, whatever allow_addresses says: their connections are closed without a word. Read again on " +
      "SIGHUP; connections that are no longer allowed are then ended.",
  ),
  proxy_protocol: networks(
    "The proxies whose connections begin with a header of the PROXY protocol (version 1 or 2), which says for whom they " +
      "connect: the peer that it names is then what limits, lists and logs see. From these a header is required, and " +
      "from nobody else is one accepted. It holds for every listener but unix.",
  ),
};
