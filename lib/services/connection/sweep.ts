/**
 * Everything about a session that happens because time passes: pings, silence, stalled writes, the end
 * of lingering, and the end of a drain.
 *
 * One sweep over all sessions a tick, instead of timers for each: fifteen thousand idle connections cost
 * a loop, not fifteen thousand timers.
 *
 * Silence is no disconnect. Who said that it answers pings is pinged, and gone when it does not answer. A link
 * whose far side answers probes by itself (a WebSocket) is probed likewise. Of all others the system is asked to
 * find out whether they are there, and ends the link when they are not; what they take of what is sent to them
 * is a sign of life as well, and only who neither sends nor takes anything is ended at the idle limit.
 */
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { MAX_PROBES_A_SECOND, PROBE_INTERVAL_MS } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import type { ServerContext } from "./server_context.ts";
import { watchInput } from "./input_watch.ts";
import type { Session } from "./session.ts";

const log = logger("connection");

/** The time between two sweeps. */
export const SWEEP_INTERVAL_MS = 250;
/** The time between two sweeps while the server drains. */
export const DRAIN_SWEEP_INTERVAL_MS = 25;

/** A sweep that comes this many intervals after the last one tells of a stall of the server itself. */
export const STALL_INTERVALS = 4;

/** The time between two pings of a peer that answers pings, has finished sending, and waits for answers. */
const HALF_CLOSED_PING_MS = 1000;
/** The most probes of one sweep, so that a crowd that fell silent together is no stall. */
const MAX_PROBES_A_SWEEP = MAX_PROBES_A_SECOND * SWEEP_INTERVAL_MS / 1000;

/** Begins a sweep over all sessions of a server. */
export function beginSweep(context: ServerContext): void {
  context.probesLeft = MAX_PROBES_A_SWEEP;
}

/** Does to one session what the time asks for; `nowMs` is the context's coarse clock. */
export function sweepSession(session: Session, nowMs: number): void {
  if (session.state === "closed") return;
  if (nowMs >= session.closeAtMs) return session.abort();
  if (writeStalled(session, nowMs)) {
    const { counters } = session.context;
    counters.ends.slow++;
    counters.ends.byReason[CloseReason.SLOW_CONSUMER]++;
    counters.refusals.limitsHit.write_timeout++;
    session.closeReason = CloseReason.SLOW_CONSUMER;
    session.endReason = "its peer has not read";
    session.context.notices?.endedAsSlow(session);
    log.info("connection ended: its peer has not read for {ms} ms", {
      connection: session.number,
      peer: session.link.peer,
      reason: CloseReason[CloseReason.SLOW_CONSUMER],
      ms: session.context.limits.writeTimeoutMs,
    });
    return session.abort();
  }
  // Who is not read for the sake of others cannot be heard.
  if (session.heldUp) session.lastHeardMs = nowMs;
  // What others would still send it has nowhere to go.
  if (session.inputEnded && session.outbox.failure !== null) return session.abort();
  watchInput(session, nowMs);
  if (session.state === "draining") return sweepDraining(session, nowMs);
  if (session.state === "open") sweepSilence(session, nowMs);
}

/**
 * Starts to measure a session's silence anew, after the server itself stood still: what the peer sent
 * meanwhile, or would have taken, still waits in its socket.
 */
export function forgiveSilence(session: Session, nowMs: number): void {
  session.lastHeardMs = session.stalledSinceMs = nowMs;
  session.input.forgive();
}

/** Says whether the write under way has made no progress for the write timeout; takes note of progress. */
function writeStalled(session: Session, nowMs: number): boolean {
  const written = session.link.bytesWritten;
  const taken = written !== session.bytesWrittenSeen;
  if (taken) {
    session.lastTakenMs = nowMs;
    // A write that had to wait goes on only when the peer's system has taken what was before it.
    if (session.waiting || session.writeWaited && session.state === "open") {
      session.lastHeardMs = nowMs;
    }
  }
  session.writeWaited = session.outbox.writing;
  if (!session.outbox.writing || taken || session.link.isPreparing === true) {
    session.bytesWrittenSeen = written;
    session.stalledSinceMs = nowMs;
    return false;
  }
  return nowMs - session.stalledSinceMs >= session.context.limits.writeTimeoutMs;
}

function sweepDraining(session: Session, nowMs: number): void {
  // While others wait for their turn, what this peer sent may wait in its socket.
  if (session.context.turns.waiting > 0) session.lastHeardMs = nowMs;
  const quietMs = nowMs - session.lastHeardMs;
  const idle = session.outbox.size === 0 && !session.hasCalls;
  if (idle && quietMs >= session.context.limits.drainQuietMs) session.finish();
}

function sweepSilence(session: Session, nowMs: number): void {
  const { limits } = session.context;
  if (session.link.signs !== session.signsSeen) {
    session.signsSeen = session.link.signs;
    session.lastHeardMs = nowMs;
    session.pingedMs = 0;
  }
  const pingable = session.client?.answersPings === true;
  const silentMs = nowMs - session.lastHeardMs;
  if (pingable || session.link.answersProbes && !session.inputEnded) {
    if (silentMs >= limits.pingTimeoutMs) return endIdle(session, limits.pingTimeoutMs);
    // It cannot answer, but a peer that is gone altogether answers with a reset.
    const due = pingable && session.inputEnded
      ? nowMs - session.pingedMs >= HALF_CLOSED_PING_MS
      : silentMs >= limits.pingIntervalMs && session.pingedMs === 0;
    if (!due) return;
    session.pingedMs = nowMs;
    if (pingable) ping(session, nowMs);
    else session.link.probe(limits.pingIntervalMs);
    return;
  }
  const idleMs = Math.min(silentMs, nowMs - session.lastTakenMs);
  if (idleMs >= limits.idleTimeoutMs) return endIdle(session, limits.idleTimeoutMs);
  if (silentMs >= limits.keepaliveMs) probeSystem(session, nowMs);
}

function endIdle(session: Session, limitMs: number): void {
  session.context.counters.ends.idle++;
  session.end(
    new ParleyError(ErrorCode.DEADLINE_EXCEEDED, `nothing was heard for ${limitMs} ms`, {
      closeReason: CloseReason.IDLE,
      retryable: true,
    }),
  );
}

/** Has the system find out whether a peer is there that cannot be asked; the more there are, the rarer. */
function probeSystem(session: Session, nowMs: number): void {
  const { context } = session;
  if (nowMs < session.nextProbeMs || context.probesLeft === 0) return;
  context.probesLeft--;
  const shareMs = context.counters.connections.open * 1000 / MAX_PROBES_A_SECOND;
  session.nextProbeMs = nowMs + Math.max(PROBE_INTERVAL_MS, shareMs);
  session.link.probe(context.limits.keepaliveMs);
}

function ping(session: Session, nowMs: number): void {
  session.send({ case: "ping", value: { nonce: BigInt(Math.floor(nowMs)) } });
  session.outbox.flush();
}
