/**
 * Requests of the server's own methods, which proto/ describes as services.
 */
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Incoming, readAnswer } from "./answers.ts";
import { encodeBody, encodeRequest } from "./requests.ts";

/** The full name of a method, as a Call has it. */
export function methodName({ parent, name }: DescMethodUnary): string {
  return `${parent.typeName}/${name}`;
}

/** The request of a method. Raises INVALID_ARGUMENT for what its message does not allow. */
export function encodeAsk<I extends DescMessage>(
  method: DescMethodUnary<I, DescMessage>,
  request: MessageInitShape<I>,
): Uint8Array {
  const payload = encodeBody(method.input, request);
  const value = { method: methodName(method), payload, type: method.input.typeName };
  return encodeRequest({ case: "call", value });
}

/** The answer to it. */
export function readAsked<O extends DescMessage>(
  { output }: DescMethodUnary<DescMessage, O>,
  incoming: Incoming,
): MessageShape<O> {
  return fromBinary(output, readAnswer(incoming).payload);
}
