/**
 * Random histories of the machine of work queues against a model that goes through everything.
 *
 * Each history has a seed. When one fails, its error says which, and tells its steps; PARLEY_SEED=… runs
 * that history alone, and prints the steps.
 */
import { History } from "./history.ts";

/** So many short histories: most faults need few steps. */
const SHORT = 100_000;
/** And so many long ones: what grows, and what comes of many jobs. */
const LONG = 60;
const LONG_STEPS = 1500;
/** Seeds from here on are those of long histories. */
const FIRST_LONG = 1_000_000_000;

const only = Deno.env.get("PARLEY_SEED");

function stepsOf(seed: number): number {
  return seed < FIRST_LONG ? 10 + seed % 40 : LONG_STEPS;
}

function run(seed: number, trace: string[] | null = null): void {
  new History(seed, seed >= FIRST_LONG, trace).run(stepsOf(seed));
}

function runOrTell(seed: number): void {
  try {
    run(seed);
  } catch (error) {
    const trace: string[] = [];
    try {
      run(seed, trace);
    } catch {
      // The same again, which leaves its steps in the trace.
    }
    throw new Error(
      `history ${seed} failed (PARLEY_SEED=${seed} runs it):\n${trace.slice(-200).join("\n")}`,
      { cause: error },
    );
  }
}

if (only !== undefined) {
  Deno.test("the history of PARLEY_SEED agrees with the model", () => {
    const trace: string[] = [];
    try {
      run(Number(only), trace);
    } finally {
      console.log(trace.join("\n"));
    }
  });
} else {
  Deno.test(`${SHORT} short histories agree with the model`, () => {
    for (let seed = 0; seed < SHORT; seed++) runOrTell(seed);
  });

  Deno.test(`${LONG} long histories agree with the model`, () => {
    for (let seed = FIRST_LONG; seed < FIRST_LONG + LONG; seed++) runOrTell(seed);
  });
}
