/**
 * What the person may do, as far as it is known: what they may not is not offered. The server decides again each time.
 */
import { signal } from "@preact/signals";

/** What permissions are about. */
export type Verb = "publish" | "subscribe" | "call" | "serve" | "join" | "push" | "pull" | "manage";

/** Says whether something may be done. */
export type Rights = (verb: Verb, name: string) => boolean;

/** The rights of the person; while they are not known, everything is offered. */
export const rights = signal<Rights>(() => true);

/** Whether something is to be offered. */
export function may(verb: Verb, name: string): boolean {
  return rights.value(verb, name);
}
