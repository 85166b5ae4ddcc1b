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
import { logger } from "../../base/log.ts";
import { type InputAccount, InputBudget } from "../../wire/input_budget.ts";
import type { SessionHost } from "./server_context.ts";
import type { Session } from "./session.ts";

const log = logger("connection");

/** How often the log tells that connections have to go. */
const WARN_INTERVAL_MS = 10_000;

/** The budget of all input of a server. */
export function inputBudgetOf(host: SessionHost): InputBudget {
  let warnedMs = -Infinity;
  return new InputBudget(host.limits.maxInputTotalBytes, host.pool, () => host.nowMs, (bytes) => {
    // In a flood of them one line has to do; each of them is in the log for debugging, by its end.
    if (host.nowMs - warnedMs < WARN_INTERVAL_MS) return;
    warnedMs = host.nowMs;
    log.warning(
      "input that waits has used up its memory: connections that hold most of it are ended",
      { bytes },
    );
  });
}

/** The account for what waits of a session's input, in its link, too. */
export function openInput(session: Session): InputAccount {
  const account = session.host.input.open((atOnce) => giveWay(session, atOnce));
  session.link.holdIn?.(account);
  return account;
}

/** Ends a session whose message has made no progress for too long; `nowMs` is the coarse clock. */
export function watchInput(session: Session, nowMs: number): void {
  const { input, host } = session;
  if (input.stillSinceMs === 0) return;
  if (session.waiting || session.heldUp) return input.forgive();
  const { messageTimeoutMs } = host.limits;
  if (nowMs - input.stillSinceMs < messageTimeoutMs) return;
  host.counters.slowSenderCloses++;
  session.end(
    new ParleyError(
      ErrorCode.DEADLINE_EXCEEDED,
      `a message was begun and made no progress for ${messageTimeoutMs} ms`,
      { closeReason: CloseReason.SLOW_SENDER, retryable: true },
    ),
  );
}

/** Ends a session that holds most of what waits, without progress. */
function giveWay(session: Session, atOnce: boolean): void {
  const { host } = session;
  if (session.state === "closing" || session.state === "closed") return;
  session.end(
    new ParleyError(
      ErrorCode.RESOURCE_EXHAUSTED,
      "the server has no room for a message that was begun: too many wait to be whole",
      { closeReason: CloseReason.SLOW_SENDER, retryable: true },
    ),
  );
  if (atOnce) session.closeAtMs = host.nowMs;
}
