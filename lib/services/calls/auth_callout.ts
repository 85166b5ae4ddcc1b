/**
 * Asks a service of the operator's own who somebody is: auth.callout.
 *
 * Invariants: what is answered counts as a whole or not at all; what the answer says wrongly, and what goes wrong with
 * asking, is told to the log, and to the client as UNAVAILABLE, since it has done nothing wrong.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import {
  type AuthAnswer,
  AuthAnswerSchema,
  type AuthPermissions,
  AuthRequestSchema,
  type AuthRules,
} from "../../gen/parley/v1/auth_pb.ts";
import {
  type Assertion,
  calloutName,
  checkRoles,
  checkUserName,
  permissionsOf,
} from "../../logic/access/assertion.ts";
import type { CalloutRules } from "../../logic/access/accounts.ts";
import { VERBS } from "../../logic/access/rules.ts";
import type { Asker, Credentials, Origin } from "../access/logins.ts";
import { HashLine } from "../access/hash_line.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Callouts } from "./callouts.ts";

const log = logger("connection");
/** The most that wait for their turn to be asked about. */
const MAX_WAITING = 1024;

/** Asks who somebody is, with a bounded number of questions at a time. */
export class AuthCallout implements Asker {
  readonly #context: ServerContext;
  readonly #callouts: Callouts;
  #line: HashLine | null = null;
  #atOnce = 0;

  constructor(context: ServerContext, callouts: Callouts) {
    this.#context = context;
    this.#callouts = callouts;
  }

  async ask(
    rules: CalloutRules,
    { user, password, token }: Credentials,
    origin: Origin,
  ): Promise<Assertion | null> {
    const { method, timeoutMs } = rules;
    const { address, listener, sessionId, client } = origin;
    const payload = toBinary(
      AuthRequestSchema,
      create(AuthRequestSchema, {
        user,
        password: token === "" ? password : "",
        token,
        clientName: client.name,
        library: client.library,
        address,
        listener,
        sessionId,
        serverId: this.#context.serverId,
      }),
    );
    try {
      const answer = await this.#lineOf(rules).run(
        address,
        () => this.#callouts.ask({ method, payload, type: AuthRequestSchema.typeName, timeoutMs }),
      );
      return said(fromBinary(AuthAnswerSchema, answer, { readUnknownFields: false }), method);
    } catch (reason) {
      if (reason instanceof ParleyError && isRefusal(reason)) return null;
      const { message } = reason as Error;
      log.error("the service {method} did not say who somebody is: {why}", {
        method,
        why: message,
        connection: origin.connection,
      });
      throw cannotTell(reason);
    }
  }

  /** The line of those who wait; another one when there may be more or fewer at a time. */
  #lineOf({ inFlight }: CalloutRules): HashLine {
    if (this.#line === null || this.#atOnce !== inFlight) {
      this.#line = new HashLine(inFlight, MAX_WAITING);
      this.#atOnce = inFlight;
    }
    return this.#line;
  }
}

function isRefusal({ code }: ParleyError): boolean {
  return code === ErrorCode.UNAUTHENTICATED || code === ErrorCode.PERMISSION_DENIED;
}

function cannotTell(cause: unknown): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    "cannot tell who this is now: the service that says so does not answer",
    { retryable: true, accepted: "another try in a moment", cause },
  );
}

/** What an answer says; null when it refuses. Raises AssertionFault. */
function said(answer: AuthAnswer, method: string): Assertion | null {
  const { user, roles, permissions, expiresUnixMicros: micros } = answer;
  if (user === "") return null;
  checkUserName(user);
  checkRoles(roles, "its list of roles");
  return {
    user,
    roles: roles.length === 0 ? null : roles,
    permissions: permissions === undefined
      ? null
      : permissionsOf(tablesOf(permissions), "its permissions"),
    expiresMs: micros === 0n ? Infinity : Number(micros / 1000n),
    by: calloutName(method),
  };
}

function tablesOf({ allow, deny }: AuthPermissions) {
  return { allow: listsOf(allow), deny: listsOf(deny) };
}

function listsOf(rules: AuthRules | undefined): Record<string, readonly string[]> {
  if (rules === undefined) return {};
  return Object.fromEntries(
    VERBS.filter((verb) => verb !== "authenticate").map((verb) => [verb, rules[verb]]),
  );
}
