/**
 * Answers a request in a later turn than the one it came in, when its session may have ended meanwhile.
 */
import type { Reply } from "./reply.ts";
import type { Session } from "./session.ts";

/** Answers the request with this id, which `session.late` awaits, unless nobody can take the answer any more. */
export function answerLate(session: Session, reply: Reply, id: number): void {
  session.late.awaited--;
  if (session.takesDeliveries && !session.endIfFull()) {
    session.sendWithId(reply, id);
    session.host.bus.touch(session.outbox);
  }
  session.answered();
}
