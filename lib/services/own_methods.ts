/**
 * The methods that every server answers by itself: `parley.v1.Demo/Echo` and `parley.v1.Demo/Add`.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import {
  AddRequestSchema,
  AddResponseSchema,
  EchoMessageSchema,
} from "../gen/parley/v1/demo_pb.ts";
import { addInt32 } from "./add.ts";

/** What an own method answers. */
export interface OwnAnswer {
  readonly payload: Uint8Array;
  readonly type: string;
}

const METHODS: Readonly<Record<string, (payload: Uint8Array) => OwnAnswer>> = {
  "parley.v1.Demo/Echo": (payload) => ({
    payload: toBinary(EchoMessageSchema, fromBinary(EchoMessageSchema, payload)),
    type: EchoMessageSchema.typeName,
  }),
  "parley.v1.Demo/Add": (payload) => {
    const { a, b } = fromBinary(AddRequestSchema, payload);
    const response = create(AddResponseSchema, { result: addInt32(a, b) });
    return { payload: toBinary(AddResponseSchema, response), type: AddResponseSchema.typeName };
  },
};

/** Answers one of the server's own methods. Raises UNIMPLEMENTED for a name that is none. */
export function answerOwnMethod(method: string, payload: Uint8Array): OwnAnswer {
  if (!Object.hasOwn(METHODS, method)) {
    throw new ParleyError(
      ErrorCode.UNIMPLEMENTED,
      `cannot call "${method}": there is no such method`,
      {
        accepted: Object.keys(METHODS).join(" or "),
      },
    );
  }
  try {
    return METHODS[method](payload);
  } catch (reason) {
    if (reason instanceof ParleyError) throw reason;
    throw invalidArgument(`cannot call "${method}": its payload is no such message`, {
      cause: reason,
    });
  }
}
