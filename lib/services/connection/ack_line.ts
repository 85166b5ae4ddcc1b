/**
 * The acknowledgements that one session waits for: of the events and jobs that it handed to the store with an id.
 *
 * Entries are committed, or fail, in the order in which they were handed over. So one object is the ticket of
 * all of them, and the ids of the requests stand in a ring of numbers: tens of thousands can be on their way, and an
 * object for each would stop the server whenever the runtime moves them. Acks are written by hand: there is one an
 * event, and everything else about it is bytes already.
 */
import type { ParleyError } from "../../base/errors.ts";
import { NumberRing } from "../../logic/number_ring.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import { putVarint, putVarint53 } from "../../wire/varint.ts";
import { answerLate } from "./answer_late.ts";
import type { Ticket } from "./ticket.ts";
import { countRefusal } from "./counters.ts";
import { errorReply } from "./reply.ts";
import type { Peer } from "./peer.ts";
import type { RequestId } from "../../base/request_id.ts";
import { putId } from "../../wire/request_id.ts";

/** Tag of ServerMessage.ack: field 5, length-delimited. */
export const ACK_TAG = 0x2a;
/** Tag of Ack.level: field 1, varint. */
export const LEVEL_TAG = 0x08;
/** Tag of Ack.seq: field 3, varint. */
const SEQ_TAG = 0x18;
/** Tag of Ack.duplicate: field 4, varint. */
const DUPLICATE_TAG = 0x20;
/** An id is kept as two halves of 32 bits; from this high half on it is no number without loss. */
const HALF = 2 ** 32;
const MAX_NUMBER_HIGH = 2 ** 21;
/** The most bytes of an Ack with its envelope and id. */
const MAX_BYTES = 64;

const scratch = new Uint8Array(MAX_BYTES);

/** The acknowledgements that are due to one session. */
export class AckLine implements Ticket {
  readonly session: Peer;
  /** The ids of the entries that are not told of: the low half of each, then the high one. */
  readonly #ids = new NumberRing();

  constructor(session: Peer) {
    this.session = session;
  }

  /** Says that an entry was handed to the store with this line as its ticket, for the request of this id. */
  expect(id: RequestId): void {
    if (typeof id === "number") {
      this.#ids.push(id >>> 0);
      this.#ids.push(id / HALF);
    } else {
      this.#ids.push(Number(BigInt.asUintN(32, id)));
      this.#ids.push(Number(id >> 32n));
    }
    this.session.late.begin();
  }

  committed(seq: number, level: AckLevel, duplicate: boolean): void {
    const { session } = this;
    const id = this.#take();
    session.late.end();
    if (session.takesDeliveries && !session.endIfFull()) {
      let at = 2;
      scratch[at++] = LEVEL_TAG;
      at = putVarint(scratch, at, level);
      scratch[at++] = SEQ_TAG;
      at = putVarint53(scratch, at, seq);
      if (duplicate) {
        scratch[at++] = DUPLICATE_TAG;
        scratch[at++] = 1;
      }
      scratch[0] = ACK_TAG;
      scratch[1] = at - 2;
      scratch[at++] = ID_TAG;
      at = putId(scratch, at, id);
      const to = session.begin(at);
      const out = session.outbox.bytes;
      for (let index = 0; index < at; index++) out[to + index] = scratch[index];
      session.touch();
    }
    session.answered();
  }

  failed(error: ParleyError): void {
    countRefusal(this.session.context, error, this.session);
    answerLate(this.session, errorReply(error), this.#take());
  }

  /** The id of the oldest entry that is not told of. */
  #take(): RequestId {
    const low = this.#ids.shift();
    const high = this.#ids.shift();
    return high < MAX_NUMBER_HIGH ? high * HALF + low : BigInt(high) << 32n | BigInt(low);
  }
}

/** The ticket of what one session hands to the store without an id: it is told of failures alone. */
class Unacknowledged implements Ticket {
  readonly session: Peer;
  #told: ParleyError | null = null;

  constructor(session: Peer) {
    this.session = session;
  }

  committed(): void {}

  /** Tells it once a batch, however many of its entries were not kept. */
  failed(error: ParleyError): void {
    const { session } = this;
    if (error === this.#told) return;
    this.#told = error;
    countRefusal(session.context, error, session);
    if (!session.takesDeliveries || session.endIfFull()) return;
    session.send(errorReply(error));
    session.touch();
  }
}

/** The two tickets of a session. */
class Acks {
  readonly line: AckLine;
  readonly none: Ticket;

  constructor(session: Peer) {
    this.line = new AckLine(session);
    this.none = new Unacknowledged(session);
  }
}

/** The ticket of an entry that `session` hands to the store: with an id it is to be told to `expect` it afterwards. */
export function acksOf(session: Peer): { readonly line: AckLine; readonly none: Ticket } {
  return (session.slots.acks ??= new Acks(session)) as Acks;
}
