/**
 * Waits for the commit of one published event and then acknowledges it to its publisher.
 *
 * The Ack is written by hand: there is one an event, and everything else about it is bytes already.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import { putVarint, putVarint53 } from "../../wire/varint.ts";
import { answerLate } from "./answer_late.ts";
import type { Ticket } from "../kept/kept_topics.ts";
import { errorReply } from "./reply.ts";
import type { Session } from "./session.ts";
import type { RequestId } from "../../base/request_id.ts";
import { putId } from "../../wire/request_id.ts";

/** Tag of ServerMessage.ack: field 5, length-delimited. */
const ACK_TAG = 0x2a;
/** Tag of Ack.level: field 1, varint. */
const LEVEL_TAG = 0x08;
/** Tag of Ack.seq: field 3, varint. */
const SEQ_TAG = 0x18;
/** Tag of Ack.duplicate: field 4, varint. */
const DUPLICATE_TAG = 0x20;
/** The most bytes of an Ack with its envelope and id. */
const MAX_BYTES = 64;

const scratch = new Uint8Array(MAX_BYTES);

/** The acknowledgement of one event, when it is due. */
export class AckTicket implements Ticket {
  readonly session: Session;
  readonly #id: RequestId;

  constructor(session: Session, id: RequestId) {
    this.session = session;
    this.#id = id;
  }

  committed(seq: number, level: AckLevel, duplicate: boolean): void {
    const { session } = this;
    session.late.awaited--;
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
      at = putId(scratch, at, this.#id);
      const to = session.begin(at);
      const out = session.outbox.bytes;
      for (let index = 0; index < at; index++) out[to + index] = scratch[index];
      session.host.bus.touch(session.outbox);
    }
    session.answered();
  }

  failed(error: ParleyError): void {
    this.session.host.counters.requestsRefused++;
    answerLate(this.session, errorReply(error), this.#id);
  }
}
