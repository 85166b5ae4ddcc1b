/**
 * Turns of one who works alone: nobody waits, and nothing is counted.
 */
import type { WorkTurn } from "../../lib/ports/work_turn.ts";

/** Nobody else works. */
export const ALONE: WorkTurn = {
  admit: () => Promise.resolve(),
  did: () => Promise.resolve(),
};
