/**
 * The limits of the configuration: whatever passes the schema satisfies the server's own assertions, and
 * each limit of the store comes from its own key and reaches the store.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../../lib/base/clock.ts";
import { assertLimits } from "../../../lib/base/limits.ts";
import { assertStoreLimits, DEFAULT_STORE_LIMITS } from "../../../lib/base/store_limits.ts";
import {
  type Config,
  ConfigError,
  configFrom,
  type ConfigInput,
  limitsOf,
  storeLimitsOf,
} from "../../../lib/server/config/config.ts";
import { configKeys } from "../../../lib/server/config/keys.ts";
import { openStore } from "../../../lib/server/open_store.ts";

/** Random values for some keys of a table: within bounds, near the default, and at the bounds. */
function randomTable(table: string): fc.Arbitrary<Record<string, number | undefined>> {
  const tableKeys = configKeys().filter((key) => key.parts[0] === table);
  return fc.record(
    Object.fromEntries(tableKeys.map((key) => {
      const { minimum, maximum, default: initial } = key.schema;
      const near = Number(initial);
      return [
        key.parts[1],
        fc.oneof(
          fc.integer({ min: minimum!, max: maximum! }),
          fc.integer({
            min: Math.max(minimum!, Math.floor(near / 4)),
            max: Math.min(maximum!, near * 4 + 1),
          }),
          fc.constantFrom(minimum!, maximum!),
        ),
      ];
    })),
    { requiredKeys: [] },
  );
}

/** Tries random values of a table; whatever is taken must hold. */
function tryTable(table: string, holds: (config: Config) => void): void {
  let taken = 0;
  fc.assert(
    fc.property(randomTable(table), (input) => {
      let config;
      try {
        config = configFrom({ [table]: input } as ConfigInput);
      } catch (error) {
        assert(error instanceof ConfigError);
        return;
      }
      taken++;
      holds(config);
    }),
    { numRuns: 10_000 },
  );
  assert(taken > 50, `only ${taken} of the random configurations were taken`);
}

Deno.test("whatever the schema takes, the limits' own assertions hold", () => {
  tryTable("limits", (config) => assertLimits(limitsOf(config)));
});

Deno.test("whatever the schema takes, the assertions of the store's limits hold", () => {
  tryTable("store", (config) => assertStoreLimits(storeLimitsOf(config)));
});

Deno.test("every limit of the store has its own key", () => {
  for (const { path, parts, schema } of configKeys().filter((key) => key.parts[0] === "store")) {
    const value = Number(schema.default) - 1;
    const limits = storeLimitsOf(configFrom({ store: { [parts[1]]: value } }));
    const changed = Object.entries(limits).filter(([name, limit]) =>
      limit !== DEFAULT_STORE_LIMITS[name as keyof typeof limits]
    );
    assert.deepEqual(changed.map(([, limit]) => limit), [value], path);
  }
});

Deno.test("a store in memory and one on disk have the limits of the configuration", async () => {
  const directory = await Deno.makeTempDir({ prefix: "parley-limits-" });
  try {
    for (const data of ["", directory]) {
      const config = configFrom({ data, store: { max_kept_topics: 2 } });
      const { store } = await openStore(config, systemClock, false);
      try {
        store.openTopic("a");
        store.openTopic("b");
        assert.throws(() => store.openTopic("c"), { accepted: /^at most 2 kept topics / });
      } finally {
        await store.close();
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
