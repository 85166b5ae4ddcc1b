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
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import { OneAfterTheOther } from "./one_after_the_other.ts";

/** So many elements of a list are encoded at once: well below a turn. */
const SLICE = 8;

/** What an own method answers. */
export interface OwnAnswer {
  readonly payload: Uint8Array;
  readonly type: string;
}

/** One method of the server's own. */
export interface OwnMethod {
  answer(features: Features, session: Peer, payload: Uint8Array): OwnAnswer | Promise<OwnAnswer>;
}

/** Makes a method of two schemas and what it does. */
export function ownMethod<I extends DescMessage, O extends DescMessage>(
  input: I,
  output: O,
  run: (
    features: Features,
    session: Peer,
    request: MessageShape<I>,
  ) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
): OwnMethod {
  const encode = (answer: MessageInitShape<O>): OwnAnswer => ({
    payload: toBinary(output, create(output, answer)),
    type: output.typeName,
  });
  return {
    answer(features, session, payload) {
      const answer = run(features, session, decode(input, payload));
      return answer instanceof Promise ? answer.then(encode) : encode(answer);
    },
  };
}

/** A list that can be taken piece by piece, such as an array. */
interface Pieces {
  readonly length: number;
  slice(from: number, to: number): unknown[];
}

/** What a paged method answers: a list in `Field`, and what stands beside it. */
type Page<O extends DescMessage, Field extends string> =
  & Omit<MessageInitShape<O>, Field>
  & Record<Field, Pieces>;

/** The answers with long lists that a session is given, one after the other. */
const pagesOf = new WeakMap<Peer, OneAfterTheOther>();

/**
 * The same for a method whose answer has a long list in `field`: it is encoded in slices, with turns for others
 * between them. Protobuf joins the lists of messages that lie behind each other. A session is given one such
 * answer at a time: what all of those that it asks for at once take of memory would stop the server while the
 * runtime moves it.
 */
export function pagedMethod<I extends DescMessage, O extends DescMessage, Field extends string>(
  input: I,
  output: O,
  field: Field,
  run: (
    features: Features,
    session: Peer,
    request: MessageShape<I>,
  ) => Page<O, Field> | Promise<Page<O, Field>>,
): OwnMethod {
  const encode = (part: Record<string, unknown>): Uint8Array =>
    toBinary(output, create(output, part as MessageInitShape<O>));
  return {
    answer(features, session, payload) {
      const request = decode(input, payload);
      let pages = pagesOf.get(session);
      if (pages === undefined) pagesOf.set(session, pages = new OneAfterTheOther());
      return pages.run(async () => {
        const answer = await run(features, session, request);
        const list: Pieces = answer[field];
        const parts = [encode({ ...answer, [field]: [] })];
        for (let from = 0; from < list.length; from += SLICE) {
          await session.callsTurn.admit();
          parts.push(encode({ [field]: list.slice(from, from + SLICE) }));
        }
        return { payload: joined(parts), type: output.typeName };
      });
    },
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function decode<I extends DescMessage>(schema: I, payload: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, payload);
  } catch (cause) {
    throw invalidArgument(`cannot answer: the payload is no ${schema.typeName}`, { cause });
  }
}
