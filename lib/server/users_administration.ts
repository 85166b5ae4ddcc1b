/**
 * Changes users in the file that a configuration names: for a running server, and for `parley user` and `parley token`.
 *
 * Invariants: a change is in force when it is answered; one comes after the other, each of them checked as a whole, and
 * what a server would not take is not written; users of the configuration itself are never changed, and none is added who
 * could be taken for another one. Errors name users and tokens, and nothing of what is secret.
 */
import { whenOver } from "../base/detached.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import { quote } from "../base/quote.ts";
import { userNameFault } from "../logic/access/names.ts";
import { newPasswordFault } from "../logic/access/password_hash.ts";
import { looksAlike } from "../logic/rooms/person_name.ts";
import type { NewToken, UserAdministration } from "../services/administration.ts";
import type { Config } from "./config/config.ts";
import { changeUsers, hashPassword, newToken } from "./users_editor.ts";
import type { WrittenTables, WrittenUser } from "./users_editor.ts";

/** The most changes that wait for each other. */
const MAX_WAITING = 32;
/** So many names are compared before others have their turn. */
const COMPARED_AT_ONCE = 100;

/** What uses the file. */
export interface UsersFileOwner {
  /** The configuration, which names the file. */
  readonly config: Config;
  /** Puts what the file says in force; gives whether it is. */
  reload(): Promise<boolean>;
}

/** Changes one file of users. */
export class UsersFile implements UserAdministration {
  readonly #owner: UsersFileOwner;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(owner: UsersFileOwner) {
    this.#owner = owner;
  }

  get hasFile(): boolean {
    return this.#config.auth.users_file !== "";
  }

  isConfigured(user: string): boolean {
    return this.#config.users.some(({ name }) => name === user);
  }

  add(name: string, password: string, roles: readonly string[]): Promise<void> {
    const action = `add the user ${quote(name)}`;
    return this.#change(action, name, async ({ users }) => {
      const fault = userNameFault("the name of a user", name);
      if (fault !== null) throw invalidArgument(`cannot ${action}: ${fault}`);
      if (users.some((one) => one.name === name)) {
        throw new ParleyError(ErrorCode.ALREADY_EXISTS, `cannot ${action}: it is there`, {
          accepted: "`parley user passwd`, for another password",
        });
      }
      const all = [...users, ...this.#config.users].map((user) => user.name);
      const alike = await firstAlike(name, all);
      if (alike !== null) {
        throw new ParleyError(
          ErrorCode.ALREADY_EXISTS,
          `cannot ${action}: people could take it for ${quote(alike)}`,
          {
            accepted: "a name that looks like that of no other user, in small letters or capitals",
          },
        );
      }
      const hash = await hashOf(password);
      users.push({ name, ...hash === "" ? {} : { password: hash }, roles: [...roles] });
    });
  }

  /** Rejects when there is no such user in the file, or nothing can be changed there. */
  check(name: string): Promise<void> {
    return this.#changeUser(`change the user ${quote(name)}`, name, () => {});
  }

  setPassword(name: string, password: string): Promise<void> {
    return this.#changeUser(`change the password of ${quote(name)}`, name, async (user) => {
      const hash = await hashOf(password);
      if (hash === "") delete user.password;
      else user.password = hash;
    });
  }

  setRoles(name: string, roles: readonly string[]): Promise<void> {
    return this.#changeUser(`change the roles of ${quote(name)}`, name, (user) => {
      user.roles = [...roles];
    });
  }

  setDisabled(name: string, disabled: boolean): Promise<void> {
    const action = `${disabled ? "disable" : "enable"} the user ${quote(name)}`;
    return this.#changeUser(action, name, (user) => {
      user.disabled = disabled;
    });
  }

  remove(name: string): Promise<void> {
    return this.#changeUser(`remove the user ${quote(name)}`, name, (user, { users }) => {
      users.splice(users.indexOf(user), 1);
    });
  }

  newToken(name: string, token: string, lastsMs: number): Promise<NewToken> {
    const action = `make the token ${quote(token)} of ${quote(name)}`;
    return this.#changeUser(action, name, (user) => {
      const fault = userNameFault("the name of a token", token);
      if (fault !== null) throw invalidArgument(`cannot ${action}: ${fault}`);
      const tokens = user.tokens ??= [];
      if (tokens.some((one) => one.name === token)) {
        throw new ParleyError(ErrorCode.ALREADY_EXISTS, `cannot ${action}: it is there`, {
          accepted: "another name, or `parley token revoke` first",
        });
      }
      const made = newToken();
      // What is written has whole seconds.
      const expiresMs = lastsMs === 0 ? 0 : Math.floor((Date.now() + lastsMs) / 1000) * 1000;
      const expires = expiresMs === 0 ? {} : { expires: timeText(expiresMs) };
      tokens.push({ name: token, hash: made.hash, ...expires });
      return { token: made.token, expiresMs };
    });
  }

  revokeToken(name: string, token: string): Promise<void> {
    const action = `take back the token ${quote(token)} of ${quote(name)}`;
    return this.#changeUser(action, name, (user) => {
      const left = (user.tokens ?? []).filter((one) => one.name !== token);
      if (left.length === (user.tokens ?? []).length) {
        throw new ParleyError(ErrorCode.NOT_FOUND, `cannot ${action}: there is no such token`, {
          accepted: "one that `parley token ls` tells",
        });
      }
      user.tokens = left;
    });
  }

  get #config(): Config {
    return this.#owner.config;
  }

  #changeUser<T>(
    action: string,
    name: string,
    change: (user: WrittenUser, tables: WrittenTables) => T | Promise<T>,
  ): Promise<T> {
    return this.#change(action, name, (tables) => {
      const user = tables.users.find((one) => one.name === name);
      if (user !== undefined) return change(user, tables);
      throw noSuchUser(name);
    });
  }

  /** Changes the file after all that wait, and puts it in force. */
  #change<T>(
    action: string,
    user: string,
    change: (tables: WrittenTables) => T | Promise<T>,
  ): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      return Promise.reject(
        new ParleyError(
          ErrorCode.RESOURCE_EXHAUSTED,
          `cannot ${action}: ${this.#waiting} other changes wait`,
          { retryable: true, accepted: `at most ${MAX_WAITING} at a time` },
        ),
      );
    }
    this.#waiting++;
    const done = this.#last.then(() => this.#changeNow(action, user, change)).finally(() => {
      this.#waiting--;
    });
    this.#last = whenOver(done);
    return done;
  }

  async #changeNow<T>(
    action: string,
    user: string,
    change: (tables: WrittenTables) => T | Promise<T>,
  ): Promise<T> {
    const config = this.#config;
    const { users_file: path } = config.auth;
    if (this.isConfigured(user) || path === "") {
      const why = path === ""
        ? "users stand in the configuration, which names no file of users"
        : "that user stands in the configuration";
      throw new ParleyError(ErrorCode.FAILED_PRECONDITION, `cannot ${action}: ${why}`, {
        accepted: path === ""
          ? "auth.users_file in the configuration"
          : "a change of the configuration, and a reload",
      });
    }
    const result = await changeUsers(path, config, change);
    if (await this.#owner.reload()) return result;
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot ${action} at once: it is written, but users cannot be read again`,
      { accepted: "a configuration that can be used; the log of the server says what is wrong" },
    );
  }
}

/** The error of whoever names a user that there is not. */
export function noSuchUser(name: string): ParleyError {
  return new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot find the user ${quote(name)} in the file of users`,
    { accepted: "one that `parley user ls` tells" },
  );
}

/** A time of a file of users, in UTC and whole seconds. */
export function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The first of `names` that people could take `name` for; null when there is none. */
async function firstAlike(name: string, names: readonly string[]): Promise<string | null> {
  const isLike = looksAlike(name);
  for (const [index, other] of names.entries()) {
    if (isLike(other)) return other;
    if ((index + 1) % COMPARED_AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return null;
}

/** The stored form of a password; empty for none. Rejects with INVALID_ARGUMENT. */
async function hashOf(password: string): Promise<string> {
  if (password === "") return "";
  const fault = newPasswordFault(password);
  if (fault !== null) {
    throw invalidArgument("cannot set the password of a user", { accepted: fault });
  }
  return await hashPassword(password);
}
