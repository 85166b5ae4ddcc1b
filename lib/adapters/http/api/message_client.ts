/**
 * The HTTP client's side of a session: asks, and gets the answer or a ParleyError; hands on what comes unasked.
 *
 * Each question has an id of its own. Nothing waits for an answer once the session is over. Non-goal: who may ask;
 * that is decided where the messages of all listeners are.
 */
import { create } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode, ParleyError } from "../../../base/errors.ts";
import {
  type ClientMessage,
  ClientMessageSchema,
  type ServerMessage,
} from "../../../gen/parley/v1/envelope_pb.ts";
import type { Welcome } from "../../../gen/parley/v1/session_pb.ts";
import { DecodedMessages } from "../../text/decoded_messages.ts";
import { eventMessage, type PublishedEvent } from "./event_message.ts";
import { MessageLink, type MessageLinkOptions } from "./message_link.ts";

/** A question, as the member of ClientMessage that it is. */
export type Question = ClientMessage["message"];
/** A message of the server, as the member of ServerMessage that it is. */
export type Said = ServerMessage["message"];

/** Takes what the session says unasked. */
type Deliver = (said: Said) => Promise<void> | void;

/** What goes to many is decoded once, also what is long, up to so many bytes in all. */
const decoded = new DecodedMessages(2 * 1024 * 1024);

interface Waiting {
  resolve(said: Said): void;
  reject(error: ParleyError): void;
}

/** One client of a session. */
export class MessageClient {
  readonly link: MessageLink;
  /** What the server said when it took the client in; null before. */
  welcome: Welcome | null = null;
  /** Takes deliveries; what comes before it is set is dropped. */
  deliver: Deliver = () => {};
  /** Called once when the session is over, or tells that the server stops. */
  onEnd: (reason: ParleyError) => void = () => {};
  readonly #waiting = new Map<bigint, Waiting>();
  #lastId = 0n;
  #end: ParleyError | null = null;

  constructor(options: Omit<MessageLinkOptions, "receive" | "ended">) {
    this.link = new MessageLink({
      ...options,
      receive: (message) => this.#receive(message),
      ended: () => {
        this.#over(new ParleyError(ErrorCode.UNAVAILABLE, "the connection is closed"));
        this.#failAll();
      },
    });
  }

  /** Why nothing can be asked any more; null while it can. */
  get end(): ParleyError | null {
    return this.#end;
  }

  /** Whether answers are awaited. */
  get isAsking(): boolean {
    return this.#waiting.size > 0;
  }

  /** Asks, and gives the answer. Rejects with the ParleyError that it was refused with, or that ended the session. */
  ask(message: Question): Promise<Said> {
    return this.start(message).answer;
  }

  /** The same, with the id of the question, by which it can be given up. */
  start(message: Question): { readonly id: bigint; readonly answer: Promise<Said> } {
    const id = ++this.#lastId;
    const put = () => this.link.put(create(ClientMessageSchema, { message, id }));
    return { id, answer: this.#answerOf(id, put) };
  }

  /** Publishes, and gives the acknowledgement. Rejects as `ask`. */
  publish(event: PublishedEvent): Promise<Said> {
    const id = ++this.#lastId;
    return this.#answerOf(id, () => this.link.putBytes(eventMessage(event, Number(id))));
  }

  #answerOf(id: bigint, put: () => void): Promise<Said> {
    return new Promise<Said>((resolve, reject) => {
      if (this.#end !== null) return reject(this.#end);
      this.#waiting.set(id, { resolve, reject });
      put();
    });
  }

  /** Gives up a call that was asked, which rejects with `reason`: the one who answers it is told. */
  cancel(id: bigint, reason = new ParleyError(ErrorCode.UNAVAILABLE, "the client has gone")): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.reject(reason);
    if (this.#end !== null) return;
    this.link.put(create(ClientMessageSchema, { message: { case: "cancel", value: {} }, id }));
  }

  /** Asks for nothing more: the session ends when it has answered. */
  finish(): void {
    this.link.finish();
  }

  #receive(bytes: Uint8Array): Promise<void> | void {
    const { message, id } = decoded.of(bytes);
    const waiting = id === 0n ? undefined : this.#waiting.get(id);
    if (message.case === "error") {
      const { code, message: text, retryable, accepted, closeReason } = message.value;
      const error = new ParleyError(code, text, { retryable, accepted, closeReason });
      if (closeReason !== CloseReason.UNSPECIFIED) {
        this.#over(error);
        // What was asked before a stop is still answered.
        if (closeReason !== CloseReason.SHUTDOWN) this.#failAll();
      }
      if (waiting !== undefined) {
        this.#waiting.delete(id);
        waiting.reject(error);
      }
      return;
    }
    if (waiting === undefined) return this.deliver(message);
    this.#waiting.delete(id);
    waiting.resolve(message);
  }

  #over(reason: ParleyError): void {
    if (this.#end !== null) return;
    this.#end = reason;
    this.onEnd(reason);
  }

  #failAll(): void {
    for (const { reject } of this.#waiting.values()) reject(this.#end!);
    this.#waiting.clear();
  }
}
