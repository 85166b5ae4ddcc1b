/**
 * The bus with generated messages instead of bytes: what is sent is encoded and named, what comes is
 * checked by its name, if it has one, and decoded.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { encodeBody } from "../connection/requests.ts";
import type { Client } from "../client.ts";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "../messages.ts";
import { methodName } from "../connection/own_methods.ts";
import type { CallOptions, PublishAck, PublishOptions } from "../client_options.ts";
import type { ServeOptions, Service } from "../calls/service.ts";
import type { SubscribeOptions, Subscription } from "./subscription.ts";
import type { ReceivedEvent } from "./event.ts";

/**
 * Publishes a message of a generated schema; its full name becomes the event's type. Rejects with
 * INVALID_ARGUMENT for what the schema does not allow.
 */
export async function publishMessage<T extends DescMessage>(
  client: Client,
  topic: string,
  schema: T,
  message: MessageInitShape<T>,
  options: PublishOptions = {},
): Promise<PublishAck> {
  const payload = encode(schema, message);
  return await client.publish(topic, payload, { ...options, type: schema.typeName });
}

/** An event and its decoded payload. */
export interface TypedEvent<T extends DescMessage> {
  /** The event as it came. */
  readonly event: ReceivedEvent;
  /** What its payload says. */
  readonly message: MessageShape<T>;
}

/** The options of `subscribeMessages`. */
export interface MessageSubscribeOptions extends Omit<SubscribeOptions, "type"> {
  /**
   * Told of an event whose payload is no such message; the next one follows. Without it the iterator raises
   * the error, which ends the subscription: anybody who may publish could end it.
   */
  onInvalid?: (event: ReceivedEvent, error: ParleyError) => void;
}

/** Events of one type, decoded. Ends as the subscription ends. */
export class TypedSubscription<T extends DescMessage>
  implements AsyncIterable<TypedEvent<T>>, AsyncDisposable {
  /** The subscription that it reads. */
  readonly subscription: Subscription;
  readonly #schema: T;
  readonly #onInvalid: MessageSubscribeOptions["onInvalid"];

  /** Made by `subscribeMessages`. */
  constructor(
    subscription: Subscription,
    schema: T,
    onInvalid?: MessageSubscribeOptions["onInvalid"],
  ) {
    this.subscription = subscription;
    this.#schema = schema;
    this.#onInvalid = onInvalid;
  }

  /** Ends the subscription. */
  unsubscribe(): Promise<void> {
    return this.subscription.unsubscribe();
  }

  /** Ends the subscription. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /** The events in order. Raises INVALID_ARGUMENT for a payload that is no such message; see `onInvalid`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TypedEvent<T>, void, void> {
    for await (const event of this.subscription) {
      let message: MessageShape<T>;
      try {
        message = decode(this.#schema, event, `the event on "${event.topic}"`);
      } catch (error) {
        if (this.#onInvalid === undefined) throw error;
        this.#onInvalid(event, error as ParleyError);
        continue;
      }
      yield { event, message };
    }
  }
}

/** Subscribes to the events whose payload is a message of `schema`, on `pattern` (by default everywhere). */
export async function subscribeMessages<T extends DescMessage>(
  client: Client,
  schema: T,
  pattern = "",
  options: MessageSubscribeOptions = {},
): Promise<TypedSubscription<T>> {
  const { onInvalid, ...others } = options;
  const subscription = await client.subscribe(pattern, { ...others, type: schema.typeName });
  return new TypedSubscription(subscription, schema, onInvalid);
}

/**
 * Calls a method whose request and answer are messages of generated schemas. Rejects as `call` does, with
 * INVALID_ARGUMENT for a request that the schema does not allow, and with INTERNAL for an answer that is
 * no such message.
 */
export async function callMessage<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: string,
  input: I,
  output: O,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): Promise<MessageShape<O>> {
  const payload = encode(input, request);
  const answer = await client.call(method, payload, { ...options, type: input.typeName });
  return decode(output, answer, `the answer of "${method}"`, ErrorCode.INTERNAL);
}

/**
 * Calls a method of a generated service, such as `Greeter.method.greet`. Rejects as `callMessage` does.
 */
export function callMethod<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): Promise<MessageShape<O>> {
  const { input, output } = method;
  return callMessage(client, methodName(method), input, output, request, options);
}

/**
 * Answers a method whose request and answer are messages of generated schemas. A request that is no such
 * message is refused with INVALID_ARGUMENT; the handler does not see it.
 */
export function serveMessages<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: string,
  input: I,
  output: O,
  handler: (
    request: MessageShape<I>,
    signal: AbortSignal,
  ) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
  options: ServeOptions = {},
): Promise<Service> {
  return client.serve(method, async (call) => {
    const request = decode(input, call, `the request of "${method}"`);
    const answer = await handler(request, call.signal);
    return { payload: encodeAnswer(method, output, answer), type: output.typeName };
  }, options);
}

/** Encodes an answer. Raises an error without a code: a wrong answer is not the caller's fault. */
function encodeAnswer<O extends DescMessage>(
  method: string,
  output: O,
  answer: MessageInitShape<O>,
): Uint8Array {
  try {
    return encodeBody(output, answer);
  } catch (cause) {
    throw new Error(`cannot answer "${method}": ${(cause as Error).message}`, { cause });
  }
}

/** Encodes a message of a schema. Raises INVALID_ARGUMENT for what the schema does not allow. */
export function encode<T extends DescMessage>(schema: T, message: MessageInitShape<T>): Uint8Array {
  return encodeBody(schema, message);
}

/** Reads `what` as a message of a schema. Raises `code` when it is none. */
export function decode<T extends DescMessage>(
  schema: T,
  { type, payload }: { readonly type: string; readonly payload: Uint8Array },
  what: string,
  code: ErrorCode = ErrorCode.INVALID_ARGUMENT,
): MessageShape<T> {
  const refusal = `cannot read ${what}: it is no ${schema.typeName}`;
  if (type !== "" && type !== schema.typeName) {
    throw new ParleyError(code, `${refusal} but a ${type}`);
  }
  try {
    return fromBinary(schema, payload);
  } catch (cause) {
    throw new ParleyError(code, refusal, { cause });
  }
}
