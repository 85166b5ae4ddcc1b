/**
 * The users of a running server: read when it starts, and again when their files change or somebody asks.
 *
 * Invariants: a change is in force within a second; what cannot be read, or is wrong in any way, changes nothing, and
 * the log says why; users never go as a whole while the server runs, since then everybody could do everything.
 * Errors name files and lines, and nothing of what is secret.
 */
import { reportDefect } from "../base/defects.ts";
import { detached } from "../base/detached.ts";
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { AccessSettings } from "../logic/access/accounts.ts";
import type { JwtVerifier } from "../ports/jwt.ts";
import type { Access } from "../services/access/access.ts";
import type { Config } from "./config/schema.ts";

const log = logger("server");

/** How often the files are looked at: a change is read when the next look finds the same. */
const LOOK_INTERVAL_MS = 250;

/** Everything that is configured about who comes in, and with what. */
export interface UsersRead {
  readonly settings: AccessSettings;
  /** Null where JWTs do not count. */
  readonly jwt: JwtVerifier | null;
}

/** Where users come from. */
export interface UsersSource {
  /** The configuration that was read last. */
  config(): Config;
  /** The files whose change is one of users. */
  files(): readonly string[];
  /**
   * Reads all of it; null when no users are configured. With `config` from now on by that, and not by what it would read
   * again itself.
   */
  read(config?: Config): Promise<UsersRead | null>;
  /** Nothing is read any more. */
  close(): void;
}

/** The users of one server. */
export class ServerUsers {
  /** The users in force. */
  readonly access: Access;
  readonly #source: UsersSource;
  /** What the files were like when they were last read, and when they were last looked at. */
  #seen = "";
  #last = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #working: Promise<boolean> = Promise.resolve(true);
  #looking: Promise<void> = Promise.resolve();

  private constructor(access: Access, source: UsersSource) {
    this.access = access;
    this.#source = source;
  }

  /** Reads the users, and puts them in force. Rejects with a ConfigError. */
  static async open(access: Access, source: UsersSource): Promise<ServerUsers> {
    const users = new ServerUsers(access, source);
    users.#seen = await users.#look();
    try {
      const found = await source.read();
      if (found !== null) access.configure(found.settings, found.jwt);
    } catch (reason) {
      source.close();
      throw reason;
    }
    if (source.files().length > 0) users.#watch();
    return users;
  }

  /** The configuration that says where users are. */
  get config(): Config {
    return this.#source.config();
  }

  /** Reads the users again, after what is under way; gives whether they are in force. Never rejects. */
  reload(): Promise<boolean> {
    return this.#working = this.#working.then(() => this.#reload());
  }

  /**
   * Reads the users of another configuration; the function that it gives puts them in force. Rejects with a ParleyError
   * when they cannot be read, or would be none any more.
   */
  async stage(config: Config): Promise<() => void> {
    const seen = await this.#look();
    const found = await this.#source.read(config);
    if (found === null && this.access.accounts !== null) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        "cannot take a configuration without users while the server has some: then everybody could do everything",
        { accepted: "users, or a restart" },
      );
    }
    return () => {
      this.#seen = seen;
      if (found !== null) this.access.configure(found.settings, found.jwt);
      if (this.#timer === undefined && !this.#closed && this.#source.files().length > 0) {
        this.#watch();
      }
    };
  }

  /** Looks at nothing any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#source.close();
  }

  /** Resolves when what was under way as it was closed has ended. */
  async whenClosed(): Promise<void> {
    await this.#looking;
    await this.#working;
  }

  #watch(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#lookAgain();
      detached(this.#looking, "look after users");
    }, LOOK_INTERVAL_MS);
  }

  async #lookAgain(): Promise<void> {
    const seen = await this.#look();
    if (this.#closed) return;
    // One that still changes may be half written, and read as fewer users than there are.
    if (seen !== this.#seen && seen === this.#last) await this.reload();
    this.#last = seen;
    if (!this.#closed) this.#watch();
  }

  async #reload(): Promise<boolean> {
    if (this.#closed) return false;
    this.#seen = await this.#look();
    try {
      const found = await this.#source.read();
      if (found === null) {
        if (this.access.accounts === null) return true;
        log.error("the configuration has no users any more: those before stay until a restart");
      } else {
        const { settings, jwt } = found;
        this.access.configure(settings, jwt);
        log.info("users and roles were read again", {
          users: settings.users.length,
          roles: settings.roles.length,
        });
        return true;
      }
    } catch (reason) {
      if (!(reason instanceof ParleyError)) reportDefect("read the users again", reason);
      else {
        log.error("the users cannot be read again, those before stay: {message}", {
          message: reason.message,
        });
      }
    }
    return false;
  }

  /** What the system says of the files, as one text that is another when one has changed. */
  async #look(): Promise<string> {
    const looks = this.#source.files().map(async (file) => {
      try {
        const { mtime, size, ino } = await Deno.stat(file);
        return `${mtime?.getTime()} ${size} ${ino}`;
      } catch {
        return "not there";
      }
    });
    return (await Promise.all(looks)).join("\n");
  }
}
