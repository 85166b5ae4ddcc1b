/**
 * The port of what hashes secrets: adapters compute, the rules of how passwords and tokens are kept are logic.
 */
import type { ScryptCost } from "../base/scrypt_cost.ts";

/** Computes hashes. */
export interface SecretHasher {
  /** The scrypt hash of a password, `bytes` long; computed beside the event loop. */
  scrypt(
    password: string,
    salt: Uint8Array,
    cost: ScryptCost,
    bytes: number,
  ): Promise<Uint8Array>;
  /** The SHA-256 of a text in UTF-8. */
  sha256(text: string): Uint8Array;
}
