/**
 * Which releases of Deno the sources run on.
 *
 * Only these are tested. An executable brings its runtime along and was tested with it, whichever that is, so it is
 * never refused.
 */

/** The oldest release that the sources are tested with. */
export const OLDEST_DENO = "2.9.0";

/** The runtime as `Deno.version` and `Deno.build` tell it. */
export interface Runtime {
  readonly version: string;
  /** Whether the program is an executable. */
  readonly standalone: boolean;
}

/** Says why `runtime` cannot run the sources; null when it can. */
export function runtimeFault({ version, standalone }: Runtime): string | null {
  if (standalone || !isOlder(version, OLDEST_DENO)) return null;
  return `cannot run on Deno ${version}: accepted: Deno ${OLDEST_DENO} or newer (deno upgrade gets it)`;
}

/** Whether one version comes before another; what stands behind the three numbers does not count. */
function isOlder(version: string, than: string): boolean {
  const [left, right] = [version, than].map((text) => text.split(/[.+-]/).slice(0, 3).map(Number));
  for (const [index, number] of left.entries()) {
    if (number !== right[index]) return number < right[index];
  }
  return false;
}
