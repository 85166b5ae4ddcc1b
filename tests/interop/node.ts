/**
 * Whether the machine has Node, for tests of what runs there.
 */
import { succeeds } from "./programs.ts";

/** Whether there is a Node that is new enough. */
export const hasNode = succeeds("node", [
  "-e",
  "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)",
]);
