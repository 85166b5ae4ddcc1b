/**
 * One method of the server's own, made of the schemas of its request and answer and what it does.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { invalidArgument } from "../../base/errors.ts";
import type { Session } from "../connection/session.ts";

/** What an own method answers. */
export interface OwnAnswer {
  readonly payload: Uint8Array;
  readonly type: string;
}

/** One method of the server's own. */
export interface OwnMethod {
  answer(session: Session, payload: Uint8Array): OwnAnswer | Promise<OwnAnswer>;
}

/** Makes a method of two schemas and what it does. */
export function ownMethod<I extends DescMessage, O extends DescMessage>(
  input: I,
  output: O,
  run: (
    session: Session,
    request: MessageShape<I>,
  ) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
): OwnMethod {
  const encode = (answer: MessageInitShape<O>): OwnAnswer => ({
    payload: toBinary(output, create(output, answer)),
    type: output.typeName,
  });
  return {
    answer(session, payload) {
      const answer = run(session, decode(input, payload));
      return answer instanceof Promise ? answer.then(encode) : encode(answer);
    },
  };
}

function decode<I extends DescMessage>(schema: I, payload: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, payload);
  } catch (cause) {
    throw invalidArgument(`cannot answer: the payload is no ${schema.typeName}`, { cause });
  }
}
