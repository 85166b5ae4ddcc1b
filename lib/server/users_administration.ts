/**
 * Changes the users of a running server in the file that its configuration names, as `parley user` and `parley token` do.
 *
 * Invariants: a change is in force when it is answered; one comes after the other, each of them checked as a whole, and
 * what the server would not take is not written; users of the configuration itself are never changed.
 * Errors name users and tokens, and nothing of what is secret.
 */
import { whenOver } from "../base/detached.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import { quote } from "../base/quote.ts";
import { newPasswordFault } from "../logic/access/password_hash.ts";
import type { NewToken, UserAdministration } from "../services/administration.ts";
import type { Config } from "./config/config.ts";
import { changeUsers, hashPassword, newToken } from "./users_editor.ts";
import type { WrittenTables, WrittenUser } from "./users_editor.ts";
import type { ServerUsers } from "./users.ts";

/** The most changes that wait for each other. */
const MAX_WAITING = 32;

/** Changes the file of users of one server. */
export class UsersFile implements UserAdministration {
  readonly #users: ServerUsers;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(users: ServerUsers) {
    this.#users = users;
  }

  get hasFile(): boolean {
    return this.#config.auth.users_file !== "";
  }

  isConfigured(user: string): boolean {
    return this.#config.users.some(({ name }) => name === user);
  }

  add(name: string, password: string, roles: readonly string[]): Promise<void> {
    return this.#change(`add the user ${quote(name)}`, name, async ({ users }) => {
      if (users.some((one) => one.name === name)) throw isThere(`add the user ${quote(name)}`);
      const hash = await hashOf(password);
      users.push({ name, ...hash === "" ? {} : { password: hash }, roles: [...roles] });
    });
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
      const tokens = user.tokens ??= [];
      if (tokens.some((one) => one.name === token)) throw isThere(action);
      const made = newToken();
      // What is written has whole seconds.
      const expiresMs = lastsMs === 0 ? 0 : Math.ceil((Date.now() + lastsMs) / 1000) * 1000;
      const expires = expiresMs === 0
        ? {}
        : { expires: new Date(expiresMs).toISOString().replace(/\.\d+Z$/, "Z") };
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
          accepted: "one that parley.v1.Users/List tells of",
        });
      }
      user.tokens = left;
    });
  }

  get #config(): Config {
    return this.#users.config;
  }

  #changeUser<T>(
    action: string,
    name: string,
    change: (user: WrittenUser, tables: WrittenTables) => T | Promise<T>,
  ): Promise<T> {
    return this.#change(action, name, (tables) => {
      const user = tables.users.find((one) => one.name === name);
      if (user !== undefined) return change(user, tables);
      throw new ParleyError(ErrorCode.NOT_FOUND, `cannot ${action}: there is no such user`, {
        accepted: "one that parley.v1.Users/List tells of",
      });
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
    if (await this.#users.reload()) return result;
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot ${action} at once: it is written, but users cannot be read again`,
      { accepted: "a configuration that can be used; the log of the server says what is wrong" },
    );
  }
}

function isThere(action: string): ParleyError {
  return new ParleyError(ErrorCode.ALREADY_EXISTS, `cannot ${action}: it is there`, {
    accepted: "another name",
  });
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
