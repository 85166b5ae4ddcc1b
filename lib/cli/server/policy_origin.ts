/**
 * Where a policy comes from, for people and as JSON.
 */
import { printable } from "../../base/printable.ts";
import { PolicyOrigin } from "../../gen/parley/v1/topic_pb.ts";

/** What says where a policy comes from. */
interface Origin {
  readonly origin: PolicyOrigin;
  readonly setBy: string;
  readonly setTimeUnixMicros: bigint;
}

/** Where it comes from, in words. */
export function originText({ origin, setBy, setTimeUnixMicros }: Origin): string {
  if (origin === PolicyOrigin.BUILT_IN) return "built in";
  if (origin !== PolicyOrigin.RUNTIME) return "configuration";
  const time = new Date(Number(setTimeUnixMicros / 1000n)).toISOString();
  return `set at run time, ${time}${setBy === "" ? "" : `, by ${printable(setBy)}`}`;
}

/** The same as fields of JSON. */
export function originJson({ origin, setBy, setTimeUnixMicros }: Origin): Record<string, string> {
  const name = (PolicyOrigin[origin] ?? "").toLowerCase();
  if (origin !== PolicyOrigin.RUNTIME) return { origin: name };
  const time = new Date(Number(setTimeUnixMicros / 1000n)).toISOString();
  return { origin: name, setTime: time, setBy };
}
