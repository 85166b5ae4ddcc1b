/**
 * The configuration as text: what is printed can be read again, and the reference is up to date.
 */
import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { resolveConfig } from "../../lib/server/config.ts";
import { configJsonSchema, configKeys, type JsonSchema } from "../../lib/server/config_keys.ts";
import { configMarkdown, configToml } from "../../lib/server/config_text.ts";

Deno.test("docs/configuration.md is what the schema says", () => {
  const file = new URL("../../docs/configuration.md", import.meta.url);
  const text = Deno.readTextFileSync(file).replaceAll("\r\n", "\n");
  assert.equal(text, configMarkdown(), "run `deno task docs:config`");
});

Deno.test("the example in the reference is a configuration", () => {
  const example = /```toml\n(.*?)```/s.exec(configMarkdown())![1];
  const { config } = resolveConfig({ name: "parley.toml", text: example });
  assert.equal(config.limits.max_connections, 20_000);
});

Deno.test("what is printed is TOML that gives the same configuration", () => {
  const loaded = resolveConfig(
    { name: "parley.toml", text: '[listen]\nunix = ["/tmp/a \\" #.sock", "b"]' },
    { PARLEY_LOG_LEVEL: "warning" },
    [{ flag: "--set log.levels.client", path: "log.levels.client", text: "debug" }],
  );
  const text = configToml(loaded);
  assert.deepEqual(resolveConfig({ name: "printed", text }).config, loaded.config);
  assert.deepEqual(
    JSON.parse(JSON.stringify(parse(text))),
    JSON.parse(JSON.stringify(loaded.config)),
  );
  assert.match(text, /^level = "warning" # PARLEY_LOG_LEVEL$/m);
  assert.match(text, /^unix = .* # parley\.toml:2$/m);
  assert.match(text, /^client = "debug" # --set log\.levels\.client$/m);
  assert.match(text, /^format = "auto"$/m, "a default needs no source");
});

Deno.test("every key and table of the JSON Schema is described and bounded", () => {
  const visit = (schema: JsonSchema, path: string) => {
    if (path !== "") assert(schema.description, `${path} is described`);
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      visit(inner, path === "" ? name : `${path}.${name}`);
    }
  };
  const schema = configJsonSchema();
  assert.equal(schema.additionalProperties, false);
  visit(schema, "");
  for (const key of configKeys().filter((each) => each.kind === "integer")) {
    const { minimum, maximum, default: initial } = key.schema;
    assert(minimum! <= Number(initial) && Number(initial) <= maximum!, key.path);
  }
  const variables = configKeys().map((key) => key.variable);
  assert.equal(new Set(variables).size, variables.length, "no two keys share a variable");
});
