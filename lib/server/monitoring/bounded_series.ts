/**
 * Chooses which of many names get series of their own: the most active ones, a bounded number; the rest is told as one.
 *
 * Invariants: at most `most` names have series; what a series tells never goes down while its name has one, and neither
 * does what the rest tells, whoever joins or leaves it. A name that gets its series late begins at what was not told
 * as part of the rest. Names change places only from time to time, so that a series is worth following.
 */

/** One who may get series. */
export interface Candidate {
  readonly name: string;
  /** Sums since it is there, always of the same kinds; the first says how active it is. */
  readonly values: readonly number[];
}

/** What is told. */
export interface Told {
  /** Those with series of their own. */
  readonly shown: readonly Candidate[];
  /** The sums of all others. */
  readonly rest: readonly number[];
}

/** The name under which the rest is told. One who has it counts with the rest. */
export const REST = "other";

/** How often names change places. */
const CHOOSE_INTERVAL_MS = 60_000;

interface Standing {
  isShown: boolean;
  /** What was told as part of the rest. */
  base: readonly number[];
  last: readonly number[];
  /** How active it had been when names last changed places. */
  mark: number;
  round: number;
}

/** The series of one kind of things. */
export class BoundedSeries {
  readonly #most: number;
  readonly #rest: number[];
  readonly #standings = new Map<string, Standing>();
  #shown = 0;
  #round = 0;
  #choseMs = -Infinity;

  /** `kinds` is how many values each candidate has. */
  constructor(most: number, kinds: number) {
    this.#most = most;
    this.#rest = new Array<number>(kinds).fill(0);
  }

  /** Takes what all candidates have come to by now, and gives what is to be told of them. */
  tell(candidates: readonly Candidate[], nowMs: number): Told {
    this.#round++;
    for (const { name, values } of candidates) this.#enter(name, values);
    this.#forgetGone();
    this.#fill(candidates);
    if (nowMs - this.#choseMs >= CHOOSE_INTERVAL_MS) {
      this.#choseMs = nowMs;
      this.#chooseAnew(candidates);
    }
    const shown: Candidate[] = [];
    for (const { name, values } of candidates) {
      const standing = this.#standings.get(name)!;
      if (standing.isShown) {
        shown.push({ name, values: values.map((value, index) => value - standing.base[index]) });
      } else this.#addToRest(standing, values);
    }
    return { shown, rest: [...this.#rest] };
  }

  /** Adds to what the rest tells: of those that are no candidates. */
  addToRest(values: readonly number[]): void {
    values.forEach((value, index) => this.#rest[index] += value);
  }

  #enter(name: string, values: readonly number[]): void {
    const standing = this.#standings.get(name);
    // What was removed and made anew begins at nothing.
    if (standing === undefined || values.some((value, index) => value < standing.last[index])) {
      if (standing?.isShown === true) this.#shown--;
      const none = values.map(() => 0);
      const fresh = { isShown: false, base: none, last: none, mark: 0, round: this.#round };
      this.#standings.set(name, fresh);
    } else standing.round = this.#round;
  }

  #forgetGone(): void {
    for (const [name, { round, isShown }] of this.#standings) {
      if (round === this.#round) continue;
      if (isShown) this.#shown--;
      this.#standings.delete(name);
    }
  }

  /** Gives places that are free to the most active. */
  #fill(candidates: readonly Candidate[]): void {
    if (this.#shown >= this.#most) return;
    for (const { standing } of this.#byActivity(candidates, false)) {
      if (this.#shown >= this.#most) return;
      this.#show(standing);
    }
  }

  /** Has those that were more active of late change places with those that were less. */
  #chooseAnew(candidates: readonly Candidate[]): void {
    const waiting = this.#byActivity(candidates, false);
    const shown = this.#byActivity(candidates, true).reverse();
    for (let index = 0; index < Math.min(waiting.length, shown.length); index++) {
      const { activity, standing, values } = shown[index];
      if (waiting[index].activity <= activity) break;
      standing.isShown = false;
      standing.last = values;
      this.#shown--;
      this.#show(waiting[index].standing);
    }
    for (const { name, values } of candidates) this.#standings.get(name)!.mark = values[0];
  }

  #show(standing: Standing): void {
    standing.isShown = true;
    standing.base = standing.last;
    this.#shown++;
  }

  #byActivity(candidates: readonly Candidate[], isShown: boolean) {
    return candidates.filter(({ name }) => name !== REST).map(({ name, values }) => {
      const standing = this.#standings.get(name)!;
      return { standing, values, activity: values[0] - standing.mark };
    }).filter(({ standing }) => standing.isShown === isShown)
      .sort((one, other) => other.activity - one.activity);
  }

  #addToRest(standing: Standing, values: readonly number[]): void {
    values.forEach((value, index) => this.#rest[index] += value - standing.last[index]);
    standing.last = values;
  }
}
