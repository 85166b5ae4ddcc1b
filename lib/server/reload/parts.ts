/**
 * The parts of a server that go by another configuration while it runs, in the order in which they take it over.
 *
 * Each prepares what it needs before anything is put in force. What a part knows by the limits of the context, which
 * are one object for the life of the server, it needs not be told of.
 */
import { assertLimits } from "../../base/limits.ts";
import { TypeRules } from "../../logic/types/type_rules.ts";
import type { WaitingKey } from "../../services/administration.ts";
import type { Session } from "../../services/connection/session.ts";
import { posterOf } from "../config/access/webhooks.ts";
import { type Config, limitsOf, typeRulesOf } from "../config/config.ts";
import type { LogLevels } from "../log_levels.ts";
import type { ServerParts } from "../parts.ts";
import type { Commit, ReloadPart } from "./reload.ts";
import { wantsTls } from "../tls.ts";

/** At most so many queues are named that are ordered otherwise. */
const MAX_NAMED_QUEUES = 20;

/** What changes while a server runs. */
interface Changing {
  readonly started: Config;
  readonly sessions: ReadonlySet<Session>;
  readonly log: LogLevels;
  /** Told where clients are pointed to when the server stops. */
  readonly hint: (urls: readonly string[]) => void;
  /** Told what the console shows of the environment. */
  readonly console: (config: Config["console"]) => void;
}

/** The parts of a server that follow its configuration. */
export function reloadParts(
  parts: ServerParts,
  { started, sessions, log, hint, console }: Changing,
): ReloadPart[] {
  const { context, features, policies, edge, users, tls } = parts;
  let present = started;
  const written = (config: Config) => JSON.stringify([config.keep, config.queue]);
  return [
    {
      what: "set the log up",
      stage: ({ log: config }): Commit => () => log.follow(config),
    },
    {
      what: "note where clients are pointed to",
      stage: ({ drain }): Commit => () => hint(drain.hint),
    },
    {
      what: "name the environment",
      stage: (config): Commit => () => console(config.console),
    },
    {
      what: "put limits in force",
      stage(config): Commit {
        const limits = limitsOf(config);
        assertLimits(limits);
        return () => {
          context.setLimits(limits);
          features.takeLimits();
          for (const session of sessions) session.takeLimits();
        };
      },
    },
    {
      what: "put certificates in use",
      stage: (config) => tls === null || !wantsTls(config) ? () => {} : tls.stage(config),
    },
    {
      what: "put lists of addresses in force",
      stage: ({ listen }) => edge.stage(listen, sessions),
    },
    {
      what: "put policies in force",
      stage(config): Commit {
        policies.check(config);
        return () => {
          policies.config = config;
          if (written(config) === written(present)) return;
          const { keep, queues } = policies.inForce();
          features.follow(keep, queues, sessions);
        };
      },
    },
    {
      what: "post jobs by other settings",
      async stage(config): Promise<Commit> {
        const poster = await posterOf(config, () => context.clock.wallMs());
        return () => features.webhooks?.follow({ poster, maxAtOnce: config.webhooks.max_at_once });
      },
    },
    {
      what: "put the types of topics, queues and methods in force",
      stage(config): Commit {
        const rules = new TypeRules(typeRulesOf(config));
        return () => features.holdTo(rules);
      },
    },
    // Last of those that can fail: what it reads it may need from then on.
    { what: "put users in force", stage: (config) => users.stage(config) },
    { what: "note the configuration", stage: (config): Commit => () => void (present = config) },
  ];
}

/** The queues that are there and stay ordered, or not, as they are: until a restart, whatever `config` says. */
export function queuesThatWait(
  { features, policies }: ServerParts,
  config: Config,
): WaitingKey[] {
  const { queues } = policies.inForce(config);
  const waiting: WaitingKey[] = [];
  for (const { name, machine: { options: { ordered } } } of features.queues?.all() ?? []) {
    const configured = queues.optionsOf(name).ordered;
    if (configured === ordered) continue;
    waiting.push({
      key: `queue ${JSON.stringify(name)}: ordered`,
      running: `${ordered}`,
      configured: `${configured}`,
    });
    if (waiting.length === MAX_NAMED_QUEUES) break;
  }
  return waiting;
}
