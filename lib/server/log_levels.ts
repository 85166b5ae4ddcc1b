/**
 * The levels of a server's log: those of its configuration, and others that somebody sets while it runs.
 *
 * One rule: what is set counts until the configuration is read again or the server starts anew. The overall level leaves the
 * audit log as it is, and that is never set to less than its lines: nobody hides an act by it.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import { LOG_CATEGORIES, type LogCategory } from "../base/log.ts";
import { quote } from "../base/quote.ts";
import type { LogAdministration, LogLevelInfo } from "../services/administration.ts";
import { LOG_LEVELS, type LogConfig } from "./config/schema.ts";

type LogLevel = typeof LOG_LEVELS[number];

/** The part that tells of administrative acts, and the level of its lines. */
const AUDIT = "audit";
const AUDIT_LEVEL = "info";

/** A level that was set. */
interface SetLevel {
  readonly level: LogLevel;
  readonly by: string;
  readonly setMs: number;
}

/** The levels of one server. */
export class LogLevels implements LogAdministration {
  readonly #apply: ((config: LogConfig) => void) | undefined;
  #config: LogConfig;
  /** What was set, by category; that of the empty name is the overall one. */
  readonly #set = new Map<string, SetLevel>();

  /** `apply` sets the log up; undefined when that is somebody else's affair. */
  constructor(config: LogConfig, apply: ((config: LogConfig) => void) | undefined) {
    this.#config = config;
    this.#apply = apply;
  }

  /** The configuration was read again: what was set counts no more. */
  follow(config: LogConfig): void {
    const same = JSON.stringify(config) === JSON.stringify(this.#config);
    this.#config = config;
    if (same && this.#set.size === 0) return;
    this.#set.clear();
    this.#apply?.(config);
  }

  all(): LogLevelInfo[] {
    const { level, levels } = this.#config;
    const info = (category: string, configured: string): LogLevelInfo => {
      const set = this.#set.get(category);
      const now = this.#inForce();
      return {
        category,
        level: category === "" ? now.level : now.levels[category as LogCategory] ?? now.level,
        configured,
        setBy: set?.by ?? "",
        setMs: set?.setMs ?? 0,
      };
    };
    return [
      info("", level),
      ...LOG_CATEGORIES.map((category) => info(category, levels[category] ?? "")),
    ];
  }

  set(category: string, level: string, by: string): void {
    if (this.#apply === undefined) {
      throw new ParleyError(
        ErrorCode.UNAVAILABLE,
        "cannot set the level of the log: the program around the server keeps it",
      );
    }
    if (category !== "" && !(LOG_CATEGORIES as readonly string[]).includes(category)) {
      throw invalidArgument(`cannot set the level of ${quote(category)}: there is no such part`, {
        accepted: `${LOG_CATEGORIES.join(", ")}, or nothing for all`,
      });
    }
    if (level === "") this.#set.delete(category);
    else this.#set.set(category, { level: levelOf(category, level), by, setMs: Date.now() });
    this.#apply(this.#inForce());
  }

  /** The configuration of the log with what was set. */
  #inForce(): LogConfig {
    const levels: Partial<Record<LogCategory, LogLevel>> = { ...this.#config.levels };
    levels[AUDIT] ??= this.#config.level;
    for (const [category, { level }] of this.#set) {
      if (category !== "") levels[category as LogCategory] = level;
    }
    return { ...this.#config, level: this.#set.get("")?.level ?? this.#config.level, levels };
  }
}

function levelOf(category: string, text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text);
  const isTooHigh = category === AUDIT && level !== undefined &&
    LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(AUDIT_LEVEL);
  if (level !== undefined && !isTooHigh) return level;
  const accepted = LOG_LEVELS.slice(0, isTooHigh ? LOG_LEVELS.indexOf(AUDIT_LEVEL) + 1 : undefined);
  throw invalidArgument(`cannot set the level of ${quote(category || "all")} to ${quote(text)}`, {
    accepted: accepted.join(", "),
  });
}
