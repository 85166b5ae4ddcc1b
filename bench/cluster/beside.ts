/**
 * Innocent clients beside a load: one where the load is, and one at another node or server. What they wait for is what the
 * load does to them.
 */
import { answerOf, startLoad } from "../harness/generator.ts";
import type { InnocentResult } from "../load/innocent_load.ts";
import type { Targets } from "./systems.ts";

const PAUSE_MS = 5;
const START_SECONDS = 60;
/** The load has started and warmed up by then, in seconds beside its own. */
const START_UP_SECONDS = 0.4;
const WARM_UP = 0.2;

/** How long the innocent waited: 99 of 100 of their echoes no longer, in milliseconds. */
export interface Beside {
  readonly here: number;
  readonly there: number;
}

/** Runs a load of so many seconds with innocent clients beside it. */
export async function withInnocents<T>(
  { here, there }: Targets,
  seconds: number,
  run: () => Promise<T>,
): Promise<{ result: T; waited: Beside }> {
  await using stack = new AsyncDisposableStack();
  const innocents = [here, there].map((target) =>
    stack.use(startLoad({ kind: "innocent", target, pauseMs: PAUSE_MS }))
  );
  for (const each of innocents) await answerOf(each, START_SECONDS);
  const running = run();
  const measured = (async () => {
    const untilLoaded = (START_UP_SECONDS + seconds * WARM_UP) * 1000;
    await new Promise((resolve) => setTimeout(resolve, untilLoaded));
    return await Promise.all(innocents.map(async (each) => {
      await each.tell(`${seconds}`);
      return (await answerOf<InnocentResult>(each, seconds + START_SECONDS)).p99Ms;
    }));
  })();
  const [result, [nearMs, farMs]] = await Promise.all([running, measured]);
  return { result, waited: { here: nearMs, there: farMs } };
}
