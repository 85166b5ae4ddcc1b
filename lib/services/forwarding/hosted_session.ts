/**
 * A session whose client is connected to another node: as any other, but that it goes by the client's name, and that its last
 * word is told to that node, which ends the connection.
 */
import { CloseReason } from "../../base/errors.ts";
import type { Link } from "../../ports/link.ts";
import type { Reply } from "../connection/reply.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Service } from "../connection/service.ts";
import { Session } from "../connection/session.ts";

/** Why a connection ends, as it is told. */
export type LastWord = Extract<Reply, { readonly case: "error" }>["value"];

/** One session. */
export class HostedSession extends Session {
  /** Why the client's connection is to end; null while it is not. */
  lastWord: LastWord | null = null;
  readonly #name: string;

  constructor(context: ServerContext, link: Link, service: Service, name: string) {
    super(context, link, "delimited", service);
    this.#name = name;
  }

  override get sessionId(): string {
    return this.#name;
  }

  override send(reply: Reply): void {
    if (reply.case !== "error") return super.send(reply);
    const { closeReason = CloseReason.UNSPECIFIED } = reply.value;
    if (closeReason === CloseReason.UNSPECIFIED) super.send(reply);
    else this.lastWord = reply.value;
  }
}
