/**
 * Where a job stands, and why it was given up, in words.
 */
import { DeathReason, JobState } from "../../../lib/gen/parley/v1/queue_pb.ts";

const NAMES: Readonly<Record<JobState, string>> = {
  [JobState.UNSPECIFIED]: "unknown",
  [JobState.READY]: "ready",
  [JobState.DELAYED]: "delayed",
  [JobState.LEASED]: "leased",
  [JobState.BLOCKED]: "blocked",
};

/** Why a job is a dead letter, in words. */
export const REASONS: Readonly<Record<DeathReason, string>> = {
  [DeathReason.UNSPECIFIED]: "unknown",
  [DeathReason.MAX_DELIVERIES]: "tried too often",
  [DeathReason.REJECTED]: "rejected",
};

/** The state of a job, by a mark and in a word. */
export function StateMark({ state }: { state: JobState }) {
  const name = NAMES[state];
  return (
    <span>
      <span class={`mark ${name}`} />
      {name}
    </span>
  );
}
