/**
 * Receives the jobs of a queue as webhooks, and takes none that Parley has not signed:
 *
 *   deno run --allow-net --allow-env=WEBHOOK_SECRET examples/typescript/webhook_receiver.ts
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";

/** How old, or how far ahead, a request may be. */
const TOLERANCE_SECONDS = 300;

/** Whether a request with this body was signed with `secret`, not long ago. */
export function isSigned(headers: Headers, body: Uint8Array, secret: string): boolean {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const age = Date.now() / 1000 - Number(timestamp);
  if (!/^\d+$/.test(timestamp) || Math.abs(age) > TOLERANCE_SECONDS) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  return (headers.get("webhook-signature") ?? "").split(" ").some((signature) => {
    const [version, value = ""] = signature.split(",");
    const given = Buffer.from(value, "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

if (import.meta.main) {
  const secret = Deno.env.get("WEBHOOK_SECRET") ?? "";
  // A job may come again, for instance when an answer was lost: its id is the same then.
  const done = new Set<string>();
  Deno.serve(async (request) => {
    const body = await request.bytes();
    if (!isSigned(request.headers, body, secret)) return new Response(null, { status: 401 });
    const id = request.headers.get("webhook-id")!;
    if (!done.has(id)) console.log(id, new TextDecoder().decode(body));
    done.add(id);
    return new Response(null, { status: 204 });
  });
}
