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
import { CloseReason, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { joinBytes } from "../../../base/join_bytes.ts";
import { checkFields } from "../../connection/decode_body.ts";
import { copyBytes } from "../../../wire/frame_writer.ts";
import { putVarint, varintSize } from "../../../wire/varint.ts";
import type { TurnTaker } from "../../connection/fair_turns.ts";
import type { Features } from "../../features.ts";
import type { Peer } from "../../connection/peer.ts";
import { audited, isAct } from "./audit.ts";
import { checkOwnRight } from "./rights.ts";

/** The number of elements of a list that are encoded at once: well below a turn. */
const SLICE = 8;
/** The number of encoded elements that are copied at once. */
const ENCODED_SLICE = 64;

/** The largest request of a method that does not say otherwise. */
const MAX_REQUEST_BYTES = 16 * 1024;

/** The wire type of a message in a message. */
const LENGTH_DELIMITED = 2;

/** The answer of an own method. */
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

/** The work of a method: gives the answer to a request. Raises a ParleyError to refuse it. */
type Run<I extends DescMessage, Answer> = (
  features: Features,
  session: Peer,
  request: MessageShape<I>,
) => Later<Answer>;

/** A method whose answer has a long list in `list`: it is encoded in slices, with turns for others between them. */
interface Paged<I extends DescMessage, O extends DescMessage> {
  readonly list: Exclude<keyof MessageShape<O>, `$${string}`> & string;
  /** Whether the elements are messages that are encoded already. */
  readonly encoded?: boolean;
  readonly run: Run<I, { readonly [Field in keyof MessageInitShape<O>]?: unknown }>;
}

/** The work of all methods of a service: one that is missing, or too many, is an error of types. */
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
  maxBytes = MAX_REQUEST_BYTES,
): [name: string, method: OwnMethod][] {
  return service.methods.map(({ name, localName, input, output }) => {
    const does = methods[localName as keyof S["method"]] as
      | Run<DescMessage, MessageInitShape<DescMessage>>
      | Paged<DescMessage, DescMessage>;
    const decode = (payload: Uint8Array) => decodeRequest(input, payload, maxBytes);
    const method = typeof does === "function"
      ? plainMethod(output, does)
      : pagedMethod(output, does);
    const fullName = `${service.typeName}/${name}`;
    const run: Answers = (features, session, request) => {
      checkOwnRight(session, fullName, request);
      return method(features, session, request);
    };
    const answers: Answers = !isAct(fullName)
      ? run
      : (features, session, request) =>
        audited(fullName, session, request, () => run(features, session, request));
    return [fullName, {
      answer: (features, session, payload) => answers(features, session, decode(payload)),
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
  { list: field, encoded, run }: Paged<DescMessage, DescMessage>,
): Answers {
  const { number } = output.field[field];
  const encode = (part: Record<string, unknown>): Uint8Array =>
    toBinary(output, create(output, part));
  return (features, session, request) =>
    pagesOf(session).run(async () => {
      const answer = await run(features, session, request) as Record<string, unknown>;
      const head = encode({ ...answer, [field]: [] });
      const encodeSome = (some: unknown[]) => encode({ [field]: some });
      const payload = encoded
        ? await withFields(head, number, answer[field] as Uint8Array[], session.callsTurn)
        : await withList(head, answer[field] as Pieces, encodeSome, session.callsTurn);
      return { payload, type: output.typeName };
    });
}

/** A message with a list behind its other fields, whose elements are encoded in slices. */
async function withList(
  head: Uint8Array,
  list: Pieces,
  encode: (some: unknown[]) => Uint8Array,
  turn: TurnTaker,
): Promise<Uint8Array> {
  const parts = [head];
  for (let from = 0; from < list.length; from += SLICE) {
    await turn.admit();
    parts.push(encode(list.slice(from, from + SLICE)));
  }
  return joinBytes(parts);
}

/** A message with a list of encoded messages behind its other fields. */
async function withFields(
  head: Uint8Array,
  number: number,
  list: readonly Uint8Array[],
  turn: TurnTaker,
): Promise<Uint8Array> {
  const tag = number << 3 | LENGTH_DELIMITED;
  const sizeOf = ({ length }: Uint8Array) => varintSize(tag) + varintSize(length) + length;
  const whole = new Uint8Array(list.reduce((sum, one) => sum + sizeOf(one), head.length));
  whole.set(head);
  let at = head.length;
  await turn.admit();
  for (let index = 0; index < list.length; index++) {
    at = putVarint(whole, putVarint(whole, at, tag), list[index].length);
    at = copyBytes(whole, at, list[index], 0, list[index].length);
    if ((index + 1) % ENCODED_SLICE === 0) await turn.did(ENCODED_SLICE);
  }
  return whole;
}

/**
 * Decodes a request. Raises INVALID_ARGUMENT for one that is larger, or has more fields, than any that makes
 * sense: decoding it would stop the server.
 */
function decodeRequest(
  schema: DescMessage,
  payload: Uint8Array,
  maxBytes: number,
): MessageShape<DescMessage> {
  if (payload.length > maxBytes) {
    throw invalidArgument(
      `cannot answer: the ${schema.typeName} has ${payload.length} bytes`,
      { accepted: `at most ${maxBytes} bytes` },
    );
  }
  try {
    checkFields(payload, 0, payload.length);
    return fromBinary(schema, payload, { readUnknownFields: false });
  } catch (cause) {
    if (cause instanceof ParleyError && cause.closeReason === CloseReason.UNSPECIFIED) throw cause;
    throw invalidArgument(`cannot answer: the payload is no ${schema.typeName}`, { cause });
  }
}

/**
 * Work of one connection that takes memory as long as it lasts, such as answers with long lists: the next
 * begins when the one before has ended, however many were asked for at once.
 */
class OneAfterTheOther {
  #last: Promise<unknown> = Promise.resolve();

  /** Does `work` when all before has ended, well or not; gives what it gives. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = Promise.allSettled([done]);
    return done;
  }
}
