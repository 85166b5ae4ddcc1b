/**
 * `POST /v1/call/{method}`: the body is the payload of a call, and the answer's payload comes back as the body.
 *
 * A client that goes away, or has finished sending, gives its call up.
 */
import { create } from "@bufbuild/protobuf";
import type { ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import { type Answer as CallAnswer, CallSchema } from "../../../gen/parley/v1/service_pb.ts";
import type { Answer } from "../answer.ts";
import { answerHeaders, messageHeaders, messageType } from "./content.ts";
import { checkQuery, type Exchange, finishedSending, numberOf, plainBody } from "./exchange.ts";
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
    payload: await plainBody(exchange),
  });
  const client = await exchange.client();
  const said = await askWhileThere(exchange.left, client, { case: "call", value }, () => {
    if (!exchange.gone.aborted) return finishedSending(`call ${quote(value.method)}`);
  });
  const answer = said.value as CallAnswer;
  return {
    status: 200,
    headers: answerHeaders(answer.headers, answer.type),
    body: answer.payload,
  };
}

/** Asks; the question is given up when `gone` is aborted before the answer is there. Rejects then with `reason`. */
export async function askWhileThere(
  gone: AbortSignal,
  client: MessageClient,
  question: Question,
  reason: () => ParleyError | undefined = () => undefined,
): Promise<Said> {
  const { id, answer } = client.start(question);
  const giveUp = () => client.cancel(id, reason());
  if (gone.aborted) giveUp();
  else gone.addEventListener("abort", giveUp);
  try {
    return await answer;
  } finally {
    gone.removeEventListener("abort", giveUp);
  }
}
