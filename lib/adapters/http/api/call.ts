/**
 * `POST /v1/call/{method}`: the body is the payload of a call, and the answer's payload comes back as the body.
 *
 * A client that goes away gives its call up.
 */
import { create } from "@bufbuild/protobuf";
import { type Answer as CallAnswer, CallSchema } from "../../../gen/parley/v1/service_pb.ts";
import type { Answer } from "../answer.ts";
import { answerHeaders, messageHeaders, messageType } from "./content.ts";
import { checkQuery, type Exchange, numberOf } from "./exchange.ts";
import type { MessageClient, Question, Said } from "./message_client.ts";

/** The parameters of a call. */
export const CALL_QUERY = ["type", "timeout_ms"] as const;

/** More than any server lets a call wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Calls a method with the body of a request. */
export async function call(exchange: Exchange): Promise<Answer> {
  const { query } = exchange;
  checkQuery(query, CALL_QUERY);
  const headers = messageHeaders(exchange.headers);
  const value = create(CallSchema, {
    method: exchange.names.method,
    type: messageType(headers, query.get("type")),
    timeoutMs: numberOf(query, "timeout_ms", { least: 1, most: MAX_TIMEOUT_MS }) ?? 0,
    headers,
    payload: await exchange.body(),
  });
  const client = await exchange.client();
  const said = await askWhileThere(exchange, client, { case: "call", value });
  const answer = said.value as CallAnswer;
  return {
    status: 200,
    headers: answerHeaders(answer.headers, answer.type),
    body: answer.payload,
  };
}

/** Asks; a client that is gone before the answer is there gives the question up. */
export async function askWhileThere(
  { gone }: Exchange,
  client: MessageClient,
  question: Question,
): Promise<Said> {
  const { id, answer } = client.start(question);
  const giveUp = () => client.cancel(id);
  gone.addEventListener("abort", giveUp);
  try {
    return await answer;
  } finally {
    gone.removeEventListener("abort", giveUp);
  }
}
