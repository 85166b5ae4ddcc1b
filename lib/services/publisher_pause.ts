/**
 * Lets a subscriber that reads, but is behind, catch up for a moment before its publisher is read again.
 *
 * Without it a publisher that is a little faster than its subscriber would have it disconnected for
 * nothing. The wait is short and only for one who makes progress, so a stuck subscriber cannot use it to
 * hold others up; and subscribers that chose to lose events rather than to wait are not waited for.
 */
import { OverflowPolicy } from "../gen/parley/v1/event_pb.ts";
import type { BusSubscription } from "./bus_subscription.ts";

/** The longest that one turn of a publisher is held up. */
const LONGEST_MS = 10;
/** Without progress for this long, a subscriber is not waited for. */
const PATIENCE_MS = 3;

/** Waits until the subscriber of `subscription` has caught up, or does not deserve it. */
export async function waitForReader(subscription: BusSubscription): Promise<void> {
  const { overflow, owner, outbox } = subscription;
  if (overflow === OverflowPolicy.DROP_NEWEST || overflow === OverflowPolicy.DROP_OLDEST) return;
  const enoughBytes = outbox.size >>> 1;
  let written = owner.link.bytesWritten;
  let without = 0;
  for (let waited = 0; waited < LONGEST_MS && outbox.size > enoughBytes; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = owner.link.bytesWritten;
    without = now === written ? without + 1 : 0;
    if (without >= PATIENCE_MS || !owner.takesDeliveries) return;
    written = now;
  }
}
