/**
 * Values that people write otherwise than the schema names them: durations with their unit, the level warn, and
 * numbers with a point where a whole number is asked for.
 */
import assert from "node:assert/strict";
import {
  ConfigError,
  type LoadedConfig,
  resolveConfig,
} from "../../../lib/server/config/config.ts";

function load(
  text: string,
  environment: Record<string, string> = {},
  set: [string, string][] = [],
) {
  const flags = set.map(([path, text]) => ({ flag: `--set ${path}`, path, text }));
  return resolveConfig({ name: "p.toml", text }, environment, flags);
}

function problems(use: () => LoadedConfig): string[] {
  try {
    use();
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.problems.map(({ text }) => text);
  }
  return [];
}

Deno.test("a time is taken with its unit under the name without _ms, in every place", () => {
  const loaded = load(
    '[[keep]]\npattern = "a"\nmax_age = "7d"\n[limits]\ndrain = "3s"\n' +
      '[[queue]]\nname = "q"\nlease = "1.5m"',
    { PARLEY_LIMITS_LINGER: "500ms" },
    [["store.dedup_window", "1h"]],
  );
  const { keep, limits, queue, store } = loaded.config;
  assert.equal(keep[0].max_age_ms, 7 * 86_400_000);
  assert.equal(limits.drain_ms, 3000);
  assert.equal(queue[0].lease_ms, 90_000);
  assert.equal(limits.linger_ms, 500);
  assert.equal(store.dedup_window_ms, 3_600_000);
  assert.deepEqual(loaded.sourceOf("limits.drain_ms"), { kind: "file", file: "p.toml", line: 5 });
  assert.equal(load('[[keep]]\npattern = "a"\nmax_age = 0').config.keep[0].max_age_ms, 0);
});

Deno.test("a time without its unit, or said twice, is refused where it stands", () => {
  const form = "must be a duration with its unit, like 500ms, 5s, 2m, 12h or 7d, not";
  assert.deepEqual(problems(() => load('[[keep]]\npattern = "a"\nmax_age = 7')), [
    `p.toml:3: keep[0].max_age: ${form} 7`,
  ]);
  assert.deepEqual(problems(() => load('[limits]\ndrain = "soon"')), [
    `p.toml:2: limits.drain: ${form} "soon"`,
  ]);
  assert.deepEqual(problems(() => load("", { PARLEY_LIMITS_DRAIN: "5" })), [
    `PARLEY_LIMITS_DRAIN: ${form} "5"`,
  ]);
  assert.deepEqual(problems(() => load('[limits]\ndrain = "5s"\ndrain_ms = 5000')), [
    "p.toml:2: limits.drain: drain_ms says it, too; write one of them",
  ]);
  assert.deepEqual(problems(() => load('[limits]\ndrain = "0ms"')), [
    "p.toml:2: limits.drain_ms: must be a whole number from 1 to 2147483647, not 0",
  ]);
});

Deno.test("warn is a level everywhere", () => {
  const { log } = load('[log]\nlevel = "warn"\nlevels = { server = "warn" }').config;
  assert.deepEqual([log.level, log.levels.server], ["warning", "warning"]);
  assert.equal(load("", { PARLEY_LOG_LEVEL: "warn" }).config.log.level, "warning");
  assert.equal(load("", {}, [["log.level", "warn"]]).config.log.level, "warning");
});

Deno.test("a number with a point or an exponent is no whole number", () => {
  for (const [written, shown] of [["10.0", "10.0"], ["1e3", "1000.0"], ["1.5", "1.5"]]) {
    assert.deepEqual(problems(() => load(`[limits]\ndrain_ms = ${written}`)), [
      `p.toml:2: limits.drain_ms: must be a whole number from 1 to 2147483647, not ${shown}`,
    ]);
    assert.equal(problems(() => load(`[[queue]]\nname = "q"\nmax_jobs = ${written}`)).length, 1);
  }
  assert.equal(load("[limits]\ndrain_ms = 5_000").config.limits.drain_ms, 5000);
  assert.equal(load("[limits]\ndrain_ms = 0x1388").config.limits.drain_ms, 5000);
});
