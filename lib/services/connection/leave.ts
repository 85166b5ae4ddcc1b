/**
 * The end of a session: it takes leave of everybody who knows it.
 *
 * Invariant: whatever goes wrong with one of them, the others are told, the link is closed, and nobody waits
 * for this session any more. Never rejects.
 */
import { guard } from "../../base/defects.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Service } from "./service.ts";
import type { SessionFacts } from "./session_facts.ts";

/** Has everybody forget `session`, closes its link, and hands on what it has not sent. */
export async function takeLeave(session: SessionFacts, service: Service): Promise<void> {
  const { link, outbox } = session;
  service.leave(session);
  guard("close a connection", () => link.close());
  outbox.fail(new ParleyError(ErrorCode.UNAVAILABLE, "the connection is closed"));
  if (!outbox.keepUnsent) return;
  await outbox.whenIdle();
  guard("hand on what a session has not sent", () => service.handOn(session));
}
