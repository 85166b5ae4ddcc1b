/**
 * The parts of a server that its metrics and its health are read from.
 */
import type { Access } from "../../services/access/access.ts";
import type { Features } from "../../services/features.ts";
import type { Config } from "../config/config.ts";
import type { Admission } from "../listeners/admission.ts";

/** A server that is looked at. */
export interface Monitored {
  readonly config: Config;
  readonly features: Features;
  readonly admission: Admission;
  readonly access: Access;
}
