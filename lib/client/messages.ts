/**
 * The types of generated messages that the library's own types name: those of the protocol, and those of protobuf's runtime.
 *
 * Aliases, so that what is documented ends here, and not with all that generated code consists of.
 */
import type * as protobuf from "@bufbuild/protobuf";
import * as auth from "../gen/parley/v1/auth_pb.ts";
import type * as envelope from "../gen/parley/v1/envelope_pb.ts";
import type * as session from "../gen/parley/v1/session_pb.ts";

/** @ignore */
type Described = protobuf.DescMessage;
/** @ignore */
type DescribedMethod<I extends Described, O extends Described> = protobuf.DescMethodUnary<I, O>;
/** @ignore */
type Shape<T extends Described> = protobuf.MessageShape<T>;
/** @ignore */
type Init<T extends Described> = protobuf.MessageInitShape<T>;
/** @ignore */
type ToServer = envelope.ClientMessage;
/** @ignore */
type ToClient = envelope.ServerMessage;
/** @ignore */
type Member = protobuf.MessageInitShape<typeof envelope.ClientMessageSchema>["message"];
/** @ignore */
type Greeting = session.Welcome;

/** @ignore */
type Asked = auth.AuthRequest;
/** @ignore */
type Answered = auth.AuthAnswer;
/** @ignore */
type AskedSchema = typeof auth.AuthRequestSchema;
/** @ignore */
type AnsweredSchema = typeof auth.AuthAnswerSchema;

/** A message as generated code describes it: `OrderSchema`. */
export type DescMessage = Described;

/** A method of a generated service, with one request and one answer: `Shop.method.quote`. */
export type DescMethodUnary<
  I extends DescMessage = DescMessage,
  O extends DescMessage = DescMessage,
> = DescribedMethod<I, O>;

/** The message that a schema describes. */
export type MessageShape<T extends DescMessage> = Shape<T>;

/** What such a message can be made of: itself, or an object with some of its fields. */
export type MessageInitShape<T extends DescMessage> = Init<T>;

/** What a client sends. */
export type ClientMessage = ToServer;

/** What a server sends. */
export type ServerMessage = ToClient;

/** One member of ClientMessage, as a program writes it. */
export type RequestMessage = Member;

/** What the server says of itself when a connection is opened, and what it accepts. */
export type Welcome = Greeting;

/** What a server asks the service that knows its users: who is this? */
export type AuthRequest = Asked;

/** The answer of that service. */
export type AuthAnswer = Answered;

/** Describes AuthRequest, for `serveMessages`. */
export const AuthRequestSchema: AskedSchema = auth.AuthRequestSchema;

/** Describes AuthAnswer, for `serveMessages`. */
export const AuthAnswerSchema: AnsweredSchema = auth.AuthAnswerSchema;
