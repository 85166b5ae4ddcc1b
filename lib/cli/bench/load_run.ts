/**
 * What all loads share: batches of prebuilt bytes, writing them whole, and the watch for a server that has
 * stopped answering.
 */

/** How often a load tells its progress. */
export const PROGRESS_INTERVAL_MS = 200;
// A server that has sent nothing for this long is not going to.
const STALL_MS = 10_000;

/** Writes all of `bytes`. */
export async function writeAll(link: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await link.write(bytes.subarray(at));
}

/** `count` copies of `bytes`, one behind the other. */
export function repeated(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const batch = new Uint8Array(count * bytes.length);
  for (let at = 0; at < batch.length; at += bytes.length) batch.set(bytes, at);
  return batch;
}

/**
 * Calls `stalled` with a number of seconds when `progress` has been the same for so long. Gives the timer,
 * which the caller ends.
 */
export function watchStall(
  progress: () => number | string,
  stalled: (seconds: number) => void,
): ReturnType<typeof setInterval> {
  let seen: number | string | null = null;
  return setInterval(() => {
    const now = progress();
    if (now === seen) stalled(STALL_MS / 1000);
    seen = now;
  }, STALL_MS);
}
