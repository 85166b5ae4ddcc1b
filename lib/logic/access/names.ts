/**
 * The bounds of users and roles, and what their names may be. Pure.
 */
import { nameFault } from "../topics/pattern.ts";

/** The most users, roles, roles of one user, and tokens of one user. */
export const MAX_USERS = 10_000;
export const MAX_ROLES = 1000;
export const MAX_ROLES_OF_USER = 100;
export const MAX_TOKENS_OF_USER = 100;
/** The longest name of a user, a role or a token, in bytes. */
export const MAX_USER_NAME_BYTES = 128;

/** Says what is wrong with the name of a user, a role or a token; null when it may be one. */
export function userNameFault(noun: string, name: string): string | null {
  return nameFault(noun, name, MAX_USER_NAME_BYTES);
}
