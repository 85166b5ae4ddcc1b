/**
 * Lists of addresses and networks in the configuration: who may connect, which proxies say for whom they do, and where
 * clients are pointed to when the server stops.
 */
import { MAX_LIST_ENTRIES, parseNetwork } from "../../../logic/access/address_list.ts";
import { z } from "zod";
import { invalidArgument } from "../../../base/errors.ts";
import { listOf } from "../fields.ts";

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

/** The most URLs that clients are pointed to, and the longest. */
const MAX_HINTS = 16;
const MAX_HINT_CHARACTERS = 256;
const HINT = /^(?:parleys?|wss?):\/\/(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?(?:\/[\w.\/-]*)?$/;

/** Raises INVALID_ARGUMENT for a URL that clients cannot be pointed to. */
function checkHint(url: string): void {
  if (url.length <= MAX_HINT_CHARACTERS && HINT.test(url) && URL.canParse(url)) return;
  throw invalidArgument(
    `cannot point clients to ${JSON.stringify(url.slice(0, MAX_HINT_CHARACTERS))}`,
    {
      accepted:
        "URLs like parleys://other.example.com, parley://10.0.0.2:7311 or wss://example.com/ws",
    },
  );
}

/** Raises INVALID_ARGUMENT for URLs that clients cannot be pointed to. */
export function checkHints(urls: readonly string[]): void {
  urls.forEach(checkHint);
  if (urls.length <= MAX_HINTS) return;
  throw invalidArgument(`cannot point clients to ${urls.length} URLs`, {
    accepted: `at most ${MAX_HINTS}`,
  });
}

/** The schema of the table `drain`. */
export const drainSchema = z.strictObject({
  hint: listOf(checkHint).refine(
    (urls) => urls.length <= MAX_HINTS,
    `has more than ${MAX_HINTS} URLs`,
  ).prefault("").describe(
    'The URLs of servers that clients are pointed to when this one stops, like "parleys://other.example.com", in the ' +
      "order in which to try them. Clients follow them only when their programs say so.",
  ),
}).prefault({}).describe("What clients are told when the server stops.");
