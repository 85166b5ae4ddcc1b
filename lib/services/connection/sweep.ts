/**
 * Everything about a session that happens because time passes: pings, silence, stalled writes, the end
 * of lingering, and the end of a drain.
 *
 * One sweep over all sessions a tick, instead of timers for each: fifteen thousand idle connections cost
 * a loop, not fifteen thousand timers. Silence is no disconnect: who answers pings is asked, who cannot
 * be asked stays until the idle limit.
 */
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Session } from "./session.ts";

const log = logger("connection");

/** How often the server sweeps. */
export const SWEEP_INTERVAL_MS = 250;
/** How often the server sweeps while it drains. */
export const DRAIN_SWEEP_INTERVAL_MS = 25;

/** A sweep that comes this many intervals after the last one tells of a stall of the server itself. */
export const STALL_INTERVALS = 4;

/** How often a peer that has finished sending, and waits for answers, is probed. */
const PROBE_INTERVAL_MS = 1000;

/** Does to one session what the time asks for; `nowMs` is the host's coarse clock. */
export function sweepSession(session: Session, nowMs: number): void {
  if (session.state === "closed") return;
  if (nowMs >= session.closeAtMs) return session.abort();
  if (writeStalled(session, nowMs)) {
    session.host.counters.slowCloses++;
    log.info("connection ended: its peer has not read for {ms} ms", {
      connection: session.number,
      peer: session.link.peer,
      reason: CloseReason[CloseReason.SLOW_CONSUMER],
      ms: session.host.limits.writeTimeoutMs,
    });
    return session.abort();
  }
  // Who is not read for the sake of others cannot be heard.
  if (session.heldUp) session.lastHeardMs = nowMs;
  // What others would still send it has nowhere to go.
  if (session.inputEnded && session.outbox.failure !== null) return session.abort();
  if (session.state === "draining") return sweepDraining(session, nowMs);
  if (session.state === "open") sweepSilence(session, nowMs);
}

/**
 * Starts to measure a session's silence anew, after the server itself stood still: what the peer sent
 * meanwhile, or would have taken, still waits in its socket.
 */
export function forgiveSilence(session: Session, nowMs: number): void {
  session.lastHeardMs = session.stalledSinceMs = nowMs;
}

/** Says whether the write under way has made no progress for the write timeout. */
function writeStalled(session: Session, nowMs: number): boolean {
  const written = session.link.bytesWritten;
  if (!session.outbox.writing || written !== session.bytesWrittenSeen) {
    // A peer that we do not read, because it does not read, lives as long as it takes bytes.
    if (session.waiting && written !== session.bytesWrittenSeen) session.lastHeardMs = nowMs;
    session.bytesWrittenSeen = written;
    session.stalledSinceMs = nowMs;
    return false;
  }
  return nowMs - session.stalledSinceMs >= session.host.limits.writeTimeoutMs;
}

function sweepDraining(session: Session, nowMs: number): void {
  const quietMs = nowMs - session.lastHeardMs;
  const idle = session.outbox.size === 0 && !session.hasCalls;
  if (idle && quietMs >= session.host.limits.drainQuietMs) session.finish();
}

function sweepSilence(session: Session, nowMs: number): void {
  const { limits, counters } = session.host;
  const silentMs = nowMs - session.lastHeardMs;
  const pingable = session.client?.answersPings === true;
  const limitMs = pingable ? limits.pingTimeoutMs : limits.idleTimeoutMs;
  if (silentMs >= limitMs) {
    counters.idleCloses++;
    session.end(
      new ParleyError(ErrorCode.DEADLINE_EXCEEDED, `nothing was heard for ${limitMs} ms`, {
        closeReason: CloseReason.IDLE,
        retryable: true,
      }),
    );
  } else if (pingable && session.inputEnded) {
    // It cannot answer, but a peer that is gone altogether answers with a reset.
    if (nowMs - session.pingedMs >= PROBE_INTERVAL_MS) ping(session, nowMs);
  } else if (pingable && silentMs >= limits.pingIntervalMs && session.pingedMs === 0) {
    ping(session, nowMs);
  }
}

function ping(session: Session, nowMs: number): void {
  session.pingedMs = nowMs;
  session.send({ case: "ping", value: { nonce: BigInt(Math.floor(nowMs)) } });
  session.outbox.flush();
}
