/**
 * Answers a request in a later turn than the one it came in, when its session may have ended meanwhile.
 */
import type { Reply } from "./reply.ts";
import type { Peer } from "./peer.ts";
import type { RequestId } from "../../base/request_id.ts";

/**
 * Answers the request with this id, which `session.late` awaits, unless nobody can take the answer any more;
 * null when it wants none. Whatever goes wrong, it is awaited no more.
 */
export function answerLate(session: Peer, reply: Reply | null, id: RequestId): void {
  session.late.end();
  try {
    if (reply === null || !session.takesDeliveries || session.endIfFull()) return;
    session.sendWithId(reply, id);
    session.touch();
  } finally {
    session.answered();
  }
}
