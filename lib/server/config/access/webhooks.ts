/**
 * The table of webhooks, and the fields of queues whose jobs are posted: where to, and how they are signed.
 *
 * Secrets are checked here and shown nowhere, also when they are wrong. What an address may be is known when a name is
 * resolved; what is plain to see in a URL is refused here.
 */
import { z } from "zod";
import { HttpPoster } from "../../../adapters/webhooks/poster.ts";
import { keyOfSecret, SECRET_FORM } from "../../../adapters/webhooks/signature.ts";
import { parseIp } from "../../../base/ip_address.ts";
import { AddressList, parseNetwork } from "../../../logic/access/address_list.ts";
import { isPublicAddress } from "../../../logic/access/public_address.ts";
import type { QueueDelivery } from "../../../logic/queues/policies.ts";
import { duration, listOf, whole } from "../fields.ts";

/** The longest URL, and the most secrets of a queue: one, and another while it is exchanged. */
const MAX_URL_CHARACTERS = 2048;
const MAX_SECRETS = 2;
/** How many jobs of a queue are posted at once when nothing is said. */
const AT_ONCE = 4;

/** Raises what is wrong with the URL of a receiver. It names nothing of the URL: it may hold a secret. */
function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null || text.length > MAX_URL_CHARACTERS ||
    url.protocol !== "https:" && url.protocol !== "http:"
  ) {
    throw new Error("is no URL of a receiver; write one like https://example.com/jobs");
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error("has a user or a password; receivers know the server by its signature");
  }
  if (url.hash !== "") throw new Error("has a fragment, which is never sent");
}

function checkSecret(secret: string): void {
  if (keyOfSecret(secret) === null) throw new Error(`is no secret; write ${SECRET_FORM}`);
}

/** The fields of a `[[queue]]` that are about posting its jobs. */
export const deliveryFields = {
  deliver_to: z.string().default("").superRefine((text, context) => {
    try {
      if (text !== "") checkUrl(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  }).describe(
    'Where jobs are posted to instead of being pulled, like "https://example.com/jobs"; empty for nowhere. See ' +
      "docs/http.md.",
  ),
  deliver_secret: listOf(checkSecret).refine(
    (secrets) => secrets.length <= MAX_SECRETS,
    `has more than ${MAX_SECRETS} secrets`,
  ).prefault([]).describe(
    `The secret that signs what is posted: ${SECRET_FORM}. Two while one takes the place of the other.`,
  ),
  deliver_at_once: whole(
    AT_ONCE,
    1,
    64,
    "How many jobs of each queue are posted at once at most.",
  ),
};

/** What is said of posting the jobs of a queue. */
export interface DeliveryTable {
  readonly deliver_to: string;
  readonly deliver_secret: readonly string[];
  readonly deliver_at_once: number;
}

/** What is wrong with that as a whole, and the field at fault; null when nothing is. */
export function deliveryFault(
  { deliver_to: url, deliver_secret: secrets }: DeliveryTable,
): { readonly field: string; readonly message: string } | null {
  if (url === "" || secrets.length > 0) return null;
  return {
    field: "deliver_secret",
    message:
      `what is posted has to be signed, so that its receiver can tell it from others; write ${SECRET_FORM}`,
  };
}

/** Where the jobs of a queue are posted to, as the rest of the server names it. */
export function deliveryOf(table: DeliveryTable): { readonly delivery?: QueueDelivery } {
  const { deliver_to: url, deliver_secret: secrets, deliver_at_once: atOnce } = table;
  return url === "" ? {} : { delivery: { url, secrets, atOnce } };
}

/** The schema of the table `webhooks`. */
export const webhooksSchema = z.strictObject({
  allow_addresses: listOf((entry) => void parseNetwork(entry)).prefault("").describe(
    "Addresses and networks that are not public, like 10.0.0.0/8, and that jobs may be posted to all the same. By default " +
      "only public addresses are: what may set a queue up must not reach the networks behind the server.",
  ),
  allow_http: z.boolean().default(false).describe(
    "Whether jobs may be posted without TLS, to URLs of http: whoever is in between reads and changes them.",
  ),
  ca: z.string().default("").describe(
    "A file of authorities in PEM that receivers' certificates may be of, besides those that are known anyway. It is read " +
      "at a start and at a reload.",
  ),
  timeout_ms: duration(15_000, "How long a receiver has for its answer.", 10),
  max_at_once: whole(
    64,
    1,
    1024,
    "How many jobs of all queues are posted at once at most. A queue gets as many of them as are still free, and a quarter is for " +
      "queues that post nothing yet: so one queue alone posts 24 of 64 at once at most, and slow receivers leave room for others.",
  ),
}).prefault({}).describe("Posting jobs to their receivers (webhooks).");

/** What is said of all webhooks. */
export type WebhooksTable = z.output<typeof webhooksSchema>;

/** What does not fit together between webhooks and the queues whose jobs are posted: the queue, and the words. */
export function webhookFaults(
  { webhooks, queue }: { webhooks: WebhooksTable; queue: readonly DeliveryTable[] },
): { readonly index: number; readonly message: string }[] {
  const mayReach = reachable(webhooks);
  return queue.flatMap(({ deliver_to: text }, index) => {
    if (!URL.canParse(text)) return [];
    const { protocol, hostname } = new URL(text);
    if (protocol === "http:" && !webhooks.allow_http) {
      return [{ index, message: "is a URL without TLS; write https, or set webhooks.allow_http" }];
    }
    const host = hostname.replace(/^\[|\]$/g, "");
    if (parseIp(host) === null || mayReach(host)) return [];
    const message = `leads to ${host}, which is not public; add it to webhooks.allow_addresses`;
    return [{ index, message }];
  });
}

/** Makes what posts jobs. Rejects with an Error when the file of authorities cannot be read. */
export async function posterOf(
  { webhooks }: { webhooks: WebhooksTable },
  wallMs: () => number,
): Promise<HttpPoster> {
  const { ca, timeout_ms: timeoutMs } = webhooks;
  return new HttpPoster({
    timeoutMs,
    wallMs,
    mayReach: reachable(webhooks),
    ca: ca === "" ? null : await Deno.readTextFile(ca),
  });
}

/** Which addresses may be reached. */
function reachable({ allow_addresses: allowed }: WebhooksTable): (address: string) => boolean {
  const list = new AddressList(allowed);
  return (address) => isPublicAddress(address) || list.has(address);
}
