/**
 * Reads the configuration of a running server again.
 *
 * Invariants: what is read is a whole and consistent configuration, or nothing changes and the log says why; what can be taken
 * while the server runs is, and what differs otherwise is named in the log, for a restart. Reloads come one after the other.
 */
import { logger } from "../base/log.ts";
import type { Config } from "./config/config.ts";
import { configKeys } from "./config/keys.ts";

const log = logger("server");

/** What is taken while the server runs. */
const TAKEN = ["listen.allow_addresses", "listen.deny_addresses"];

/** What others read again by themselves, see users. */
const TAKEN_ELSEWHERE = /^(?:users|roles|auth)(?:\.|$)/;

/** Where a server's configuration comes from. */
interface ConfigSource {
  /** What it was started with. */
  readonly started: Config;
  /** Reads it again; rejects when it cannot be used. */
  read(): Promise<Config>;
  /** Takes over what can be. */
  take(config: Config): void;
}

/** The reloads of one server. */
export class ConfigReload {
  readonly #source: ConfigSource;
  #running: Config;
  #last: Promise<void> = Promise.resolve();

  constructor(source: ConfigSource) {
    this.#source = source;
    this.#running = source.started;
  }

  /** Reads and takes what can be taken. Never rejects. */
  run(): Promise<void> {
    return this.#last = this.#last.then(() => this.#runOnce());
  }

  async #runOnce(): Promise<void> {
    const { started, read, take } = this.#source;
    let config: Config;
    try {
      config = await read();
      take(config);
    } catch (reason) {
      log.error("the configuration is not taken, the former stays in force: {reason}", {
        reason: (reason as Error).message,
      });
      return;
    }
    const changed = differences(this.#running, config);
    const taken = changed.filter((path) => TAKEN.includes(path));
    const waiting = differences(started, config).filter((path) =>
      !TAKEN.includes(path) && !TAKEN_ELSEWHERE.test(path)
    );
    this.#running = config;
    if (taken.length > 0) log.info("the configuration is in force: {keys}", { keys: taken });
    if (waiting.length > 0) {
      log.warning("the configuration differs in what only a restart can change: {keys}", {
        keys: waiting,
      });
    }
    if (changed.length + waiting.length === 0) log.info("the configuration has not changed");
  }
}

/** The keys whose values differ. */
function differences(one: Config, other: Config): string[] {
  const valueOf = (config: unknown, parts: readonly string[]) =>
    JSON.stringify(parts.reduce<unknown>(
      (table, part) => (table as Record<string, unknown> | undefined)?.[part],
      config,
    ));
  return configKeys().filter(({ parts }) => valueOf(one, parts) !== valueOf(other, parts))
    .map(({ path }) => path);
}
