/**
 * The features of a server without its listeners, and sessions of them whose links a test makes.
 */
import type { Clock } from "../../lib/base/clock.ts";
import type { Limits } from "../../lib/base/limits.ts";
import type { IoPoll } from "../../lib/ports/io_poll.ts";
import type { Link } from "../../lib/ports/link.ts";
import { ServerContext } from "../../lib/services/connection/server_context.ts";
import { Session } from "../../lib/services/connection/session.ts";
import { ConnectionService } from "../../lib/services/connection_service.ts";
import { Features } from "../../lib/services/features.ts";

/** What a server would make first. */
export function makeFeatures(
  limits: Limits,
  clock: Clock,
  serverId: string,
  poll?: IoPoll,
): Features {
  return new Features(new ServerContext(limits, clock, serverId, poll));
}

/** A session on `link`; the caller runs it. */
export function openSession(features: Features, link: Link): Session {
  const dialect = link.kind === "raw" ? "raw" : "delimited";
  return new Session(features.context, link, dialect, new ConnectionService(features));
}
