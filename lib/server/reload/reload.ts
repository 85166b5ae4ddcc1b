/**
 * Has a running server read its configuration again, and take over what it can.
 *
 * Invariants: all or nothing. First everything is read, checked and prepared by each part of the server, which can fail
 * and then nothing has changed; then all of it is put in force in one turn, which cannot. Reloads come one after the
 * other; those that are asked for while one waits are one. What takes a restart is named, with both values.
 */
import { guard } from "../../base/defects.ts";
import { whenOver } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { ReloadOutcome } from "../../services/administration.ts";
import type { Config } from "../config/config.ts";
import { differences, inForce, needsRestart, waitingKeys } from "./keys.ts";

const log = logger("server");

/** Puts in force what was prepared. It does not fail. */
export type Commit = () => void;

/** A part of a server that can go by another configuration while it runs. */
export interface ReloadPart {
  /** For the log: what it does. */
  readonly what: string;
  /** Prepares to go by `config`; raises or rejects with an error when it cannot. */
  stage(config: Config): Commit | Promise<Commit>;
}

/** Where a server's configuration comes from, and who goes by it. */
export interface ReloadOptions {
  /** What the server was started with. */
  readonly started: Config;
  /** Reads it again; rejects when it cannot be used. */
  read(): Promise<Config>;
  readonly parts: readonly ReloadPart[];
  /** More that differs and takes a restart, though its key is taken over. */
  waiting(config: Config): ReloadOutcome["waiting"];
}

/** The reloads of one server. */
export class Reload {
  readonly #options: ReloadOptions;
  #running: Config;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<ReloadOutcome> | null = null;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#running = options.started;
  }

  /** Reads the configuration, and takes over what can be. Rejects with a ParleyError, and then nothing has changed. */
  run(): Promise<ReloadOutcome> {
    if (this.#next !== null) return this.#next;
    const next = this.#last.then(() => {
      this.#next = null;
      return this.#runOnce();
    });
    this.#last = whenOver(next);
    return this.#next = next;
  }

  async #runOnce(): Promise<ReloadOutcome> {
    const { started, read, parts, waiting } = this.#options;
    let config: Config;
    let inUse: Config;
    let commits: Commit[];
    try {
      config = await read();
      inUse = inForce(started, config);
      commits = await stageAll(parts, inUse);
    } catch (reason) {
      const error = ParleyError.from(reason, ErrorCode.FAILED_PRECONDITION);
      log.error("the configuration is not taken, the former stays in force: {reason}", {
        reason: error.message,
      });
      throw error;
    }
    const before = this.#running;
    this.#running = inUse;
    const outcome = {
      applied: differences(before, inUse).filter((path) => !needsRestart(path)),
      waiting: [...waitingKeys(started, config), ...waiting(inUse)],
    };
    commits.forEach((commit, index) => guard(parts[index].what, commit));
    tell(outcome);
    return outcome;
  }
}

async function stageAll(parts: readonly ReloadPart[], config: Config): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (const part of parts) commits.push(await part.stage(config));
  return commits;
}

function tell({ applied, waiting }: ReloadOutcome): void {
  if (applied.length > 0) log.info("the configuration is in force: {keys}", { keys: applied });
  else log.info("the configuration was read again, and has not changed");
  if (waiting.length === 0) return;
  log.warning("the configuration differs in what only a restart can change: {changes}", {
    changes: waiting.map(({ key, running, configured }) => `${key}: ${running} → ${configured}`),
    keys: waiting.map(({ key }) => key),
  });
}
