/**
 * What is guessed for names that do not exist.
 */
import assert from "node:assert/strict";
import { nearest } from "../../../lib/server/config/suggest.ts";

const KEYS = ["max_calls", "max_frame_bytes", "max_headers", "max_headers_bytes", "drain_ms"];

Deno.test("what begins with the word comes first, with the least to be added", () => {
  const guesses: Record<string, string | undefined> = {
    max_frame: "max_frame_bytes",
    MAX_FRAM: "max_frame_bytes",
    max_head: "max_headers",
    max_headers: "max_headers",
    max_headers_b: "max_headers_bytes",
    drain: "drain_ms",
    // Without such a one, the nearest.
    max_fraem_bytes: "max_frame_bytes",
    drian_ms: "drain_ms",
    dr: undefined,
    "": undefined,
    something: undefined,
    ["m".repeat(101)]: undefined,
  };
  for (const [word, guess] of Object.entries(guesses)) {
    assert.equal(nearest(word, KEYS), guess, word);
  }
  assert.equal(nearest("max_fram", []), undefined);
});
