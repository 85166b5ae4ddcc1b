/**
 * Methods of the server's own, made of the service that describes them and what the server does for each.
 */
import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { invalidArgument } from "../../base/errors.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import { checkOwnRight } from "./own_rights.ts";
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

/** A list that can be taken piece by piece, such as an array. */
interface Pieces {
  readonly length: number;
  slice(from: number, to: number): unknown[];
}

type Later<T> = T | Promise<T>;

/** What a method does: gives the answer to a request. Raises a ParleyError to refuse it. */
type Run<I extends DescMessage, Answer> = (
  features: Features,
  session: Peer,
  request: MessageShape<I>,
) => Later<Answer>;

/** A method whose answer has a long list in `list`: it is encoded in slices, with turns for others between them. */
interface Paged<I extends DescMessage, O extends DescMessage> {
  readonly list: Exclude<keyof MessageShape<O>, `$${string}`> & string;
  readonly run: Run<I, { readonly [Field in keyof MessageInitShape<O>]?: unknown }>;
}

/** What a server does for each method of a service: one that is missing, or too many, is an error of types. */
export type Methods<S extends DescService> = {
  readonly [Name in keyof S["method"]]: S["method"][Name] extends {
    input: infer I extends DescMessage;
    output: infer O extends DescMessage;
  } ? Run<I, MessageInitShape<O>> | Paged<I, O>
    : never;
};

/** The methods of a service by their full names. */
export function implement<S extends DescService>(
  service: S,
  methods: Methods<S>,
): [name: string, method: OwnMethod][] {
  return service.methods.map(({ name, localName, input, output }) => {
    const does = methods[localName as keyof S["method"]] as
      | Run<DescMessage, MessageInitShape<DescMessage>>
      | Paged<DescMessage, DescMessage>;
    const method = typeof does === "function"
      ? plainMethod(output, does)
      : pagedMethod(output, does);
    const fullName = `${service.typeName}/${name}`;
    return [fullName, {
      answer(features, session, payload) {
        const request = decode(input, payload);
        checkOwnRight(session, fullName, request);
        return method(features, session, request);
      },
    }];
  });
}

/** Answers a request that was decoded, and that the peer may make. */
type Answers = (
  features: Features,
  session: Peer,
  request: MessageShape<DescMessage>,
) => Later<OwnAnswer>;

function plainMethod(
  output: DescMessage,
  run: Run<DescMessage, MessageInitShape<DescMessage>>,
): Answers {
  const encode = (answer: MessageInitShape<DescMessage>): OwnAnswer => ({
    payload: toBinary(output, create(output, answer)),
    type: output.typeName,
  });
  return (features, session, request) => {
    const answer = run(features, session, request);
    return answer instanceof Promise ? answer.then(encode) : encode(answer);
  };
}

/** The answers with long lists that a session is given, one after the other. */
function pagesOf({ slots }: Peer): OneAfterTheOther {
  return (slots.pages ??= new OneAfterTheOther()) as OneAfterTheOther;
}

/**
 * Protobuf joins the lists of messages that lie behind each other. A session is given one such answer at a time:
 * what all of those that it asks for at once take of memory would stop the server while the runtime moves it.
 */
function pagedMethod(
  output: DescMessage,
  { list: field, run }: Paged<DescMessage, DescMessage>,
): Answers {
  const encode = (part: Record<string, unknown>): Uint8Array =>
    toBinary(output, create(output, part));
  return (features, session, request) =>
    pagesOf(session).run(async () => {
      const answer = await run(features, session, request) as Record<string, unknown>;
      const list = answer[field] as Pieces;
      const parts = [encode({ ...answer, [field]: [] })];
      for (let from = 0; from < list.length; from += SLICE) {
        await session.callsTurn.admit();
        parts.push(encode({ [field]: list.slice(from, from + SLICE) }));
      }
      return { payload: joined(parts), type: output.typeName };
    });
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

function decode(schema: DescMessage, payload: Uint8Array): MessageShape<DescMessage> {
  try {
    return fromBinary(schema, payload);
  } catch (cause) {
    throw invalidArgument(`cannot answer: the payload is no ${schema.typeName}`, { cause });
  }
}
