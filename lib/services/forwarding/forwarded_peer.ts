/**
 * A client of this node whose durable work another node does: what it waits for, and what has to be told anew when that is
 * another node.
 *
 * Remembered are consumers of queues, and the person in rooms. Everything else is done with its answer. Bounded by what a
 * connection may have of each, and the answers that are to come by what the other node reads.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { RequestId } from "../../base/request_id.ts";
import { AnswerSchema, CallSchema } from "../../gen/parley/v1/service_pb.ts";
import { type Pull, PullSchema } from "../../gen/parley/v1/queue_pb.ts";
import {
  ClaimNameRequestSchema,
  ClaimNameResponseSchema,
  JoinRequestSchema,
  LeaveRequestSchema,
} from "../../gen/parley/v1/room_pb.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import { MEMBER } from "../../logic/access/access.ts";
import type { FrameReader } from "../../wire/frame_reader.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { idOf } from "../../wire/request_id.ts";
import { MAX_CONTROL_BYTES } from "../connection/decode_body.ts";
import type { Peer } from "../connection/peer.ts";
import { forgetConsumer } from "../queues/peer_queues.ts";
import type { PersonInRooms } from "../rooms/person_in_rooms.ts";
import type { Credit } from "./credit.ts";
import type { WorkChannel } from "./work_channel.ts";

const CLAIM_NAME = "parley.v1.Rooms/ClaimName";
const JOIN = "parley.v1.Rooms/Join";
const LEAVE = "parley.v1.Rooms/Leave";
/** The number of ServerMessage.error. */
const ERROR_MEMBER = 6;

/** Done when a request was granted, with the body of its answer. */
type WhenGranted = (answer: Uint8Array) => void;

/** The session of a client on another node. */
export interface OpenedSession {
  readonly channel: WorkChannel;
  /** The number of the session on the channel. */
  readonly number: number;
  readonly credit: Credit;
  /** The frames that come back. */
  readonly frames: FrameReader;
}

/** One client. */
export class ForwardedPeer {
  readonly peer: Peer;
  /** Where its work is done; null while there is nothing to do, or nobody is known to do it. */
  opened: OpenedSession | null = null;
  /** Who the other node takes it for. */
  identity: Identity | null = null;
  /** Whether it has finished sending, or is gone. */
  isFinishing = false;
  /** How many answers are to come for each id. */
  readonly #pending = new Map<RequestId, number>();
  readonly #whenGranted = new Map<RequestId, WhenGranted>();
  /** The consumers that are to be granted. */
  readonly #pulling = new Map<RequestId, number>();
  /** The bodies of the Pulls of its consumers, by their numbers. */
  readonly pulls = new Map<number, Uint8Array>();
  readonly #rooms = new Set<string>();
  #name: { readonly name: string; readonly token: string } | null = null;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  /** Whether a node that begins to lead has to be told of it. */
  get hasState(): boolean {
    return this.pulls.size > 0 || this.#name !== null;
  }

  /** The person that it is in rooms; null when it is nobody there. */
  get person(): PersonInRooms | null {
    return this.#name === null ? null : { ...this.#name, rooms: [...this.#rooms] };
  }

  /** Takes over what it was on this node while that led. */
  take(person: PersonInRooms | null): void {
    if (person === null) return;
    this.#name = { name: person.name, token: person.token };
    for (const room of person.rooms) this.#rooms.add(room);
  }

  /**
   * Notes what holds whatever becomes of a request: a consumer that its client closes is gone, also when nobody can be
   * told. The client knows it no longer, so the next node to lead must hand it no jobs.
   */
  note(bytes: Uint8Array, scan: MessageScan): void {
    if (scan.member !== MEMBER.pull || scan.end - scan.start > MAX_CONTROL_BYTES) return;
    const pull = pullIn(bytes.subarray(scan.start, scan.end));
    if (pull?.close !== true) return;
    const number = Number(pull.consumer);
    this.pulls.delete(number);
    for (const [id, pulled] of this.#pulling) if (pulled === number) this.#pulling.delete(id);
    // While this node steps down its clients have their consumers here.
    forgetConsumer(this.peer, number);
  }

  /** Notes a request that is handed on, and what it changes once it is granted. */
  expect(bytes: Uint8Array, scan: MessageScan, method: string): void {
    const id = idOf(bytes, scan);
    if (id !== 0) {
      this.#pending.set(id, (this.#pending.get(id) ?? 0) + 1);
      this.peer.late.begin();
    }
    // What is larger is refused where it goes.
    if (scan.end - scan.start > MAX_CONTROL_BYTES) return;
    const body = bytes.subarray(scan.start, scan.end);
    if (scan.member === MEMBER.pull) this.#expectPull(body, id);
    else if (method === CLAIM_NAME || method === JOIN || method === LEAVE) {
      this.#expectRoom(method, body, id);
    }
  }

  /**
   * Takes note of a message that came back, which `scan` has found in `bytes`; gives whether it is the answer of a
   * request.
   */
  answered(bytes: Uint8Array, scan: MessageScan): boolean {
    if (scan.idBytes === 0) return false;
    const id = idOf(bytes, scan);
    const count = this.#pending.get(id);
    if (count === undefined) return false;
    if (count === 1) this.#pending.delete(id);
    else this.#pending.set(id, count - 1);
    this.peer.late.end();
    if (this.#whenGranted.size === 0) return true;
    const granted = this.#whenGranted.get(id);
    this.#whenGranted.delete(id);
    if (granted !== undefined && scan.member !== ERROR_MEMBER) {
      granted(bytes.subarray(scan.start, scan.end));
    }
    this.#pulling.delete(id);
    return true;
  }

  /** The ids of the requests that were not answered, each as often as it was given; nothing is awaited any more. */
  takePending(): RequestId[] {
    const ids: RequestId[] = [];
    for (const [id, count] of this.#pending) {
      for (let index = 0; index < count; index++) {
        ids.push(id);
        this.peer.late.end();
      }
    }
    this.#pending.clear();
    this.#whenGranted.clear();
    this.#pulling.clear();
    return ids;
  }

  #expectPull(body: Uint8Array, id: RequestId): void {
    const pull = pullIn(body);
    if (pull === null || pull.close) return;
    const number = Number(pull.consumer);
    const again = toBinary(PullSchema, pull);
    const granted = () => {
      if (this.pulls.size < this.peer.context.limits.maxConsumersPerConnection) {
        this.pulls.set(number, again);
      }
    };
    // Without an id nobody says whether it is granted.
    if (id === 0) return granted();
    this.#pulling.set(id, number);
    this.#whenGranted.set(id, () => {
      // Unless its client has closed it meanwhile.
      if (this.#pulling.delete(id)) granted();
    });
  }

  #expectRoom(method: string, body: Uint8Array, id: RequestId): void {
    if (id === 0) return;
    const call = decoded(() => fromBinary(CallSchema, body));
    if (call === null) return;
    if (method === CLAIM_NAME) {
      const request = decoded(() => fromBinary(ClaimNameRequestSchema, call.payload));
      if (request === null) return;
      this.#whenGranted.set(id, (answer) => {
        const { payload } = fromBinary(AnswerSchema, answer);
        const { name, token } = fromBinary(ClaimNameResponseSchema, payload);
        this.#name = { name, token };
      });
      return;
    }
    const schema = method === JOIN ? JoinRequestSchema : LeaveRequestSchema;
    const room = decoded(() => fromBinary(schema, call.payload).room);
    if (room === null) return;
    this.#whenGranted.set(id, () => {
      if (method === LEAVE) this.#rooms.delete(room);
      else if (this.#rooms.size < this.peer.context.limits.maxRoomsPerConnection) {
        this.#rooms.add(room);
      }
    });
  }
}

/** The Pull that a body holds; null when it is none. */
function pullIn(body: Uint8Array): Pull | null {
  return decoded(() => fromBinary(PullSchema, body, { readUnknownFields: false }));
}

/** What was decoded; null for what cannot be: whoever does the work refuses it. */
function decoded<T>(decode: () => T): T | null {
  try {
    return decode();
  } catch {
    return null;
  }
}
