/**
 * The one listener of the store: tells each feature its own of what was committed, or was not.
 *
 * Every entry was handed over with a ticket, which is told of it last. A batch that takes longer than a turn is
 * handed out in turns with others. What fails with one entry keeps no other from being told.
 */
import type { ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { StoreBatch, StoreListener, StoreTopic } from "../ports/store.ts";
import type { TurnTaker } from "./connection/fair_turns.ts";
import type { ServerContext } from "./connection/server_context.ts";
import type { Peer } from "./connection/peer.ts";
import { type Ticket, UNTOLD } from "./connection/ticket.ts";
import type { KeptTopics } from "./kept/kept_topics.ts";
import type { Queues } from "./queues/queues.ts";
import { TracedTicket } from "./tracing/traced_ticket.ts";
import type { Bus } from "./topics/bus.ts";
import { isServersTopic } from "./topics/reserved.ts";

const log = logger("server");

/** Tells the ticket of a traced entry that this is stored, before it is handed on. */
function tellStored(ticket: Ticket): void {
  if (ticket instanceof TracedTicket) ticket.stored();
}

/** Listens to one store. */
export class StoreCommits implements StoreListener {
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #kept: KeptTopics;
  readonly #queues: Queues;
  readonly #turn: TurnTaker;
  /** The keys of records that came with the log in the batch that is walked over. */
  #received: string[] = [];
  /** Told of the records that another node has changed, once they are. */
  recordsCame: (keys: readonly string[]) => void = () => {};
  /** Gives who published an event that another node has committed; null when it is nobody who is connected here. */
  publisherOf: (event: StoreBatch) => Peer | null = () => null;

  /** Told of each batch that another node has committed, once all of it was handed out. */
  cameMore: () => void = () => {};

  constructor(context: ServerContext, bus: Bus, kept: KeptTopics, queues: Queues) {
    this.#context = context;
    this.#bus = bus;
    this.#kept = kept;
    this.#queues = queues;
    this.#turn = context.turns.join();
  }

  leaving(): void {
    this.#walled(() => this.#queues.leaving());
  }

  stayed(): void {
    this.#walled(() => this.#queues.stayed());
  }

  fellBack(): void {
    this.#walled(() => this.#queues.fellBack());
  }

  committed(batch: StoreBatch): void | Promise<void> {
    if (!this.#turn.begin() || !this.#walk(batch)) return this.#walkOn(batch);
    this.#finish(batch);
  }

  /** Goes on with a batch that is more than there was time for, in turns with others. */
  async #walkOn(batch: StoreBatch): Promise<void> {
    do await this.#turn.wait(); while (!this.#walk(batch));
    this.#finish(batch);
  }

  /** Hands out committed entries; gives false, with everything handed out so far sent, when others are to have their turn. */
  #walk(batch: StoreBatch): boolean {
    const { turns } = this.#context;
    while (batch.next()) {
      try {
        this.#commit(batch);
      } catch (error) {
        this.#wentWrong(error);
      }
      if (--turns.left > 0 || this.#turn.goOn()) continue;
      this.#walled(() => this.#bus.endTurn());
      return false;
    }
    return true;
  }

  /** All entries of a batch were handed out. */
  #finish(batch: StoreBatch): void {
    if (batch.isReceived) this.#walled(() => this.cameMore());
    else this.#walled(() => this.#queues.committed());
    const received = this.#received;
    if (received.length > 0) {
      this.#received = [];
      this.#walled(() => this.recordsCame(received));
    }
    this.#walled(() => this.#bus.endTurn());
    this.#turn.rest();
  }

  failed(batch: StoreBatch, error: ParleyError): void {
    while (batch.next()) {
      try {
        (batch.completion as Ticket).failed(error);
      } catch (reason) {
        this.#wentWrong(reason);
      }
    }
    this.#walled(() => this.#queues.failed(error));
    this.#walled(() => this.#bus.endTurn());
  }

  received(topic: StoreTopic): void {
    this.#walled(() => this.#kept.received(topic));
  }

  /** Hands out one committed entry. */
  #commit(batch: StoreBatch): void {
    // What came with the log was handed over on another node, where its queues are, too.
    const ticket = batch.isReceived ? UNTOLD : batch.completion as Ticket;
    try {
      switch (batch.kind) {
        case "job":
          if (!batch.isReceived) this.#queues.stored(batch);
          break;
        case "event":
          if (this.#context.tracing !== null) tellStored(ticket);
          if (!batch.duplicate) this.#kept.deliver(batch, this.#publisherOf(batch, ticket));
          break;
        case "forget":
          this.#kept.forgot(batch.topic);
          break;
        default:
          if (batch.isReceived && batch.key !== null) this.#received.push(batch.key);
      }
    } finally {
      // It is stored, whatever went wrong; and a ticket of many must be told of each.
      ticket.committed(batch.seq, this.#kept.store.level, batch.duplicate);
    }
  }

  #publisherOf(batch: StoreBatch, { session }: Ticket): Peer | null {
    if (!batch.isReceived) return session;
    // What happens in rooms is the server's, whoever it is stamped with: people see what they say themselves.
    return batch.topic === null || isServersTopic(batch.topic.name)
      ? null
      : this.publisherOf(batch);
  }

  /** Runs what must not keep the store from going on when it fails. */
  #walled(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#wentWrong(error);
    }
  }

  /** An entry that cannot be dealt with is a defect; the others are dealt with all the same. */
  #wentWrong(error: unknown): void {
    this.#context.counters.internalErrors++;
    log.error("cannot finish what was stored: {error}", { error });
  }
}
