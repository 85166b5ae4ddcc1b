/**
 * The tables [[types]] of the configuration: which topics, queues and methods carry which type, and what happens to a payload that is
 * no message of it.
 */
import { z } from "zod";
import { invalidArgument } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { checkMethod } from "../../logic/calls/method_table.ts";
import { patternFault } from "../../logic/topics/pattern.ts";
import type { RuleKind, TypeRule } from "../../logic/types/type_rules.ts";
import { listOf, MAX_TOPIC_LIMITS } from "./fields.ts";

/** A full name of protobuf. */
const TYPE = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
/** The most characters of it. */
const MAX_TYPE_CHARACTERS = 256;

function namesOf(kind: string, faultOf: (name: string) => string | null) {
  return listOf((name) => {
    const fault = faultOf(name);
    if (fault !== null) throw invalidArgument(`${quote(name)} is no ${kind}: ${fault}`);
  }).prefault([]);
}

const patternOf = (name: string): string | null => patternFault(name, MAX_TOPIC_LIMITS);

const tableSchema = z.strictObject({
  type: z.string().superRefine((name, context) => {
    if (TYPE.test(name) && name.length <= MAX_TYPE_CHARACTERS) return;
    const message = `${quote(name)} is no type: it must be a full name, like acme.v1.Order`;
    context.addIssue({ code: "custom", message });
  }).describe(
    'The full name of the type, like "acme.v1.Order". The server knows it once it was added: parley schema add.',
  ),
  topics: namesOf("topic", patternOf).describe('Topics, or patterns of them, like "orders.>".'),
  queues: namesOf("queue", patternOf).describe("Queues, or patterns of them."),
  methods: namesOf("method", methodFault).describe(
    'Methods, like "acme.v1.Shop/Get": of their requests.',
  ),
  check: z.enum(["off", "warn", "reject"]).default("reject").describe(
    "What happens to a payload that is no message of the type, or says to be another: nothing, a line in the " +
      "log now and then, or a refusal.",
  ),
});

function methodFault(name: string): string | null {
  try {
    checkMethod(name);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The schema of all tables. */
export const typesSchema = z.array(tableSchema).prefault([]).describe(
  "The types of topics, queues and methods, to which payloads are held. Of several tables that match a name the first " +
    "decides. Events that become jobs are held to the type of their topic.",
);

/** The rules as the rest of the server names them. */
export function typeRulesOf(config: { readonly types: z.output<typeof typesSchema> }): TypeRule[] {
  return config.types.flatMap(({ type, check, topics, queues, methods }) => {
    const rulesOf = (kind: RuleKind, names: readonly string[]): TypeRule[] =>
      names.map((name) => ({ kind, name, type, check }));
    return [
      ...rulesOf("topic", topics),
      ...rulesOf("queue", queues),
      ...rulesOf("method", methods),
    ];
  });
}
