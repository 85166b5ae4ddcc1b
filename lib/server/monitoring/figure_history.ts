/**
 * Figures over the last minutes and hours, in fixed memory: one row a step, the newest in the place of the oldest.
 *
 * Sums become rates, levels their average, peaks the greatest value, and times the average of what was noted within the
 * step. A tick that comes late stands for all the steps that have passed; after a long pause those are not a number. The
 * clock is an argument. Pure.
 */

/** One figure, and how it is read at a tick. */
export type Figure =
  | { readonly name: string; readonly kind: "rate" | "level" | "peak"; readonly read: () => number }
  | {
    readonly name: string;
    readonly kind: "mean";
    /** All values together, and their number, since some time in the past. */
    readonly read: () => { readonly sum: number; readonly count: number };
  };

/** The values of a figure over time. */
export interface FigureSeries {
  readonly name: string;
  readonly kind: Figure["kind"];
  /** The oldest first; not a number where nothing was noted. */
  readonly values: Float32Array;
}

/** What was noted with one step. */
export interface StepHistory {
  readonly stepMs: number;
  /** When the last row was noted, by the clock of the ticks; 0 when there is none. */
  readonly lastMs: number;
  readonly series: readonly FigureSeries[];
}

/** A step, and for how many of them there is room. */
interface Step {
  readonly stepMs: number;
  readonly rows: number;
}

/** The steps that are noted: a few seconds for a quarter of an hour, a minute for a day. */
export const FINE_STEP: Step = Object.freeze({ stepMs: 2000, rows: 450 });
export const COARSE_STEP: Step = Object.freeze({ stepMs: 60_000, rows: 1440 });

/** A pause of so many steps has no values: nobody was there to read them. */
const MAX_FILLED_STEPS = 5;
/** A tick that is early by so much counts for its step: timers are not exact. */
const EARLY_MS = FINE_STEP.stepMs / 4;

/** What a tick reads of all figures. */
interface Read {
  /** The value of each figure; of a mean the sum. */
  readonly values: Float64Array;
  /** The counts of the means. */
  readonly counts: Float64Array;
}

/** The rows of one step. */
class Rows {
  readonly stepMs: number;
  readonly #rows: number;
  readonly #figures: readonly Figure[];
  /** Row by row. */
  readonly #values: Float32Array;
  readonly #row: Float32Array;
  /** Sums and counts at the last row; what gathers of levels and peaks since. */
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;
  #ticks = 0;
  #next = 0;
  #size = 0;
  #sinceMs: number;
  lastMs = 0;

  constructor(figures: readonly Figure[], step: Step, first: Read | null, nowMs: number) {
    this.stepMs = step.stepMs;
    this.#rows = step.rows;
    this.#figures = figures;
    this.#values = new Float32Array(step.rows * figures.length);
    this.#row = new Float32Array(figures.length);
    this.#sums = new Float64Array(figures.length);
    this.#counts = new Float64Array(figures.length);
    this.#sinceMs = nowMs;
    if (first !== null) this.#begin(first);
    else {
      // Sums began with 0, and so did levels: a row says so.
      this.#put();
      this.lastMs = nowMs;
    }
  }

  note(read: Read, nowMs: number): void {
    this.#gather(read);
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < this.stepMs - EARLY_MS) return;
    const steps = Math.max(1, Math.round(passedMs / this.stepMs));
    this.#finish(read, passedMs / 1000);
    // What nobody looked at is not made up; the last step is told all the same.
    if (steps > MAX_FILLED_STEPS) {
      const last = this.#row.slice();
      this.#row.fill(NaN);
      for (let step = Math.min(steps, this.#rows); step > 1; step--) this.#put();
      this.#row.set(last);
      this.#put();
    } else for (let step = 0; step < steps; step++) this.#put();
    this.lastMs = this.#sinceMs = nowMs;
    this.#begin(read);
  }

  /** The last values of the figure in that place, at most `most`. */
  last(place: number, most: number): Float32Array {
    const length = Math.min(this.#size, most);
    const values = new Float32Array(length);
    const width = this.#figures.length;
    for (let index = 0; index < length; index++) {
      const row = (this.#next - length + index + this.#rows) % this.#rows;
      values[index] = this.#values[row * width + place];
    }
    return values;
  }

  #gather({ values }: Read): void {
    this.#ticks++;
    this.#figures.forEach(({ kind }, place) => {
      if (kind === "level") this.#sums[place] += values[place];
      if (kind === "peak") this.#sums[place] = Math.max(this.#sums[place], values[place]);
    });
  }

  /** Makes the row of what has gathered. */
  #finish({ values, counts }: Read, seconds: number): void {
    this.#figures.forEach(({ kind }, place) => {
      const before = this.#sums[place];
      // A sum that went back belongs to something that was made anew.
      const grown = Math.max(0, values[place] - before);
      const noted = counts[place] - this.#counts[place];
      this.#row[place] = kind === "rate"
        ? grown / seconds
        : kind === "level"
        ? before / this.#ticks
        : kind === "peak"
        ? before
        : noted > 0
        ? grown / noted
        : NaN;
    });
  }

  #begin({ values, counts }: Read): void {
    this.#ticks = 0;
    this.#figures.forEach(({ kind }, place) => {
      this.#sums[place] = kind === "rate" || kind === "mean" ? values[place] : 0;
      this.#counts[place] = counts[place];
    });
  }

  #put(): void {
    this.#values.set(this.#row, this.#next * this.#figures.length);
    this.#next = (this.#next + 1) % this.#rows;
    this.#size = Math.min(this.#size + 1, this.#rows);
  }
}

/** The history of some figures, with both steps. */
export class FigureHistory {
  readonly #figures: readonly Figure[];
  readonly #read: Read;
  readonly #fine: Rows;
  readonly #coarse: Rows;

  /**
   * Begins at `nowMs`, by a clock that only goes forward. With `fromNothing` everything was 0 then: what a figure is at the
   * first tick is what it has become since, and the first row has zeros.
   */
  constructor(figures: readonly Figure[], nowMs: number, fromNothing = false) {
    this.#figures = figures;
    this.#read = {
      values: new Float64Array(figures.length),
      counts: new Float64Array(figures.length),
    };
    this.#look();
    const first = fromNothing ? null : this.#read;
    this.#fine = new Rows(figures, FINE_STEP, first, nowMs);
    this.#coarse = new Rows(figures, COARSE_STEP, first, nowMs);
  }

  /** Reads all figures. To be called once a fine step. */
  tick(nowMs: number): void {
    this.#look();
    this.#fine.note(this.#read, nowMs);
    this.#coarse.note(this.#read, nowMs);
  }

  /** The last values, at most `most` of each, with the fine step or the coarse one; `names` are those wanted, or null for all. */
  last(isFine: boolean, names: ReadonlySet<string> | null, most = Infinity): StepHistory {
    const rows = isFine ? this.#fine : this.#coarse;
    const series = this.#figures.flatMap(({ name, kind }, place) =>
      names === null || names.has(name) ? [{ name, kind, values: rows.last(place, most) }] : []
    );
    return { stepMs: rows.stepMs, lastMs: rows.lastMs, series };
  }

  #look(): void {
    const { values, counts } = this.#read;
    this.#figures.forEach((figure, place) => {
      if (figure.kind === "mean") {
        const { sum, count } = figure.read();
        values[place] = sum;
        counts[place] = count;
      } else values[place] = figure.read();
    });
  }
}
