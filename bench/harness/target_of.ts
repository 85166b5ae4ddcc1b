/**
 * What a load is told of the server that it goes to.
 */
import type { Target } from "../load/target.ts";
import type { Subject } from "./subjects.ts";

/** The target that a server is; over TLS, or as a user, where it is one for that. */
export function targetOf({ dialect, port, pid, tls, token }: Subject): Target {
  return { dialect, port, pid, tls, token };
}
