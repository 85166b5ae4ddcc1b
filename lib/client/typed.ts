/**
 * The bus with generated messages instead of bytes: what is sent is encoded and named, what comes is
 * checked by its name and decoded.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import type { Client } from "./client.ts";
import type { CallOptions, PublishAck, PublishOptions } from "./client_options.ts";
import type { ServeOptions, Service } from "./services.ts";
import type { ReceivedEvent, SubscribeOptions, Subscription } from "./subscription.ts";

/** Publishes a message of a generated schema; its full name becomes the event's type. */
export function publishMessage<T extends DescMessage>(
  client: Client,
  topic: string,
  schema: T,
  message: MessageInitShape<T>,
  options: PublishOptions = {},
): Promise<PublishAck> {
  return client.publish(topic, encode(schema, message), { ...options, type: schema.typeName });
}

/** An event and its decoded payload. */
export interface TypedEvent<T extends DescMessage> {
  readonly event: ReceivedEvent;
  readonly message: MessageShape<T>;
}

/** Events of one type, decoded. Ends as the subscription ends. */
export class TypedSubscription<T extends DescMessage>
  implements AsyncIterable<TypedEvent<T>>, AsyncDisposable {
  /** The subscription that it reads. */
  readonly subscription: Subscription;
  readonly #schema: T;

  constructor(subscription: Subscription, schema: T) {
    this.subscription = subscription;
    this.#schema = schema;
  }

  /** Ends the subscription. */
  unsubscribe(): Promise<void> {
    return this.subscription.unsubscribe();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  /** The events in order. Raises INVALID_ARGUMENT for a payload that is no such message. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TypedEvent<T>, void, void> {
    for await (const event of this.subscription) {
      yield {
        event,
        message: decode(this.#schema, event.payload, `the event on "${event.topic}"`),
      };
    }
  }
}

/** Subscribes to the events whose payload is a message of `schema`, on `pattern` (by default everywhere). */
export async function subscribeMessages<T extends DescMessage>(
  client: Client,
  schema: T,
  pattern = "",
  options: Omit<SubscribeOptions, "type"> = {},
): Promise<TypedSubscription<T>> {
  const subscription = await client.subscribe(pattern, { ...options, type: schema.typeName });
  return new TypedSubscription(subscription, schema);
}

/** Calls a method whose request and answer are messages of generated schemas. */
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
  return decode(output, answer.payload, `the answer of "${method}"`);
}

/** Answers a method whose request and answer are messages of generated schemas. */
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
    const request = decode(input, call.payload, `the request of "${method}"`);
    const answer = await handler(request, call.signal);
    return { payload: encode(output, answer), type: output.typeName };
  }, options);
}

function encode<T extends DescMessage>(schema: T, message: MessageInitShape<T>): Uint8Array {
  try {
    return toBinary(schema, create(schema, message));
  } catch (cause) {
    throw invalidArgument(`cannot encode a ${schema.typeName}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function decode<T extends DescMessage>(
  schema: T,
  bytes: Uint8Array,
  what: string,
): MessageShape<T> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new ParleyError(
      ErrorCode.INVALID_ARGUMENT,
      `cannot read ${what}: it is no ${schema.typeName}`,
      { cause },
    );
  }
}
