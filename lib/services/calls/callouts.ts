/**
 * Calls that the server itself makes: it asks a service of the operator's own who somebody is.
 *
 * Invariants: each is settled once, by the answer of the connection that was asked, by its deadline, or by the end of
 * that connection; an answer of anybody else is passed over. Their ids are beyond those of clients' calls. Whoever asks
 * bounds how many there are. What is asked and answered is logged nowhere, and part of no error.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { RequestId } from "../../base/request_id.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Calls } from "./calls.ts";

/** The ids of callouts begin here; those of clients' calls are counted from 1. */
const FIRST_ID = 2 ** 52;

/** What the server asks. */
export interface Callout {
  readonly method: string;
  readonly payload: Uint8Array;
  /** The full protobuf name of the payload's message. */
  readonly type: string;
  readonly timeoutMs: number;
}

interface Pending {
  readonly responder: Peer;
  readonly timer: ReturnType<typeof setTimeout>;
  resolve(payload: Uint8Array): void;
  reject(reason: ParleyError): void;
}

/** The server's own calls under way. */
export class Callouts {
  readonly #context: ServerContext;
  readonly #calls: Calls;
  readonly #pending = new Map<number, Pending>();
  #nextId = FIRST_ID;

  constructor(context: ServerContext, calls: Calls) {
    this.#context = context;
    this.#calls = calls;
  }

  /**
   * Asks, and gives the payload of the answer. Rejects with the error that was answered, and with UNAVAILABLE when
   * nobody answers, or not in time.
   */
  ask({ method, payload, type, timeoutMs }: Callout): Promise<Uint8Array> {
    const responder = this.#calls.methods.pick(method)?.owner ?? null;
    if (responder === null || !responder.takesDeliveries || this.#isBehind(responder)) {
      return Promise.reject(unavailable("nobody answers now"));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#expire(id), timeoutMs);
      this.#pending.set(id, { responder, timer, resolve, reject });
      responder.sendWithId({ case: "call", value: { method, payload, type, timeoutMs } }, id);
      responder.outbox.flush();
    });
  }

  /** Whether an id is that of a callout, of this moment or of any other. */
  isOwn(id: RequestId): boolean {
    return typeof id === "number" && id >= FIRST_ID;
  }

  /** The answer of `responder`, or its error. One that nobody waits for is passed over. */
  settle(id: RequestId, responder: Peer, answer: Uint8Array | ParleyError): void {
    const pending = this.#pending.get(id as number);
    if (pending?.responder !== responder) return;
    this.#end(id as number, pending);
    if (answer instanceof ParleyError) pending.reject(answer);
    else pending.resolve(answer);
  }

  /** A connection answers nothing any more. */
  leave(responder: Peer): void {
    for (const [id, pending] of this.#pending) {
      if (pending.responder !== responder) continue;
      this.#end(id, pending);
      pending.reject(unavailable("the connection that was asked is gone"));
    }
  }

  #expire(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const { responder } = pending;
    this.#end(id, pending);
    pending.reject(unavailable("no answer came in time"));
    if (!responder.takesDeliveries) return;
    responder.sendWithId({ case: "cancel", value: {} }, id);
    responder.outbox.flush();
  }

  #end(id: number, { timer }: Pending): void {
    clearTimeout(timer);
    this.#pending.delete(id);
  }

  #isBehind({ outbox }: Peer): boolean {
    const { limits, budget } = this.#context;
    return outbox.size > Math.min(limits.maxOutboxBytes, budget.thresholdBytes);
  }
}

function unavailable(why: string): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    `cannot ask the service that says who may come in: ${why}`,
    { retryable: true, accepted: "another try in a moment" },
  );
}
