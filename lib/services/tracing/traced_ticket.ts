/**
 * The ticket of an event or a job that is traced: its span lasts until the acknowledgement, with a part for the store and,
 * for an event, one for the delivery.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { Span } from "../../ports/tracing.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Ticket } from "../connection/ticket.ts";

/** A ticket around another one. */
export class TracedTicket implements Ticket {
  readonly #inner: Ticket;
  readonly #span: Span;
  readonly #isEvent: boolean;
  #part: Span;

  constructor(inner: Ticket, span: Span, isEvent: boolean) {
    this.#inner = inner;
    this.#span = span;
    this.#isEvent = isEvent;
    this.#part = span.child("store");
  }

  get session(): Peer | null {
    return this.#inner.session;
  }

  /** Tells that the entry is stored, and about to be delivered. */
  stored(): void {
    this.#part.end();
    if (this.#isEvent) this.#part = this.#span.child("deliver");
  }

  committed(seq: number, level: AckLevel, duplicate: boolean): void {
    this.#part.end();
    this.#inner.committed(seq, level, duplicate);
    this.#span.note({ "messaging.message.id": String(seq), "parley.duplicate": duplicate });
    this.#span.end();
  }

  failed(error: ParleyError): void {
    this.#part.end(error.message);
    this.#inner.failed(error);
    this.#span.end(error.message);
  }
}

/** The ticket for the message in hand: `ticket` itself when it is not traced. */
export function tracedTicket(context: ServerContext, ticket: Ticket, isEvent: boolean): Ticket {
  if (context.span === null) return ticket;
  return new TracedTicket(ticket, context.takeSpan()!, isEvent);
}
