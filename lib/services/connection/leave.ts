/**
 * The end of a session: it takes leave of everybody who knows it.
 *
 * Invariant: whatever goes wrong with one of them, the others are told, the link is closed, and nobody waits
 * for this session any more. Never rejects.
 */
import { guard } from "../../base/defects.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Session } from "./session.ts";

/** Takes `session` away from bus, calls, queues and rooms, closes its link, and hands on what it has not sent. */
export async function takeLeave(session: Session): Promise<void> {
  const { bus, calls, queues, rooms } = session.host;
  const { link, outbox } = session;
  guard("take a session from the bus", () => bus.leave(session));
  guard("take a session from the calls", () => calls.leave(session));
  guard("take a session from the queues", () => queues?.leave(session));
  guard("take a session from the rooms", () => rooms?.gone(session));
  guard("close a connection", () => link.close());
  outbox.fail(new ParleyError(ErrorCode.UNAVAILABLE, "the connection is closed"));
  if (!outbox.keepUnsent) return;
  await outbox.whenIdle();
  guard("hand on what a session has not sent", () => bus.handOn(session));
}
