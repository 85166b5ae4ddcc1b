/**
 * Counts work that takes longer than a small message does, so that whoever does it gives others a turn in
 * time. What is counted is told by those who do the work; what follows from it, others decide.
 */

/** Is told of work. */
export interface WorkMeter {
  /** Counts work that costs as much as that many small messages. */
  spend(units: number): void;
}
