/**
 * Loaded before a suite by `deno test --preload`: leaves out the tests that PARLEY_TEST_WITHOUT names, a list in JSON.
 */
const without = new Set<string>(JSON.parse(Deno.env.get("PARLEY_TEST_WITHOUT") ?? "[]"));
const { test } = Deno;

function nameOf([first, second]: readonly unknown[]): string {
  if (typeof first === "string") return first;
  const named = (typeof first === "function" ? first : first ?? second) as { name?: string };
  return named.name ?? "";
}

(Deno as { test: typeof test }).test = Object.assign(
  (...given: Parameters<typeof test>) => {
    if (!without.delete(nameOf(given))) test(...given);
  },
  test,
) as typeof test;

addEventListener("unload", () => {
  if (without.size > 0) throw new Error(`there is no test ${[...without].join(", ")}`);
});
