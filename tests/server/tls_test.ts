/**
 * A runtime that cannot serve TLS is told so at the start, and not by each client.
 */
import assert from "node:assert/strict";
import { checkRuntime } from "../../lib/server/tls.ts";

Deno.test("TLS is refused on runtimes that cannot serve it", () => {
  for (const version of ["2.8.0", "2.9.6", "2.10.1", "3.0.0"]) checkRuntime(version);
  for (const version of ["2.6.10", "2.7.14", "1.46.3"]) {
    assert.throws(
      () => checkRuntime(version),
      /cannot serve TLS with the runtime of this executable, Deno \d/,
    );
  }
});
