/**
 * What the system knows of a process: the time it has computed and the memory it holds. Linux only, as
 * /proc is where it is asked.
 */

/** Ticks of the clock in which /proc counts: 100 a second on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** The seconds that all threads of a process have computed, for itself and in the system. */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold anything; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The resident memory of a process. */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`cannot read the memory of process ${pid}`);
  return Number(kilobytes) * 1024;
}

/**
 * The resident memory once it has stopped to change by more than a thousandth over three looks, or after
 * twenty looks; `lookEveryMs` apart.
 */
export async function settledResidentBytes(pid: number, lookEveryMs: number): Promise<number> {
  let last = residentBytes(pid);
  let same = 0;
  for (let look = 0; look < 20 && same < 3; look++) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    const now = residentBytes(pid);
    same = Math.abs(now - last) <= last / 1000 ? same + 1 : 0;
    last = now;
  }
  return last;
}
