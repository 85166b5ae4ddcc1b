/**
 * What a program prints, until it ends: not until everybody has let go of its outputs.
 *
 * What it has started and left behind may hold its outputs open for ever. After the program's own end what it has
 * printed is still taken, until nothing comes for a moment, and never for long.
 */
import { detached, mayFail } from "../../base/detached.ts";

/** When nothing has come for this long after the end of the program, that was all. */
const QUIET_MS = 100;
/** How long others who print into the same output are listened to at most. */
const GRACE_MS = 1000;

/** Gives the chunks of `stream`; ends with it, or soon after `ended` resolves. */
export async function* whileItRuns(
  stream: ReadableStream<Uint8Array>,
  ended: Promise<unknown>,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  /** Counts reads; negative while a chunk is being used, which may take its time. */
  let reads = 0;
  let isUsed = false;
  let isOver = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  const watch = () => {
    if (isOver) return;
    const endMs = performance.now() + GRACE_MS;
    let seen = -1;
    // A read that waits from one tick to the next has had the time to find what was there.
    timer = setInterval(() => {
      const waits = !isUsed && (seen === reads || performance.now() > endMs);
      seen = isUsed ? -1 : reads;
      if (waits) mayFail(reader.cancel(), "let go of an output");
    }, QUIET_MS);
  };
  detached(ended.then(watch, watch), "wait for the end of a program");
  try {
    for (let next; !(next = await reader.read()).done; reads++) {
      isUsed = true;
      yield next.value;
      isUsed = false;
    }
  } finally {
    isOver = true;
    clearInterval(timer);
    mayFail(reader.cancel(), "let go of an output");
  }
}
