/**
 * The turn port: one who has work that can take long, and lets others work in between.
 */

/** Takes turns with all others of the server. */
export interface WorkTurn {
  /** Resolves when a piece of work may be begun: at once while there is time. */
  admit(): Promise<void>;
  /** Counts work that costs as much as `units` small messages, and resolves when there may be more. */
  did(units: number): Promise<void>;
}
