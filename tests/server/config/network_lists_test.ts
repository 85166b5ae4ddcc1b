/**
 * Lists of networks in the configuration: how many entries they take, and which.
 */
import assert from "node:assert/strict";
import { MAX_LIST_ENTRIES } from "../../../lib/logic/access/address_list.ts";
import { configFrom } from "../../../lib/server/config/config.ts";

Deno.test("lists of networks take addresses and networks, and so many", () => {
  const entries = (count: number) =>
    Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  for (const key of ["allow_addresses", "deny_addresses", "proxy_protocol"] as const) {
    for (const count of [MAX_LIST_ENTRIES - 1, MAX_LIST_ENTRIES]) {
      assert.equal(configFrom({ listen: { [key]: entries(count) } }).listen[key].length, count);
    }
    assert.throws(
      () => configFrom({ listen: { [key]: entries(MAX_LIST_ENTRIES + 1) } }),
      new RegExp(`listen\\.${key}: has 10001 entries, but at most 10000 are compared`),
    );
    assert.throws(
      () => configFrom({ listen: { [key]: "10.0.0.1/8" } }),
      /has bits behind its prefix; write 10\.0\.0\.0\/8/,
    );
  }
});
