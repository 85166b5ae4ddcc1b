/**
 * Events as programs get them, and what they are told is missing between them.
 */

import type { MessageShape } from "@bufbuild/protobuf";
import type { EventSchema } from "../../gen/parley/v1/event_pb.ts";
import { dateOf, Received } from "../payload.ts";

/** An event that was received. */
export class ReceivedEvent extends Received {
  /** Where it happened. */
  readonly topic: string;
  /** The full protobuf name of its payload, or empty. */
  readonly type: string;
  /** As its publisher gave them. */
  readonly headers: Readonly<Record<string, string>>;
  /** What its publisher gave it to be recognised by, or empty. */
  readonly messageId: string;
  /** The session that published it. */
  readonly sender: string;
  /** Its number in its kept topic; 0 when the topic is not kept. */
  readonly seq: bigint;
  /** When the server took it, in microseconds since 1970 (UTC). */
  readonly timeMicros: bigint;
  /** The group that got it, or empty. */
  readonly group: string;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(wire: MessageShape<typeof EventSchema>) {
    super(wire.payload);
    this.topic = wire.topic;
    this.type = wire.type;
    this.headers = wire.headers;
    this.messageId = wire.messageId;
    this.sender = wire.sender;
    this.seq = wire.seq;
    this.timeMicros = wire.timeUnixMicros;
    this.group = wire.group;
  }

  /** When the server took it, in whole milliseconds. */
  get time(): Date {
    return dateOf(this.timeMicros);
  }

  /**
   * How messages name it.
   *
   * @internal
   */
  protected override title(): string {
    return `the event on "${this.topic}"`;
  }
}

/** Something was, or may have been, missed. */
export type Gap =
  /**
   * The program or the connection was too slow: `count` events of `topic` were dropped. Those that the server
   * dropped are counted by topic alone, so a subscription to one type is told of other types too, and of
   * `>` for the topics that the server does not count apart.
   */
  | { readonly kind: "missed"; readonly topic: string; readonly count: bigint }
  /**
   * The connection was lost and opened again: what was published meanwhile did not come. Events of kept
   * topics do come, so this is not told when every topic that the pattern can match is kept. Otherwise it
   * is about the topics that are not kept, and, past 1,000 kept topics, about those that were quiet.
   */
  | { readonly kind: "reconnected" }
  /**
   * The server lost the history that this subscription followed, or has another one by now: events that were
   * not received are gone. It begins anew in the new history as it began at first, so that events can come
   * again if that is a restored copy of the old one.
   */
  | { readonly kind: "history_lost" };
