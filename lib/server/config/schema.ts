/**
 * The configuration's one schema: it gives the types, the checks, the defaults, the JSON Schema and
 * docs/configuration.md.
 *
 * Invariants: only what exists may be set, so unknown keys are refused; whatever passes satisfies
 * `assertLimits` and `assertStoreLimits`. The tables of limits and of queues have files of their own.
 * Where values come from is not known here (config.ts), nor how errors read (config_errors.ts).
 */
import { z } from "zod";
import { LOG_CATEGORIES, type LogCategory } from "../../base/log.ts";
import { ADDRESS_FORM, MAX_UNIX_PATH_BYTES, parseListenAddress } from "./address.ts";
import { checkHost, checkOrigin } from "../../adapters/http/guard.ts";
import type { KeepPolicy } from "../../logic/topics/keep_policies.ts";
import { checkRoomName } from "../../logic/rooms/room.ts";
import { patternFault } from "../../logic/topics/pattern.ts";
import { clusterSchema } from "../cluster/schema.ts";
import { authSchema, rolesSchema, usersSchema } from "./access_schema.ts";
import { listOf, whole } from "./fields.ts";
import { consoleSchema } from "../console/schema.ts";
import { limitsSchema } from "./limits_schema.ts";
import { monitoringSchema, tracingSchema } from "../monitoring/schema.ts";
import { drainSchema, networkLists } from "./access/network_lists.ts";
import { queueSchema } from "./queue_schema.ts";
import { checkRelations } from "./relations.ts";
import { storeSchema } from "./store_schema.ts";
import { typesSchema } from "./types_schema.ts";
import { webhooksSchema } from "./access/webhooks.ts";
import { tlsSchema } from "./tls_schema.ts";

/** The levels of a log, from all to little. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** The ways to write a log. */
export const LOG_FORMATS = ["auto", "json", "pretty"] as const;

function checkUnixPath(path: string): void {
  const bytes = new TextEncoder().encode(path).length;
  if (bytes > MAX_UNIX_PATH_BYTES) {
    throw new Error(
      `${
        JSON.stringify(path)
      } has ${bytes} bytes, but the path of a socket has at most ${MAX_UNIX_PATH_BYTES}`,
    );
  }
}

const addresses = () => listOf(parseListenAddress);

const listenSchema = z.strictObject({
  tcp: addresses().prefault("localhost:7311").describe(
    "Where clients connect: messages with a varint length before each.",
  ),
  tls: addresses().prefault("").describe(
    "Where clients connect under TLS, with the framing of tcp; localhost:7314 is the usual place. Needs a certificate.",
  ),
  raw: addresses().prefault("localhost:7312").describe(
    "Where clients without framing connect: bare messages, or four bytes of length before each.",
  ),
  http: addresses().prefault("localhost:7380").describe(
    "Where browsers connect, and programs that have only HTTP: WebSockets at /ws, requests at /v1, and GET /healthz, /readyz and /metrics.",
  ),
  text: addresses().prefault("localhost:7313").describe(
    "Where people chat with nothing installed: lines of text, for nc and telnet.",
  ),
  text_classic: addresses().prefault("").describe(
    "Where at most 10 people chat as the classic chat exercise has it, with its greeting; localhost:8989 is the usual place.",
  ),
  unix: listOf(checkUnixPath).prefault("").describe(
    "Paths of unix sockets, with the framing of tcp. Who may connect is a matter of the directory.",
  ),
  hosts: listOf(checkHost).prefault("").describe(
    "Further names that requests to http may have in their Host header. Those of this machine always " +
      "may; on an address that others can reach every name may, unless there are some here.",
  ),
  origins: listOf(checkOrigin).prefault("").describe(
    'Origins whose pages may connect to http, like "https://app.example.com". Pages that this very ' +
      'address gives always may. "*" is every origin, and only with insecure.',
  ),
  ...networkLists,
}).prefault({}).describe(
  "Where the server listens, and to whom. Each is one value or a list of them; an empty string or list turns the " +
    `listener off. Addresses are ${ADDRESS_FORM}; localhost means 127.0.0.1 and ::1 both, and port ` +
    "0 any free port.",
);

const level = () => z.enum(LOG_LEVELS);

const levelsShape = Object.fromEntries(
  LOG_CATEGORIES.map((name) => [
    name,
    level().optional().describe(`The least level of the category ${name}, if not log.level.`),
  ]),
) as Record<LogCategory, z.ZodOptional<ReturnType<typeof level>>>;

const logSchema = z.strictObject({
  level: level().default("info").describe("The least level that is logged."),
  format: z.enum(LOG_FORMATS).default("auto").describe(
    "How log lines look: JSON, or for people. auto means pretty on a terminal, otherwise json.",
  ),
  levels: z.strictObject(levelsShape).prefault({}).describe("Other levels for single categories."),
}).prefault({}).describe("The log, which goes to standard error.");

const chatSchema = z.strictObject({
  first_room: z.string().default("lobby").superRefine((name, context) => {
    try {
      checkRoomName(name);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  }).describe("The room that people on the text listener come into first."),
}).prefault({}).describe("Rooms in which people talk.");

/** The schema of one table of `[[keep]]`. */
export const keepTable = z.strictObject({
  pattern: z.string().describe('The topics that are kept, like "orders.>".'),
  max_events: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "The most events of each topic; 0 for no limit.",
  ),
  max_age_ms: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "The greatest age of an event; 0 for no limit. In milliseconds.",
  ),
  max_bytes: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "The most bytes of all events of each topic; 0 for no limit.",
  ),
  forget_after_ms: whole(
    0,
    0,
    Number.MAX_SAFE_INTEGER,
    "How long a topic may hold no event before its name is forgotten, so that it counts no longer for " +
      "store.max_kept_topics; 0 for never, otherwise at least store.dedup_window_ms. In milliseconds.",
  ),
});

const keepSchema = z.array(keepTable).superRefine((policies, context) => {
  for (const [index, { pattern }] of policies.entries()) {
    const fault = patternFault(pattern);
    if (fault === null) continue;
    context.addIssue({ code: "custom", message: fault, path: [index, "pattern"] });
  }
}).default([]).describe(
  "Topics whose events are kept: durable, numbered and replayable. Of several policies that match a " +
    "topic the first decides.",
);

/** The schema of parley.toml. */
export const configSchema = z.strictObject({
  insecure: z.boolean().default(false).describe(
    "Allows addresses that other machines can reach, although anybody may then use the server.",
  ),
  data: z.string().default("./parley-data").describe(
    "The directory in which kept topics, rooms and queues are stored. Empty keeps them in memory only.",
  ),
  keep: keepSchema,
  queue: queueSchema,
  webhooks: webhooksSchema,
  types: typesSchema,
  chat: chatSchema,
  listen: listenSchema,
  cluster: clusterSchema,
  limits: limitsSchema,
  drain: drainSchema,
  store: storeSchema,
  monitoring: monitoringSchema,
  tracing: tracingSchema,
  console: consoleSchema,
  tls: tlsSchema,
  auth: authSchema,
  users: usersSchema,
  roles: rolesSchema,
  log: logSchema,
}).superRefine(checkRelations);

/** A complete and consistent configuration; its keys are those of parley.toml. */
export type Config = z.output<typeof configSchema>;

/** What may be written into parley.toml: everything is optional. */
export type ConfigInput = z.input<typeof configSchema>;

/** The part of the configuration that is about logging. */
export type LogConfig = Config["log"];

/** The policies of kept topics as the rest of the server names them; 0 sets no bound. */
export function keepPoliciesOf(config: Config): KeepPolicy[] {
  return config.keep.map((policy) => ({
    pattern: policy.pattern,
    maxEvents: policy.max_events || undefined,
    maxAgeMs: policy.max_age_ms || undefined,
    maxBytes: policy.max_bytes || undefined,
    forgetAfterMs: policy.forget_after_ms || undefined,
  }));
}
