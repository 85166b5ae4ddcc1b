/**
 * Families of metrics whose values are read from plain figures when somebody asks, and the text they make.
 *
 * The registry and the text format are prom-client's; its own counters are not used, since what they would note with
 * each message is counted as integers elsewhere. Between two families others have their turn.
 */
import { type Metric, Registry } from "prom-client";
import type { BucketCounts } from "../../ports/bucket_counts.ts";
import type { WorkTurn } from "../../ports/work_turn.ts";

/** The labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** The values of a family: one, or one with each of some labels; none when there is nothing to tell. */
export type Reading = number | null | Iterable<readonly [value: number, labels: Labels]>;

/** What a family is called, and what it tells. */
interface About {
  readonly name: string;
  readonly help: string;
}

interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** One family, as far as the registry asks for it. */
class Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly #read: () => Value[];

  constructor(about: About, type: Family["type"], read: () => Value[]) {
    this.name = about.name;
    this.help = about.help;
    this.type = type;
    this.#read = read;
  }

  get(): Promise<Pick<Family, "name" | "help" | "type"> & { values: Value[] }> {
    const { name, help, type } = this;
    return Promise.resolve({ name, help, type, values: this.#read() });
  }
}

/** The families of one server. */
export class Families {
  readonly #registry = new Registry();
  readonly #names: string[] = [];

  /** The media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The names of all families, as alert rules and dashboards may use them. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** Adds a sum that only grows; its name ends in `_total`. */
  counter(name: string, help: string, read: () => Reading): void {
    this.#add(new Family({ name, help }, "counter", () => valuesOf(read())));
  }

  /** Adds a value that goes up and down. */
  gauge(name: string, help: string, read: () => Reading): void {
    this.#add(new Family({ name, help }, "gauge", () => valuesOf(read())));
  }

  /** Adds a histogram; `scale` makes base units of what was counted: 0.001 of milliseconds. */
  histogram(about: About, counts: () => BucketCounts | null, scale = 0.001): void {
    this.#add(new Family(about, "histogram", () => bucketsOf(about.name, counts(), scale)));
  }

  /** The text of all families. */
  async text(turn: WorkTurn): Promise<string> {
    const parts: string[] = [];
    for (const name of this.#names) {
      await turn.admit();
      parts.push(await this.#registry.getSingleMetricAsString(name));
    }
    return `${parts.join("\n\n")}\n`;
  }

  #add(family: Family): void {
    this.#registry.registerMetric(family as unknown as Metric);
    this.#names.push(family.name);
  }
}

function valuesOf(reading: Reading): Value[] {
  if (reading === null) return [];
  if (typeof reading === "number") return [{ value: reading, labels: {} }];
  return Array.from(reading, ([value, labels]) => ({ value, labels }));
}

/** The values of a histogram: each bucket with those below it, as the format has them. */
function bucketsOf(name: string, counts: BucketCounts | null, scale: number): Value[] {
  if (counts === null) return [];
  const metricName = `${name}_bucket`;
  let sum = 0;
  const buckets = counts.counts.map((count, index): Value => {
    sum += count;
    const le = index < counts.bounds.length ? inBaseUnits(counts.bounds[index], scale) : "+Inf";
    return { value: sum, labels: { le }, metricName };
  });
  return [
    ...buckets,
    { value: counts.sum * scale, labels: {}, metricName: `${name}_sum` },
    { value: counts.count, labels: {}, metricName: `${name}_count` },
  ];
}

/** A bound without what multiplying adds to its digits. */
function inBaseUnits(bound: number, scale: number): number {
  return Number((bound * scale).toPrecision(12));
}
