/**
 * Takes a Settle: what becomes of delivered jobs. What is durable of it is answered when it is committed;
 * tokens that are late change nothing and are named in the answer.
 *
 * Read by hand, because under load there is one token a job.
 */
import { ErrorCode, invalidArgument, ParleyError, protocolError } from "../../base/errors.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { Verdict } from "../../gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { isDeadName } from "../../logic/queues/policies.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { isUtf8 } from "../../wire/utf8.ts";
import { answerLate } from "../connection/answer_late.ts";
import { MAX_JOB_DELAY_MS } from "../queues/job_options.ts";
import { type Pull, queuesOf } from "../queues/peer_queues.ts";
import type { Settlement } from "../queues/settlements.ts";
import { countRefusal } from "../connection/counters.ts";
import { errorReply } from "../connection/reply.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import type { RequestId } from "../../base/request_id.ts";
import { idOf } from "../../wire/request_id.ts";

const CONSUMER_FIELD = 1;
const TOKENS_FIELD = 2;
const VERDICT_FIELD = 3;
const DELAY_FIELD = 4;
const ERROR_FIELD = 5;
const TOKEN_BYTES = 8;
/** The most tokens of one message. */
const MAX_TOKENS = 10_000;
/** The longest error, in bytes. */
const MAX_ERROR_BYTES = 1024;
/** The longest lease that a consumer may ask for. */
const MAX_LEASE_MS = 24 * 3600 * 1000;

const fields = new FieldCursor();

/** The content of a Settle. One is reused; it is read and carried out in one go. */
const request = {
  consumer: 0,
  verdict: 0 as number,
  tokens: 0,
  /** -1 when it says none. */
  delayMs: -1,
  error: "",
};

/** Settles as the message that `scan` found says. */
export function handleSettle(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { counters } = session.context;
  const queues = features.needQueues("settle");
  read(bytes, scan.start, scan.end);
  const { tokens, verdict } = request;
  const pull = queuesOf(session).pulls?.get(request.consumer);
  if (verdict === Verdict.REJECT && pull !== undefined && isDeadName(pull.queue.name)) {
    throw invalidArgument("cannot reject a dead letter: dead letters have no dead letters", {
      accepted: "ACK to be rid of it, or NACK or RELEASE to keep it",
    });
  }
  const id = idOf(bytes, scan);
  const late: bigint[] = [];
  let settled = 0;
  fields.open(bytes, scan.start, scan.end);
  while (fields.next()) {
    if (fields.field !== TOKENS_FIELD) continue;
    for (let at = fields.start; at < fields.end; at += TOKEN_BYTES) {
      const slot = uint32(bytes, at) - 1;
      const generation = uint32(bytes, at + 4);
      if (pull !== undefined && carryOut(pull, slot, generation)) {
        settled++;
        if (verdict !== Verdict.EXTEND) pull.queue.attempts?.settled(slot, Verdict[verdict]);
      } else late.push((BigInt(generation) << 32n) + BigInt(slot + 1));
    }
  }
  if (pull !== undefined && settled > 0) {
    queues.touch(pull.queue);
    counters.traffic.jobsSettled += settled;
  }
  if (scan.idBytes === 0) return;
  if (settled === 0) throw allLate(tokens);
  if (verdict === Verdict.EXTEND) {
    const value = { lateTokens: late, level: AckLevel.ROUTED };
    return session.answer({ case: "settled", value }, bytes, scan);
  }
  queues.settle(new SettleTicket(session, id, { late, level: queues.store.level }));
  session.late.begin();
}

/** Carries out the request for one token; false when it is late. */
function carryOut({ queue, consumer }: Pull, slot: number, generation: number): boolean {
  const { machine } = queue;
  const token = consumer.tokenOf(slot, generation);
  switch (request.verdict) {
    case Verdict.ACK:
      return machine.ack(token);
    case Verdict.NACK: {
      if (request.error !== "" && machine.views.isHeld(token)) {
        queue.noteError(slot, request.error);
      }
      return machine.nack(token, request.delayMs, queue.nowMs);
    }
    case Verdict.REJECT:
      if (machine.views.isHeld(token)) queue.noteError(slot, request.error);
      return machine.reject(token);
    case Verdict.RELEASE:
      return machine.release(token);
    default:
      return machine.extend(token, Math.max(0, request.delayMs), queue.nowMs);
  }
}

/** Reads the request, without its tokens, and checks it. */
function read(bytes: Uint8Array, start: number, end: number): void {
  request.consumer = request.verdict = request.tokens = 0;
  request.delayMs = -1;
  request.error = "";
  fields.open(bytes, start, end);
  while (fields.next()) {
    if (fields.field === TOKENS_FIELD) {
      if (fields.wireType !== 1) fields.expect(2);
      const length = fields.end - fields.start;
      if (length % TOKEN_BYTES !== 0) throw protocolError("cannot read tokens that are cut off");
      request.tokens += length / TOKEN_BYTES;
    } else if (fields.field === CONSUMER_FIELD) request.consumer = fields.uint53();
    else if (fields.field === VERDICT_FIELD) request.verdict = fields.int32();
    else if (fields.field === DELAY_FIELD) request.delayMs = fields.uint53();
    else if (fields.field === ERROR_FIELD) readError(bytes);
  }
  const { tokens, verdict, delayMs } = request;
  if (tokens === 0 || tokens > MAX_TOKENS) {
    throw invalidArgument(`cannot settle ${tokens} tokens`, { accepted: `1 to ${MAX_TOKENS}` });
  }
  if (verdict === 0 || Verdict[verdict] === undefined) {
    throw invalidArgument(`cannot settle with verdict ${verdict}`, {
      accepted: "ACK, NACK, REJECT, RELEASE or EXTEND",
    });
  }
  const most = verdict === Verdict.EXTEND ? MAX_LEASE_MS : MAX_JOB_DELAY_MS;
  if (delayMs > most) {
    throw invalidArgument(`cannot settle with a delay_ms of ${delayMs}`, {
      accepted: `at most ${most}`,
    });
  }
}

function readError(bytes: Uint8Array): void {
  fields.expect(2);
  const length = fields.end - fields.start;
  if (length > MAX_ERROR_BYTES) {
    throw invalidArgument(`cannot settle with an error of ${length} bytes`, {
      accepted: `at most ${MAX_ERROR_BYTES} bytes`,
    });
  }
  if (!isUtf8(bytes, fields.start, fields.end)) {
    throw protocolError("cannot read an error that is not UTF-8");
  }
  request.error = decodeText(bytes.subarray(fields.start, fields.end));
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

function allLate(tokens: number): ParleyError {
  const what = tokens === 1 ? "a job that this consumer does" : "jobs that this consumer does";
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot settle ${what} not hold: the lease is over, or it was settled before`,
    { accepted: "the token of the last delivery, before its lease ends" },
  );
}

/** Answers one Settle when it is committed. */
class SettleTicket implements Settlement {
  readonly #session: Peer;
  readonly #id: RequestId;
  readonly #value: { readonly lateTokens: bigint[]; readonly level: AckLevel };

  constructor(session: Peer, id: RequestId, said: { late: bigint[]; level: AckLevel }) {
    this.#session = session;
    this.#id = id;
    this.#value = { lateTokens: said.late, level: said.level };
  }

  committed(): void {
    answerLate(this.#session, { case: "settled", value: this.#value }, this.#id);
  }

  failed(error: ParleyError): void {
    countRefusal(this.#session.context, error, this.#session);
    answerLate(this.#session, errorReply(error), this.#id);
  }
}
