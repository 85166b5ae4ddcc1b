/**
 * Parts with peers that begin messages and do not go on: those whose message stands still for too long, and
 * those that have to go because input of all connections has used up its memory.
 *
 * Links whose peers are no sessions (yet) have accounts of their own; they part with their peers themselves, and the
 * budget counts those with ours.
 *
 * Who is not read, because it does not read or for the sake of others, does not stand still.
 */
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import type { InputAccount } from "../../wire/input_budget.ts";
import type { SessionFacts } from "./session_facts.ts";

/** The account for what waits of a session's input, in its link, too. */
export function openInput(session: SessionFacts): InputAccount {
  const account = session.context.input.open((atOnce) => giveWay(session, atOnce));
  session.link.holdIn?.(account);
  return account;
}

/** Ends a session whose message has made no progress for too long; `nowMs` is the coarse clock. */
export function watchInput(session: SessionFacts, nowMs: number): void {
  const { input, context } = session;
  if (input.stillSinceMs === 0) return;
  if (session.waiting || session.heldUp) return input.forgive();
  const { messageTimeoutMs } = context.limits;
  if (nowMs - input.stillSinceMs < messageTimeoutMs) return;
  context.counters.ends.slowSender++;
  session.end(
    new ParleyError(
      ErrorCode.DEADLINE_EXCEEDED,
      `a message was begun and made no progress for ${messageTimeoutMs} ms`,
      { closeReason: CloseReason.SLOW_SENDER, retryable: true, limit: "message_timeout" },
    ),
  );
}

/** Ends a session that holds most of what waits, without progress. */
function giveWay(session: SessionFacts, atOnce: boolean): void {
  const { context } = session;
  if (session.state === "closing" || session.state === "closed") return;
  session.end(
    new ParleyError(
      ErrorCode.RESOURCE_EXHAUSTED,
      "the server has no room for a message that was begun: too many wait to be whole",
      { closeReason: CloseReason.SLOW_SENDER, retryable: true, limit: "input_total_bytes" },
    ),
  );
  if (atOnce) session.closeAtMs = context.nowMs;
}
