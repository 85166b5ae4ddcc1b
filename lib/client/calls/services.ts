/**
 * The methods that a program answers: calls come from the server, go to a handler, and its answer goes back.
 *
 * They live on the client's first connection and are registered anew after a reconnect. Each call has one
 * answer, also when the handler throws, gives what cannot be sent, or is not there any more; unless nobody
 * waits for it any more. A connection that the server wants drained stays until its calls are answered.
 * When the caller gives up, or the connection is lost, the handler's signal is aborted.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { detached, settled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { type Call, CallSchema } from "../../gen/parley/v1/service_pb.ts";
import { type Incoming, readAck } from "../connection/answers.ts";
import { encodeAnswer, encodeFailure } from "./answers.ts";
import type { ClientConnection } from "../connection/client_connection.ts";
import type { ConnectionPool, RequestKind } from "../connection/pool.ts";
import type { ErrorReports } from "../error_reports.ts";
import { encodeRequest } from "../connection/requests.ts";
import { checkHandler, checkString } from "../arguments.ts";
import { checkText } from "../connection/well_formed.ts";
import { type CallHandler, ReceivedCall, type ServeOptions, Service } from "./service.ts";
import type { RequestId } from "../../base/request_id.ts";

/** A call that is not answered yet. */
interface CallInHand {
  readonly controller: AbortController;
  readonly connection: ClientConnection;
  readonly id: RequestId;
}

/** The services of one client. */
export class Services {
  readonly #pool: () => ConnectionPool;
  readonly #reports: ErrorReports;
  readonly #byMethod = new Map<string, Service>();
  readonly #inHand = new Map<ClientConnection, Map<RequestId, CallInHand>>();

  /** `pool` gives the client's connections, when they are needed first. */
  constructor(pool: () => ConnectionPool, reports: ErrorReports) {
    this.#pool = pool;
    this.#reports = reports;
  }

  /** How many methods are served. */
  get count(): number {
    return this.#byMethod.size;
  }

  /** Registers a method, and resolves when the server has acknowledged it. */
  async serve(method: string, handler: CallHandler, options: ServeOptions): Promise<Service> {
    checkString(method, "serve a method named by", "acme.Weather/Now");
    checkHandler(handler, `serve "${method}" with`, "(call) => answer");
    checkText(method, "serve a method named by");
    if (this.#byMethod.has(method)) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot serve "${method}": this client serves it already`,
      );
    }
    const service = new Service((service) => this.#stop(service), method, handler, options);
    this.#byMethod.set(method, service);
    try {
      await this.#register(method, { ordered: true });
    } catch (reason) {
      this.#byMethod.delete(method);
      // It may be registered all the same; then calls must not come here any more.
      if (ParleyError.from(reason).code === ErrorCode.DEADLINE_EXCEEDED) {
        detached(this.#unregister(method), "take back a method");
      }
      throw reason;
    }
    service.begun();
    return service;
  }

  /** Stops all of them; what is not answered within `timeoutMs` is given up. */
  async stopAll(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
    await Promise.race([
      Promise.all([...this.#byMethod.values()].map((service) => service.stop())),
      late,
    ]);
    clearTimeout(timer);
    const reason = new ParleyError(ErrorCode.UNAVAILABLE, "the client is being closed");
    for (const connection of [...this.#inHand.keys()]) this.#giveUpAll(connection, reason);
  }

  /** The first connection is open anew: everything is registered again. */
  reopened(connection: ClientConnection): void {
    for (const { method, registered, stopping } of [...this.#byMethod.values()]) {
      if (!registered || stopping) continue;
      const registering = this.#register(method, { first: true }).catch((reason) => {
        // A loss is followed by the next connection.
        if (connection.state !== "open") return;
        this.#reports.tellThrown(`the server hands over no calls of "${method}" any more`, reason);
      });
      detached(registering, "register a method again");
    }
  }

  /** A connection is over, and nobody waits for the answers of its calls. */
  ended(connection: ClientConnection): void {
    const reason = new ParleyError(ErrorCode.UNAVAILABLE, "the connection to the server is lost");
    this.#giveUpAll(connection, reason);
    this.#inHand.delete(connection);
  }

  /** A call arrived. */
  takeCall(connection: ClientConnection, incoming: Incoming): void {
    const { id } = incoming;
    const call = fromBinary(CallSchema, incoming.body().slice());
    let calls = this.#inHand.get(connection);
    if (calls === undefined) this.#inHand.set(connection, calls = new Map());
    const inHand = { controller: new AbortController(), connection, id };
    calls.set(id, inHand);
    connection.hold();
    const answering = this.#answer(inHand, call).finally(() => this.#done(inHand));
    detached(answering, "answer a call");
  }

  /** Gives up a call that its caller cancelled. */
  takeCancel(connection: ClientConnection, incoming: Incoming): void {
    const inHand = this.#inHand.get(connection)?.get(incoming.id);
    if (inHand === undefined) return;
    this.#giveUp(inHand, new ParleyError(ErrorCode.UNAVAILABLE, "the caller has given up"));
  }

  async #answer(inHand: CallInHand, call: Call): Promise<void> {
    const service = this.#byMethod.get(call.method);
    if (service === undefined) {
      const text = `"${call.method}" is not served here any more`;
      const gone = new ParleyError(ErrorCode.UNAVAILABLE, text);
      return await send(inHand, encodeFailure(gone, inHand.id));
    }
    service.begin();
    try {
      await send(inHand, await this.#answerOf(service, inHand, call));
    } finally {
      service.finish();
    }
  }

  /** The encoded answer, whatever happens. */
  async #answerOf(service: Service, inHand: CallInHand, call: Call): Promise<Uint8Array> {
    const { connection, id, controller: { signal } } = inHand;
    const { method } = call;
    const received = new ReceivedCall(call, signal);
    try {
      const message = encodeAnswer(await service.answer(received), method, id);
      const tooLarge = connection.tooLarge(message.length);
      if (tooLarge === null) return message;
      const text = `cannot answer "${method}": ${tooLarge.reason}`;
      throw new Error(`${text}; accepted: ${tooLarge.accepted}`);
    } catch (thrown) {
      // What a handler throws on purpose is its answer; anything else is a defect that its program must know.
      const isDefect = !(thrown instanceof ParleyError) && !signal.aborted;
      if (isDefect && !service.failed(thrown, received)) {
        this.#reports.tellThrown(`the handler of "${method}" failed`, thrown);
      }
      return encodeFailure(thrown, id);
    }
  }

  /** Takes no new calls for `service`, and waits for those it has. */
  async #stop(service: Service): Promise<void> {
    if (this.#byMethod.get(service.method) === service) {
      if (this.#pool().first !== null) await this.#unregister(service.method);
      await service.whenIdle();
      this.#byMethod.delete(service.method);
    }
    await service.whenIdle();
  }

  /** Gives up a call: its handler is told by its signal, and no answer is sent. */
  #giveUp(inHand: CallInHand, reason: ParleyError): void {
    this.#done(inHand);
    inHand.controller.abort(reason);
  }

  #giveUpAll(connection: ClientConnection, reason: ParleyError): void {
    const calls = [...this.#inHand.get(connection)?.values() ?? []];
    for (const inHand of calls) this.#giveUp(inHand, reason);
  }

  /** Lets go of a call, once. */
  #done({ connection, id }: CallInHand): void {
    if (this.#inHand.get(connection)?.delete(id)) connection.release();
  }

  #register(method: string, kind: RequestKind): Promise<unknown> {
    const encode = () => encodeRequest({ case: "register", value: { method } });
    return this.#pool().submit(encode, readAck, undefined, kind);
  }

  /** Resolves when the server knows; when it is lost it knows as well. */
  async #unregister(method: string): Promise<void> {
    const encode = () => encodeRequest({ case: "unregister", value: { method } });
    const told = this.#pool().submit(encode, readAck, undefined, { ordered: true });
    await settled(told, "take back a method");
  }
}

/** Sends an answer as soon as there is room, as long as somebody waits for it. */
async function send(inHand: CallInHand, message: Uint8Array): Promise<void> {
  const { connection, controller: { signal } } = inHand;
  while (!signal.aborted && connection.state !== "closed" && !connection.post(message)) {
    await connection.whenRoom();
  }
}
