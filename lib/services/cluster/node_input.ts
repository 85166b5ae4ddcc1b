/**
 * What another node sends, taken apart and dealt with: events for those who are connected here, calls, answers, and interest.
 *
 * It goes in turns with the connections of this server, and a node whose events go to those who are behind waits for them for a
 * moment, as a publisher does. Bytes that are no messages end the link; an event or a call that cannot be taken is passed over.
 */
import { ParleyError, protocolError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { MissedSchema } from "../../gen/parley/v1/event_pb.ts";
import { MEMBER } from "../../logic/access/access.ts";
import { Entry } from "../../ports/entry.ts";
import { EVENT_TAG } from "../../wire/fanout.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { idOf } from "../../wire/request_id.ts";
import { forward } from "../calls/calls.ts";
import { callsOf } from "../calls/peer_calls.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { waitForReaders } from "../connection/publisher_pause.ts";
import { errorReply } from "../connection/reply.ts";
import type { Features } from "../features.ts";
import { CALL_TAG, endCallWith, handleAnswer, readError } from "../handlers/call.ts";
import { decodeInterest, INTEREST_FIELD, type InterestMessage } from "./interest_messages.ts";
import type { NodePeer } from "./node_peer.ts";

const log = logger("cluster");

/** What stamps and prefixes add to a message at most. */
const STAMP_BYTES = 4096;
/** A message counts as one unit of work more for each so many bytes, as a power of two. */
const UNIT_BYTES_LOG2 = 10;
/** A change of interest costs as much as so many small messages. */
const CHANGE_UNITS = 4;
/** The numbers of ServerMessage.error and ServerMessage.missed. */
const ERROR_MEMBER = 6;
const MISSED_MEMBER = 12;

const cursor = new FieldCursor();
const forwarded = new Entry();

/** Reads one link. */
export class NodeInput {
  /** The number of events that came. */
  events = 0;
  readonly #features: Features;
  readonly #node: NodePeer;
  readonly #interest: (message: InterestMessage) => void;
  readonly #reader: FrameReader;
  readonly #turn: TurnTaker;
  #toldOfFault = false;

  /** `interest` is given what the node tells of its interest. */
  constructor(features: Features, node: NodePeer, interest: (message: InterestMessage) => void) {
    const { limits, turns } = features.context;
    this.#features = features;
    this.#node = node;
    this.#interest = interest;
    this.#reader = new FrameReader("delimited", limits.maxFrameBytes + STAMP_BYTES);
    this.#turn = turns.join();
  }

  /** Deals with `bytes`. Rejects when they are no messages. */
  async take(bytes: Uint8Array): Promise<void> {
    const { bus, context: { budget } } = this.#features;
    const reader = this.#reader;
    if (!this.#turn.begin()) await this.#turn.wait();
    for (let at = 0; at < bytes.length;) {
      const space = reader.space();
      const part = bytes.subarray(at, at + space.length);
      space.set(part);
      reader.filled(part.length);
      at += part.length;
      for (let isDone = false; !isDone;) {
        if (this.#node.state !== "open") return;
        isDone = this.#dispatch();
        const behind = bus.endTurn();
        if (behind.length > 0) await waitForReaders(behind);
        if (budget.exhausted) await budget.whenFree();
        if (!isDone) await this.#turn.wait();
      }
    }
  }

  /** Deals with whole messages; false when others are to have their turn first. */
  #dispatch(): boolean {
    const reader = this.#reader;
    const { turns } = this.#features.context;
    try {
      while (reader.next()) {
        const { buffer, messageStart, messageEnd } = reader;
        if (buffer[messageStart] === EVENT_TAG) this.#event(buffer, messageStart, messageEnd);
        else this.#other(buffer, messageStart, messageEnd);
        turns.left -= 1 + (messageEnd - messageStart >>> UNIT_BYTES_LOG2);
        if (turns.left <= 0 && !this.#turn.goOn()) return false;
      }
      return true;
    } finally {
      reader.release();
    }
  }

  #event(bytes: Uint8Array, start: number, end: number): void {
    // Behind the tag stands the length of all that is left.
    let at = start + 1;
    while (at < end && bytes[at++] >= 0x80);
    this.events++;
    try {
      this.#features.bus.nodes.deliver(this.#node, bytes, at, end);
    } catch (reason) {
      this.#passOver(reason);
    }
  }

  #other(bytes: Uint8Array, start: number, end: number): void {
    this.#features.bus.flushRun();
    cursor.open(bytes, start, end);
    if (!cursor.next()) throw protocolError("cannot read an empty message");
    if (cursor.field === INTEREST_FIELD) {
      const message = decodeInterest(bytes.subarray(cursor.start, cursor.end));
      this.#features.context.turns.spend(CHANGE_UNITS * message.changes.length);
      return this.#interest(message);
    }
    const { scan } = this.#features.context;
    scan.scan(bytes, start, end);
    try {
      this.#request(bytes, scan);
    } catch (reason) {
      this.#passOver(reason);
    }
  }

  #request(bytes: Uint8Array, scan: MessageScan): void {
    const features = this.#features;
    const node = this.#node;
    switch (scan.member) {
      case MEMBER.call:
        return this.#call(bytes, scan);
      case MEMBER.answer:
        return handleAnswer(features, node, bytes, scan);
      case MEMBER.cancel:
        return features.calls.cancel(node, idOf(bytes, scan));
      case ERROR_MEMBER:
        return this.#failed(bytes, scan);
      case MISSED_MEMBER:
        return this.#missed(bytes.subarray(scan.start, scan.end));
    }
  }

  /** Hands a call on to one who answers it here. */
  #call(bytes: Uint8Array, scan: MessageScan): void {
    const { calls, context: { payload, limits } } = this.#features;
    const node = this.#node;
    const id = idOf(bytes, scan);
    try {
      payload.scan(bytes, scan.start, scan.end, "stampedCall");
      const method = callsOf(node).methodName(bytes, payload.nameStart, payload.nameEnd);
      const record = calls.ask(node, id, method, payload.timeoutMs || limits.callTimeoutMs);
      const call = forwarded.setBody(bytes, scan.start, scan.end);
      forward(record.responder.owner, CALL_TAG, call, record.id);
    } catch (reason) {
      node.sendWithId(errorReply(ParleyError.from(reason)), id);
    }
  }

  /** The node, or one who is connected there, could not answer a call. */
  #failed(bytes: Uint8Array, scan: MessageScan): void {
    if (scan.idBytes === 0) return;
    const id = idOf(bytes, scan);
    const error = readError(bytes.subarray(scan.start, scan.end));
    const { callouts } = this.#features;
    if (callouts.isOwn(id)) callouts.settle(id, this.#node, error);
    else endCallWith(this.#features, this.#node, id, error);
  }

  /** The node has dropped events that were for those who are connected here. */
  #missed(body: Uint8Array): void {
    const value = fromBinary(MissedSchema, body);
    for (const { owner } of this.#features.bus.nodes.concerned(value.topic)) {
      if (!owner.takesDeliveries) continue;
      owner.send({ case: "missed", value });
      owner.touch();
    }
  }

  #passOver(reason: unknown): void {
    if (!(reason instanceof ParleyError)) throw reason;
    if (this.#toldOfFault) return;
    this.#toldOfFault = true;
    log.warning("the node {node} hands on what cannot be taken here: {message}", {
      node: this.#node.info.name,
      message: reason.message,
    });
  }
}
