/**
 * Measures servers in turn, A B A B, so that what disturbs the machine for a while disturbs all of them.
 */
import type { Progress } from "./progress.ts";
import type { Sample } from "./result.ts";

/** Measures each of `subjects` once a run. */
export async function paired<S extends { readonly name: string }>(
  subjects: readonly S[],
  runs: number,
  progress: Progress,
  measure: (subject: S) => Promise<Sample>,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]));
  for (let run = 1; run <= runs; run++) {
    for (const subject of subjects) {
      progress.step(`run ${run} of ${runs}, ${subject.name}`);
      samples.get(subject.name)!.push(await measure(subject));
    }
  }
  return samples;
}
