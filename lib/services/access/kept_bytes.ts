/**
 * How many bytes may be kept of a user: in the kept topics and queues that it made.
 *
 * What is kept counts for who made the topic or queue, whoever put it there. Those who have this limit are refused where
 * it would be passed; those who have none write on, so that no user can stop them by making a topic first. Rooms are
 * nobody's: who enters one first did not write what the others say.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { PolicyOrigin } from "../../logic/policy_origin.ts";
import type { Holder } from "../../ports/job_log.ts";
import type { Peer } from "../connection/peer.ts";
import { keyOf, keyOfUser, usageOf } from "./usage.ts";

/** A topic or a queue, and who made it. */
interface Held {
  readonly name: string;
  readonly holder: Holder | null;
}

/** Who counts as the maker of a topic or queue that a peer makes; empty for nobody. */
export function makerOf(peer: Peer | null): string {
  return peer === null || peer.identity === null ? "" : keyOf(peer, peer.identity);
}

/** Who counts as the maker of a queue that a policy of that origin makes; empty for nobody. */
export function makerOfPolicy(origin: PolicyOrigin | undefined): string {
  const { kind, by = "" } = origin ?? {};
  return kind === "run time" && by !== "" ? keyOfUser(by) : "";
}

/** Whether a peer may be refused for what is kept: otherwise nothing need be looked up for it. */
export function isHeldToBytes(peer: Peer): boolean {
  return usageOf(peer) !== null && (peer.identity?.limits?.keptBytes ?? 0) > 0;
}

/**
 * Raises RESOURCE_EXHAUSTED when `bytes` more, put by a peer into a topic or queue, would be more than may be kept of who
 * made it. `action` says what is refused, like "publish on".
 */
export function checkKeptBytes(
  peer: Peer,
  { name, holder }: Held,
  bytes: number,
  action: string,
): void {
  if (holder === null || !isHeldToBytes(peer)) return;
  const usage = usageOf(peer)!;
  const own = peer.identity!.limits!.keptBytes;
  const isOwn = holder.name === usage.key;
  const most = isOwn ? own : usage.all.keptBytesOf(holder.name);
  if (most === 0 || holder.bytes + bytes <= most) return;
  const { user } = peer.identity!;
  const who = !isOwn ? "who made it" : user === "" ? "guests of this address" : quote(user);
  throw new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot ${action} ${
      quote(name)
    }: of ${who} ${holder.bytes} bytes are kept, and it is ${bytes} more`,
    {
      accepted: `at most ${most} (max_kept_bytes of ${isOwn ? "its" : "their"} roles)`,
      limit: "user_kept_bytes",
      retryable: bytes <= most,
    },
  );
}
