/**
 * `POST /v1/publish/{topic}`: the body is published, and the answer tells how safe it is.
 */
import { type Ack, AckLevel } from "../../../gen/parley/v1/session_pb.ts";
import type { Answer } from "../answer.ts";
import { messageHeaders, messageId, messageType } from "./content.ts";
import { checkQuery, type Exchange, json, plainBody } from "./exchange.ts";

/** The parameters of a publish. */
export const PUBLISH_QUERY = ["type"] as const;

/** Publishes the body of a request. */
export async function publish(exchange: Exchange): Promise<Answer> {
  checkQuery(exchange.query, PUBLISH_QUERY);
  const headers = messageHeaders(exchange.headers);
  const event = {
    topic: exchange.names.topic,
    type: messageType(headers, exchange.query.get("type")),
    messageId: messageId(exchange.headers),
    headers,
    payload: await plainBody(exchange),
  };
  const client = await exchange.client();
  const said = await client.publish(event);
  const ack = said.value as Ack;
  const level = AckLevel[ack.level];
  return json(
    ack.seq === 0n
      ? { level, receivers: ack.receivers }
      : { level, seq: Number(ack.seq), duplicate: ack.duplicate },
  );
}
