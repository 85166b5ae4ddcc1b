/**
 * How much is free on the disk of a directory.
 */
import { statfsSync } from "node:fs";

/** The bytes that are free for this process where `directory` lies; null where the system does not tell. */
export function freeDiskBytes(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}
