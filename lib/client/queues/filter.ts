/**
 * Which jobs of a queue are meant, as a program says it.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { DeathReason, type JobFilterSchema, JobState } from "../../gen/parley/v1/queue_pb.ts";
import { invalidArgument } from "../program_error.ts";
import type { DeathReasonName } from "./job_record.ts";
import type { JobStateName } from "./info.ts";

/** Which jobs are meant: those that fit all that is given. */
export interface JobFilter {
  /** A text somewhere in the payload, a header, the type, the key, the messageId or the last error. At most 256 bytes. */
  readonly contains?: string;
  /** Where they stand. */
  readonly state?: JobStateName;
  /** Their ids, at most 1,000. */
  readonly ids?: readonly (bigint | number)[];
  /** Only those up to this id. */
  readonly upTo?: bigint | number;
  /** Why they were given up, for dead letters. */
  readonly reason?: DeathReasonName;
}

const STATES: Readonly<Partial<Record<JobStateName, JobState>>> = {
  ready: JobState.READY,
  delayed: JobState.DELAYED,
  leased: JobState.LEASED,
  blocked: JobState.BLOCKED,
};
const REASONS: Readonly<Partial<Record<DeathReasonName, DeathReason>>> = {
  max_deliveries: DeathReason.MAX_DELIVERIES,
  rejected: DeathReason.REJECTED,
};

/** The filter as it goes over the wire. Raises INVALID_ARGUMENT for a state or reason that is none. */
export function wireFilter(
  filter: JobFilter | undefined,
): MessageInitShape<typeof JobFilterSchema> | undefined {
  if (filter === undefined) return undefined;
  const { contains = "", state, ids = [], upTo = 0, reason } = filter;
  const stateNumber = state === undefined ? JobState.UNSPECIFIED : STATES[state];
  const reasonNumber = reason === undefined ? DeathReason.UNSPECIFIED : REASONS[reason];
  if (stateNumber === undefined || reasonNumber === undefined) {
    throw invalidArgument(`cannot look for jobs with state "${state}" and reason "${reason}"`, {
      accepted: `${Object.keys(STATES).join(", ")}; ${Object.keys(REASONS).join(", ")}`,
    });
  }
  return {
    contains,
    state: stateNumber,
    ids: ids.map(BigInt),
    upTo: BigInt(upTo),
    reason: reasonNumber,
  };
}
