/**
 * Hashes of secrets by node:crypto; scrypt runs on the threads of the runtime, not on that of the event loop.
 */
import { createHash, scrypt } from "node:crypto";
import type { SecretHasher } from "../../ports/secrets.ts";

/** What node:crypto needs besides 128 · n · r bytes, as memory it may take. */
const SPARE_BYTES = 1024 * 1024;

/** The hasher of this machine. */
export const nodeHasher: SecretHasher = {
  scrypt: (password, salt, cost, bytes) =>
    new Promise((resolve, reject) => {
      const { n, r, p } = cost;
      const maxmem = 128 * r * (n + p) + SPARE_BYTES;
      scrypt(password, salt, bytes, { N: n, r, p, maxmem }, (error, hash) => {
        if (error !== null) reject(error);
        else resolve(new Uint8Array(hash));
      });
    }),
  sha256: (text) => new Uint8Array(createHash("sha256").update(text, "utf8").digest()),
};
