/**
 * What must hold between the values of a configuration, each of which is fine by itself.
 *
 * Every relation that `assertLimits` and `assertStoreLimits` assert is here, so that a user reads a
 * sentence and never sees a broken invariant. An issue names all the keys that take part (`params.paths`): the one that the user
 * set is then blamed, not the default it collides with.
 */
import { accessFaults, type AccessTables, type AuthTable } from "./access_schema.ts";
import { isLoopback, parseListenAddress } from "./address.ts";
import { BURSTS } from "./rate_schema.ts";
import { type ClusterConfig, clusterFaults } from "../cluster/schema.ts";
import { hasJwtKeys, type JwtConfig, jwtFaults } from "./access/jwt.ts";
import { queueFault } from "./queue_schema.ts";
import { type DeliveryTable, webhookFaults, type WebhooksTable } from "./access/webhooks.ts";
import { tlsFaults, type TlsValues } from "./tls_schema.ts";

/** The values that relations look at. */
interface Related extends TlsValues, AccessTables {
  readonly auth: AuthTable & { readonly users_file: string; readonly jwt: JwtConfig };
  readonly insecure: boolean;
  readonly cluster: ClusterConfig;
  readonly keep: readonly { readonly pattern: string; readonly forget_after_ms: number }[];
  readonly queue: readonly (DeliveryTable & {
    readonly name: string;
    readonly bind: readonly string[];
  })[];
  readonly webhooks: WebhooksTable;
  readonly listen: {
    readonly tcp: readonly string[];
    readonly tls: readonly string[];
    readonly raw: readonly string[];
    readonly http: readonly string[];
    readonly text: readonly string[];
    readonly text_classic: readonly string[];
    readonly unix: readonly string[];
    readonly origins: readonly string[];
  };
  readonly limits: Readonly<Record<string, number>>;
  readonly store: Readonly<Record<string, number>>;
}

/** What zod hands to a refinement, as far as it is used here. */
interface IssueSink {
  addIssue(issue: {
    code: "custom";
    message: string;
    path: (string | number)[];
    params: { paths: (string | number)[][] };
  }): void;
}

/** What must hold between some values, each named by its table and key. */
interface Relation {
  readonly paths: readonly string[];
  holds(...values: number[]): boolean;
  rule(...values: number[]): string;
}

const RELATIONS: readonly Relation[] = [
  {
    paths: ["limits.max_outbox_bytes", "limits.max_frame_bytes"],
    holds: (outbox, frame) => outbox >= 2 * frame,
    rule: (outbox, frame) =>
      `max_outbox_bytes (${outbox}) must be at least twice max_frame_bytes (${frame}), so ${
        2 * frame
      }`,
  },
  {
    paths: ["limits.max_input_total_bytes", "limits.max_frame_bytes"],
    holds: (input, frame) => input >= 2 * frame,
    rule: (input, frame) =>
      `max_input_total_bytes (${input}) must be at least twice max_frame_bytes (${frame}), so ${
        2 * frame
      }`,
  },
  below("limits", "outbox_high_water_bytes", "max_outbox_bytes"),
  notAbove("limits", "max_outbox_bytes", "max_outbox_total_bytes"),
  notAbove("limits", "call_timeout_ms", "max_call_timeout_ms"),
  below("limits", "ping_interval_ms", "ping_timeout_ms"),
  below("limits", "drain_quiet_ms", "drain_ms"),
  notAbove("limits", "linger_ms", "drain_ms"),
  ...BURSTS.map(([burst, rate]) => needs(burst, rate)),
  below("store", "max_batch_bytes", "max_pending_bytes"),
  {
    // Otherwise an event that is no larger than a frame may be could never be kept.
    paths: ["store.max_pending_bytes", "limits.max_frame_bytes"],
    holds: (pending, frame) => pending >= 2 * frame,
    rule: (pending, frame) =>
      `max_pending_bytes (${pending}) must be at least twice limits.max_frame_bytes (${frame}), so ${
        2 * frame
      }`,
  },
  {
    paths: [
      "store.max_records_bytes",
      "store.max_record_key_bytes",
      "store.max_record_value_bytes",
    ],
    holds: (all, key, value) => all >= key + value,
    rule: (all, key, value) =>
      `max_records_bytes (${all}) must be at least max_record_key_bytes (${key}) and ` +
      `max_record_value_bytes (${value}) together, so ${key + value}`,
  },
];

/** A burst is one of a rate. */
function needs(burst: string, rate: string): Relation {
  return {
    paths: [`limits.${burst}`, `limits.${rate}`],
    holds: (atOnce, perSecond) => atOnce === 0 || perSecond > 0,
    rule: (atOnce) => `${burst} (${atOnce}) has no effect without ${rate}; set both, or neither`,
  };
}

function below(table: string, first: string, second: string): Relation {
  return {
    paths: [`${table}.${first}`, `${table}.${second}`],
    holds: (lesser, greater) => lesser < greater,
    rule: (lesser, greater) => `${first} (${lesser}) must be less than ${second} (${greater})`,
  };
}

function notAbove(table: string, first: string, second: string): Relation {
  return {
    paths: [`${table}.${first}`, `${table}.${second}`],
    holds: (lesser, greater) => lesser <= greater,
    rule: (lesser, greater) => `${first} (${lesser}) must not be more than ${second} (${greater})`,
  };
}

/** Reports every relation that does not hold. */
export function checkRelations(config: Related, issues: IssueSink): void {
  for (const { paths, holds, rule } of RELATIONS) {
    const parts = paths.map((path) => path.split("."));
    const values = parts.map(([table, key]) => config[table as "limits" | "store"][key]);
    if (!holds(...values)) report(issues, rule(...values), parts);
  }
  checkForgetting(config, issues);
  checkQueues(config, issues);
  for (const { index, message } of webhookFaults(config)) {
    report(issues, message, [["queue", index, "deliver_to"]]);
  }
  checkListeners(config, issues);
  checkAccess(config, issues);
  const faults = [...tlsFaults(config), ...jwtFaults(config.auth.jwt), ...clusterFaults(config)];
  for (const { message, paths } of faults) {
    report(issues, message, paths.map((path) => [...path]));
  }
}

/** A name that is forgotten takes the message_ids that were seen under it along. */
function checkForgetting({ keep, store }: Related, issues: IssueSink): void {
  for (const [index, { forget_after_ms: after }] of keep.entries()) {
    if (after === 0 || after >= store.dedup_window_ms) continue;
    report(
      issues,
      `forget_after_ms (${after}) must be 0 or at least store.dedup_window_ms ` +
        `(${store.dedup_window_ms}): with a name its message_ids are forgotten`,
      [["keep", index, "forget_after_ms"], ["store", "dedup_window_ms"]],
    );
  }
}

function checkQueues({ queue: queues, limits }: Related, issues: IssueSink): void {
  const { max_topic_bytes: maxTopicBytes, max_topic_levels: maxTopicLevels } = limits;
  for (const [index, queue] of queues.entries()) {
    const fault = queueFault(queue, { maxTopicBytes, maxTopicLevels });
    if (fault === null) continue;
    report(issues, fault.message, [
      ["queue", index, fault.field],
      ["limits", "max_topic_bytes"],
      ["limits", "max_topic_levels"],
    ]);
  }
}

function checkListeners(config: Related, issues: IssueSink): void {
  const listen = config.listen;
  const keys = ["tcp", "tls", "raw", "http", "text", "text_classic", "unix"] as const;
  if (keys.every((key) => listen[key].length === 0) && !config.tls.dev) {
    const message = "there is no address to listen on; set tcp, tls, raw, http, text or unix";
    report(issues, message, keys.map((key) => ["listen", key]));
  }
  if (config.insecure) return;
  if (listen.origins.includes("*")) {
    const message =
      '"*" lets every page on the web connect; use --insecure (insecure = true) or list ' +
      "the origins that may";
    report(issues, message, [["listen", "origins"]]);
  }
  if (hasUsers(config)) return;
  for (const key of ["tcp", "tls", "raw", "http", "text", "text_classic"] as const) {
    for (const address of listen[key]) {
      if (isLoopback(parseListenAddress(address).hostname)) continue;
      report(
        issues,
        `${
          JSON.stringify(address)
        } can be reached by other machines, and no users are configured; ` +
          "use --insecure (insecure = true) or configure a loopback address such as " +
          `"localhost:${parseListenAddress(address).port}"`,
        [["listen", key]],
      );
    }
  }
}

/** Whether everybody has to say who they are, or counts as a guest. */
export function hasUsers({ users, auth }: Pick<Related, "users" | "auth">): boolean {
  return users.length > 0 || auth.users_file !== "" || hasJwtKeys(auth.jwt);
}

/** Users and roles; what a file of users adds to them is checked when that is read. */
function checkAccess(config: Related, issues: IssueSink): void {
  const { users_file: usersFile, guest_role: guestRole } = config.auth;
  if (guestRole !== "" && !hasUsers(config)) {
    const message = "guest_role is of no use without users: then everybody may do everything; " +
      "add [[users]], or set auth.users_file or the keys of auth.jwt";
    report(issues, message, [["auth", "guest_role"]]);
  }
  if (config.auth.callout !== "" && config.users.length === 0 && usersFile === "") {
    const message = "the service of callout comes in as a user that is configured itself; " +
      "add [[users]] or set auth.users_file";
    report(issues, message, [["auth", "callout"]]);
  }
  if (usersFile !== "") return;
  for (const { message, path } of accessFaults(config, config.auth)) {
    report(issues, message, [[...path]]);
  }
}

function report(issues: IssueSink, message: string, paths: (string | number)[][]): void {
  issues.addIssue({ code: "custom", message, path: paths[0], params: { paths } });
}
