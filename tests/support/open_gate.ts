/**
 * A gate of a listener that lets everybody in.
 */
import type { ConnectionGate } from "../../lib/adapters/http/listener.ts";

/** Counts nothing and refuses nobody. */
export const openGate: ConnectionGate = {
  admit: () => null,
  enter: () => Promise.resolve(true),
  release: () => {},
  mayTell: () => true,
  told: () => {},
};
