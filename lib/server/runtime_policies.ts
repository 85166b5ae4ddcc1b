/**
 * The policies of kept topics and of queues that were set while a server ran: stored, and put over those that the
 * configuration says.
 *
 * The one rule: what was set at run time counts until it is taken back, whatever the configuration says. A policy of the
 * same pattern or name takes the place of the configuration's; any other is asked before all of them, the newest first. Of a
 * queue only what was said is stored: the rest is what the configuration says of that queue at the time, so that a secret that is
 * exchanged there is in force.
 * Invariants: stored before it is in force, in force before it is answered; what is set fits together with the
 * configuration as that has to by itself. One change at a time.
 */
import { whenOver } from "../base/detached.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { quote } from "../base/quote.ts";
import type { PolicyOrigin } from "../logic/policy_origin.ts";
import { QueuePolicies } from "../logic/queues/policies.ts";
import { KeepPolicies } from "../logic/topics/keep_policies.ts";
import type { Store, StoreRecordPage } from "../ports/store.ts";
import type { KeepFields, PolicyAdministration, QueueFields } from "../services/administration.ts";
import { committed } from "../services/kept/committed.ts";
import { POLICY_RECORDS } from "../services/shared_work.ts";
import { type Config, keepPoliciesOf, queuePoliciesOf } from "./config/config.ts";
import { deliveryFields } from "./config/access/webhooks.ts";
import { queueTable } from "./config/queue_schema.ts";
import { configSchema, keepTable } from "./config/schema.ts";

const log = logger("server");

/** The prefixes of the keys of records. */
const KEEP = `${POLICY_RECORDS}keep `;
const QUEUE = `${POLICY_RECORDS}queue `;
/** The most policies of each kind. */
const MAX_POLICIES = 1000;

type KeepTable = Config["keep"][number];
type QueueTable = Config["queue"][number];
/** What was said of a queue; the rest comes from the configuration. */
type QueueChange = Partial<QueueTable> & { readonly name: string };

/** A policy that was set, in the form of the configuration. */
interface Entry<Table> {
  readonly table: Table;
  readonly origin: PolicyOrigin;
}

/** The policies of one server that were set at run time. */
export class RuntimePolicies implements PolicyAdministration {
  /** Puts what is in force now in force. */
  apply: () => void = () => {};
  readonly #store: Store;
  readonly #wallMs: () => number;
  /** By pattern and by name; those that were set last come first. */
  #keep = new Map<string, Entry<KeepTable>>();
  #queue = new Map<string, Entry<QueueChange>>();
  #config: Config;
  #last: Promise<unknown> = Promise.resolve();
  /** The next reading of what others have set, while it has not begun. */
  #reading: Promise<void> | null = null;

  private constructor(store: Store, config: Config, wallMs: () => number) {
    this.#store = store;
    this.#config = config;
    this.#wallMs = wallMs;
  }

  /** Reads what was set before. What cannot be read any more is told in the log, and passed over. */
  static async load(store: Store, config: Config, wallMs: () => number): Promise<RuntimePolicies> {
    const policies = new RuntimePolicies(store, config, wallMs);
    await policies.#read();
    return policies;
  }

  /** Takes over what another node has set, and puts it in force. */
  reload(): Promise<void> {
    return this.#reading ??= this.#change(() => {
      this.#reading = null;
      return this.#read();
    });
  }

  async #read(): Promise<void> {
    this.#keep = await readAll(this.#store, KEEP, (text) => keepTable.parse(text));
    this.#queue = await readAll(this.#store, QUEUE, parseChange);
    const fault = faultOf(this.#merged(this.#keep, this.#queue));
    if (fault === null) return;
    log.error("policies that were set at run time do not fit the configuration: {fault}", {
      fault,
    });
  }

  /** The configuration that these are put over from now on. */
  set config(config: Config) {
    this.#config = config;
  }

  /** Raises when what was set does not fit together with `config`. */
  check(config: Config): void {
    const fault = faultOf(this.#merged(this.#keep, this.#queue, config));
    if (fault === null) return;
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot put the configuration in force with what was set at run time: ${fault}`,
      {
        accepted:
          "a configuration that fits to `parley topic policies` and `parley queue policies`",
      },
    );
  }

  /** The policies that are in force. */
  inForce(config = this.#config): { keep: KeepPolicies; queues: QueuePolicies } {
    const merged = this.#merged(this.#keep, this.#queue, config);
    const keep = keepPoliciesOf(merged).map((policy) => ({
      ...policy,
      origin: this.#keep.get(policy.pattern)?.origin,
    }));
    const queues = queuePoliciesOf(merged).map((policy) => ({
      ...policy,
      origin: this.#queue.get(policy.name)?.origin,
    }));
    return { keep: new KeepPolicies(keep), queues: new QueuePolicies(queues) };
  }

  keep(fields: KeepFields, by: string): Promise<void> {
    return this.#change(async () => {
      const { pattern, maxEvents, maxAgeMs, maxBytes, forgetAfterMs } = fields;
      const table = {
        pattern,
        max_events: maxEvents,
        max_age_ms: maxAgeMs,
        max_bytes: maxBytes,
        forget_after_ms: forgetAfterMs,
      };
      const keep = withFirst(this.#keep, pattern, this.#entry(table, by, this.#keep.get(pattern)));
      this.#checkNew(`keep ${quote(pattern)}`, keep, this.#queue);
      await this.#put(KEEP + pattern, keep.get(pattern)!);
      this.#keep = keep;
    });
  }

  unkeep(pattern: string): Promise<void> {
    return this.#change(async () => {
      if (!this.#keep.has(pattern)) {
        const isConfigured = this.#config.keep.some((policy) => policy.pattern === pattern);
        throw notSet(`take back what keeps ${quote(pattern)}`, isConfigured, "topic");
      }
      await this.#remove(KEEP + pattern);
      this.#keep = without(this.#keep, pattern);
    });
  }

  setQueue(name: string, fields: QueueFields, by: string): Promise<void> {
    return this.#change(async () => {
      const table = { name, ...this.#queue.get(name)?.table, ...definedOf(fields) };
      const queue = withFirst(this.#queue, name, this.#entry(table, by, this.#queue.get(name)));
      this.#checkNew(`set up ${quote(name)}`, this.#keep, queue);
      await this.#put(QUEUE + name, queue.get(name)!);
      this.#queue = queue;
    });
  }

  unsetQueue(name: string): Promise<void> {
    return this.#change(async () => {
      if (!this.#queue.has(name)) {
        const isConfigured = this.#config.queue.some((table) => table.name === name);
        throw notSet(`take back how ${quote(name)} is set up`, isConfigured, "queue");
      }
      await this.#remove(QUEUE + name);
      this.#queue = without(this.#queue, name);
    });
  }

  hasQueue(name: string): boolean {
    return this.#queue.has(name);
  }

  setsDelivery(name: string): boolean {
    const { table } = this.#queue.get(name) ?? {};
    return table !== undefined && Object.keys(deliveryFields).some((field) => field in table);
  }

  /** Does a change after those before it, and puts it in force. */
  #change(change: () => Promise<void>): Promise<void> {
    const changed = this.#last.then(async () => {
      await change();
      this.apply();
    });
    this.#last = whenOver(changed);
    return changed;
  }

  #entry<Table>(table: Table, by: string, before: Entry<Table> | undefined): Entry<Table> {
    // What is changed keeps its place.
    const setMs = before?.origin.setMs ?? Math.floor(this.#wallMs());
    return { table, origin: { kind: "run time", setMs, by } };
  }

  #checkNew(
    action: string,
    keep: ReadonlyMap<string, Entry<KeepTable>>,
    queue: ReadonlyMap<string, Entry<QueueChange>>,
  ): void {
    if (keep.size > MAX_POLICIES || queue.size > MAX_POLICIES) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot ${action}: ${MAX_POLICIES} policies were set at run time`,
        { accepted: "another one once one was taken back, or one in the configuration" },
      );
    }
    const fault = faultOf(this.#merged(keep, queue));
    if (fault !== null) {
      throw invalidArgument(`cannot ${action}: ${fault}`, {
        accepted: "what a [[keep]] or [[queue]] of the configuration may say",
      });
    }
  }

  #merged(
    keep: ReadonlyMap<string, Entry<KeepTable>>,
    queue: ReadonlyMap<string, Entry<QueueChange>>,
    config = this.#config,
  ): Config {
    const whole = new Map([...queue].map(([name, { table, origin }]) => {
      const configured = config.queue.find((table) => table.name === name);
      return [name, { origin, table: { ...configured ?? queueTable.parse({ name }), ...table } }];
    }));
    return {
      ...config,
      keep: over(keep, config.keep, ({ pattern }) => pattern),
      queue: over(whole, config.queue, ({ name }) => name),
    };
  }

  #put<Table>(key: string, entry: Entry<Table>): Promise<void> {
    const value = new TextEncoder().encode(JSON.stringify(entry));
    return committed((ticket) => void this.#store.put(key, value, -1, ticket));
  }

  #remove(key: string): Promise<void> {
    return committed((ticket) => this.#store.remove(key, -1, ticket));
  }
}

/** What was set in front of what is configured, or in the place of what has the same name there. */
function over<Table>(
  set: ReadonlyMap<string, Entry<Table>>,
  configured: readonly Table[],
  nameOf: (table: Table) => string,
): Table[] {
  const names = new Set(configured.map(nameOf));
  const added = [...set].filter(([name]) => !names.has(name)).map(([, { table }]) => table);
  return [...added, ...configured.map((table) => set.get(nameOf(table))?.table ?? table)];
}

/** The entries with one more, or another one: those that were set last come first. */
function withFirst<Table>(
  entries: ReadonlyMap<string, Entry<Table>>,
  name: string,
  entry: Entry<Table>,
): Map<string, Entry<Table>> {
  if (entries.has(name)) return new Map(entries).set(name, entry);
  return new Map([[name, entry], ...entries]);
}

function without<Table>(
  entries: ReadonlyMap<string, Entry<Table>>,
  name: string,
): Map<string, Entry<Table>> {
  const left = new Map(entries);
  left.delete(name);
  return left;
}

/** What is wrong with a configuration as a whole; null when nothing is. */
function faultOf(config: Config): string | null {
  const result = configSchema.safeParse(structuredClone(config));
  if (result.success) return null;
  const [{ path, message }] = result.error.issues;
  return `${path.filter((part) => typeof part === "string").join(".")}: ${message}`;
}

/** Reads the records behind a prefix, the newest first. */
async function readAll<Table>(
  store: Store,
  prefix: string,
  parse: (table: unknown) => Table,
): Promise<Map<string, Entry<Table>>> {
  const found: { name: string; entry: Entry<Table> }[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: StoreRecordPage = await store.list(prefix, after, MAX_POLICIES);
    after = page.after;
    for (const { key, value } of page.records) {
      try {
        const { table, origin } = JSON.parse(
          new TextDecoder("utf-8", { ignoreBOM: true }).decode(value),
        );
        found.push({ name: key.slice(prefix.length), entry: { table: parse(table), origin } });
      } catch (reason) {
        log.error("cannot read a policy that was set at run time, {key}: {reason}", {
          key,
          reason: (reason as Error).message,
        });
      }
    }
  }
  found.sort((one, other) => (other.entry.origin.setMs ?? 0) - (one.entry.origin.setMs ?? 0));
  return new Map(found.map(({ name, entry }) => [name, entry]));
}

/** The fields that are there, as the configuration names them. */
/** Reads what was said of a queue. Raises when the schema does not allow it. */
function parseChange(said: unknown): QueueChange {
  const fields = said as QueueChange;
  // What belongs together may stand in the configuration, which is not known here.
  for (const [field, value] of Object.entries(fields)) {
    const alone = queueTable.shape[field as keyof QueueTable];
    if (alone === undefined) throw new Error(`there is no field ${quote(field)}`);
    alone.parse(value);
  }
  return fields;
}

function definedOf(fields: QueueFields): Partial<QueueTable> {
  const tables = {
    bind: fields.bind === undefined ? undefined : [...fields.bind],
    lease_ms: fields.leaseMs,
    max_deliveries: fields.maxDeliveries,
    backoff_min_ms: fields.backoffMinMs,
    backoff_max_ms: fields.backoffMaxMs,
    max_jobs: fields.maxJobs,
    max_bytes: fields.maxBytes,
    when_full: fields.whenFull,
    ordered: fields.ordered,
    deliver_to: fields.deliverTo,
    deliver_secret: fields.deliverSecrets === undefined ? undefined : [...fields.deliverSecrets],
    deliver_at_once: fields.deliverAtOnce,
  };
  return Object.fromEntries(Object.entries(tables).filter(([, value]) => value !== undefined));
}

function notSet(action: string, isConfigured: boolean, what: string): ParleyError {
  if (isConfigured) {
    return new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot ${action}: the configuration says it, and nothing was set at run time`,
      { accepted: "another configuration, and `parley reload`" },
    );
  }
  return new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot ${action}: nothing of it was set at run time`,
    {
      accepted: `what \`parley ${what} policies\` tells of`,
    },
  );
}
