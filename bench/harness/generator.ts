/**
 * Runs the load generator: a process of its own, the same program for every server.
 *
 * It gets what to do as one argument of JSON, and answers each step with one line of JSON.
 */
import { join } from "node:path";
import type { Load } from "../load/main.ts";
import { Child } from "./child.ts";
import { ROOT } from "./subjects.ts";

const PROGRAM = join(ROOT, "bench/load/main.ts");

/** Starts it. Read its lines with `answerOf`, and stop it. */
export function startLoad(load: Load): Child {
  const args = ["run", "--quiet", "--no-check", "--allow-all", PROGRAM, JSON.stringify(load)];
  return Child.start(Deno.execPath(), args);
}

/** The next answer of a generator, which has at most `seconds` for it. */
export async function answerOf<T>(generator: Child, seconds: number): Promise<T> {
  return JSON.parse(await generator.line(seconds));
}

/** Runs a load that has one step, and gives its answer. */
export async function runLoad<T>(load: Load, seconds: number): Promise<T> {
  await using generator = startLoad(load);
  // Setting up many connections and draining what waits takes longer than the load itself.
  return await answerOf<T>(generator, seconds * 10 + 60);
}
