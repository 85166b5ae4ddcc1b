/**
 * Where a policy comes from: the configuration, somebody who has set it while the server ran, or the server itself.
 */

/** Where a policy comes from. */
export interface PolicyOrigin {
  readonly kind: "configuration" | "run time" | "built in";
  /** When it was set at run time, in milliseconds since 1970; otherwise absent. */
  readonly setMs?: number;
  /** Who has set it at run time; empty or absent where nobody has a name. */
  readonly by?: string;
}

/** The origin of what the configuration says. */
export const FROM_CONFIGURATION: PolicyOrigin = Object.freeze({ kind: "configuration" });
