/**
 * What a dialogue asks of the server, and what is done with the answers.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { type ClientMessage, ClientMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import type { ServerMessage } from "../../gen/parley/v1/envelope_pb.ts";
import type { ErrorCode } from "../../gen/parley/v1/error_pb.ts";
import { refusalText } from "./phrases.ts";

type Answer = (message: ServerMessage["message"]) => void;

/** Told why something was refused, in sentences for people, and by which code. */
type Refused = (reason: string, code: ErrorCode) => void;

/** The requests of one dialogue. */
export class Requests {
  /** How many answers are waited for on which it depends what the next line means. */
  deciding = 0;
  readonly #refused: Refused;
  readonly #waiting: ClientMessage[] = [];
  readonly #answers = new Map<bigint, Answer>();
  #nextId = 1n;

  /** `refused` is told of a refusal that nobody else wants to know of. */
  constructor(refused: Refused) {
    this.#refused = refused;
  }

  /** How many answers are waited for. */
  get waiting(): number {
    return this.#answers.size;
  }

  /** What is to be asked of the server now; taken once. */
  take(): ClientMessage[] {
    return this.#waiting.splice(0);
  }

  /** Asks something; `answer` is called with whatever the server says to it. */
  ask(
    message: MessageInitShape<typeof ClientMessageSchema>["message"],
    answer: Answer = () => {},
  ): void {
    const id = this.#nextId++;
    this.#answers.set(id, answer);
    this.#waiting.push(create(ClientMessageSchema, { id, message }));
  }

  /** Calls a method; either `done` or `refused` is called with the answer. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    done: (answer: MessageShape<O>) => void = () => {},
    refused: Refused = this.#refused,
  ): void {
    const { parent, name, input, output } = method;
    const payload = toBinary(input, create(input, request));
    const call = { method: `${parent.typeName}/${name}`, payload, type: input.typeName };
    this.ask({ case: "call", value: call }, (message) => {
      if (message.case === "answer") done(fromBinary(output, message.value.payload));
      else if (message.case === "error") refused(refusalText(message.value), message.value.code);
    });
  }

  /** Calls a method as `call` does, and counts as deciding until the answer is there. */
  decide<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    done: (answer: MessageShape<O>) => void,
    refused: Refused = this.#refused,
  ): void {
    this.deciding++;
    this.call(method, request, (answer) => {
      this.deciding--;
      done(answer);
    }, (reason, code) => {
      this.deciding--;
      refused(reason, code);
    });
  }

  /** Takes a message that answers a request; false for any other. */
  answered(message: ServerMessage): boolean {
    const answer = message.id === 0n ? undefined : this.#answers.get(message.id);
    if (answer === undefined) return false;
    this.#answers.delete(message.id);
    answer(message.message);
    return true;
  }
}
