/**
 * What programs choose, and get, when they publish and call.
 */
import type { Answer } from "../gen/parley/v1/service_pb.ts";
import type { AckLevel } from "../gen/parley/v1/session_pb.ts";
import { Received } from "./payload.ts";
import type { RequestOptions } from "./settings.ts";

/** The options of `publish`. */
export interface PublishOptions extends RequestOptions {
  /** The full protobuf name of the payload, or any name that its readers agree on. */
  type?: string;
  /** Passed through as they are. */
  headers?: Record<string, string>;
  /** Makes repeated publishes of the same event recognisable. */
  messageId?: string;
  /**
   * Whether the server's acknowledgement is awaited. Without, publishing is much faster: it resolves as
   * soon as there was room to send, refusals are told to the client's `onError` only, and the event may be
   * lost with the connection. The order is that of the calls either way. Default: true.
   */
  ack?: boolean;
}

/** What the server said of a publish. */
export interface PublishAck {
  /** How safe the event is; UNSPECIFIED when no acknowledgement was asked for. */
  readonly level: AckLevel;
  /**
   * The number of connections that it was handed to; undefined where that is not known: on kept topics, whose
   * readers come at any time, and when no acknowledgement was asked for.
   */
  readonly receivers: number | undefined;
  /** The number of the event in its kept topic; 0 when the topic is not kept. */
  readonly seq: bigint;
  /** Whether an event with this `messageId` was there already, with this seq: it was not kept again. */
  readonly duplicate: boolean;
}

/** The options of `call`. */
export interface CallOptions extends RequestOptions {
  /** The full protobuf name of the payload. */
  type?: string;
  /** Passed through as they are. */
  headers?: Record<string, string>;
}

/** What a method answered. */
export class CallResult extends Received {
  /** The full protobuf name of the payload, or empty. */
  readonly type: string;
  /** As the service gave them. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it came, by the clock of this machine. */
  readonly time: Date = new Date();
  readonly #method: string;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(method: string, { payload, type, headers }: Answer) {
    super(payload);
    this.type = type;
    this.headers = headers;
    this.#method = method;
  }

  /**
   * How messages name it.
   *
   * @internal
   */
  protected override title(): string {
    return `the answer of "${this.#method}"`;
  }
}
