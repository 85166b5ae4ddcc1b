/**
 * The configuration as text: what is printed can be read again, and the reference is up to date.
 */
import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { resolveConfig } from "../../../lib/server/config/config.ts";
import {
  acceptedBy,
  configJsonSchema,
  configKeys,
  fieldsOf,
  type JsonSchema,
} from "../../../lib/server/config/keys.ts";
import { configMarkdown, configToml } from "../../../lib/server/config/text.ts";

Deno.test("docs/configuration.md is what the schema says", () => {
  const file = new URL("../../../docs/configuration.md", import.meta.url);
  const text = Deno.readTextFileSync(file).replaceAll("\r\n", "\n");
  assert.equal(text, configMarkdown(), "run `deno task docs:config`");
});

Deno.test("the example in the reference is a configuration", () => {
  const example = /```toml\n(.*?)```/s.exec(configMarkdown())![1];
  const { config } = resolveConfig({ name: "parley.toml", text: example });
  assert.equal(config.limits.max_connections, 20_000);
  assert.equal(config.queue[0].name, "emails");
});

Deno.test("the reference has a row and an explanation for each field of [[keep]] and [[queue]]", () => {
  const text = configMarkdown();
  for (const [path, count] of [["keep", 5], ["queue", 13]] as const) {
    const fields = fieldsOf(configKeys().find((key) => key.path === path)!);
    assert.equal(fields.length, count);
    const [, section] = text.split(`\n## [[${path}]]\n`);
    for (const field of fields) {
      const row = section.split("\n").find((line) => line.startsWith(`| \`${field.path}\` |`));
      assert(row?.includes(acceptedBy(field)), field.path);
      assert(section.includes(`\n- \`${field.parts.at(-1)}\`: ${field.schema.description}\n`));
    }
  }
  assert.match(text, /^\| `queue` \| `\[\]` \| tables with a name each; .* \| `PARLEY_QUEUE` \|$/m);
  assert.match(text, /^\| `queue\.name` \| none: it must be there \| a string \|$/m);
  assert.match(text, /^\| `queue\.when_full` \| `"refuse"` \| one of refuse, drop-oldest \|$/m);
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

Deno.test("tables of lists are printed as such, each with its line, and can be read again", () => {
  const { keep, queue } = {
    keep: ['[[keep]]\npattern = "orders.>"', '[[keep]]\npattern = "a"\nmax_age_ms = 1'],
    queue: [
      '[[queue]]\nname = "emails"\nbind = ["orders.>", "a"]\nlease_ms = 10',
      '[[queue]]\nname = "jobs.>"\nmax_bytes = 9007199254740991\nwhen_full = "drop-oldest"',
    ],
  };
  // Only one of the lists is empty, or none is; and in the file either may come first.
  for (const parts of [keep, queue, [...keep, ...queue], [...queue, ...keep]]) {
    const loaded = resolveConfig({ name: "parley.toml", text: parts.join("\n") });
    const text = configToml(loaded);
    assert.deepEqual(resolveConfig({ name: "printed", text }).config, loaded.config);
    const sources = [...text.matchAll(/^\[\[\w+\]\] # parley\.toml:(\d+)$/gm)];
    const lines = parts.join("\n").split("\n");
    for (const [header, line] of sources) {
      assert.equal(lines[Number(line) - 1], header.split(" ")[0]);
    }
    assert.equal(new Set(sources.map(([, line]) => line)).size, parts.length);
  }
});

Deno.test("tables of lists from the environment and from flags are printed with that", () => {
  const file = { name: "parley.toml", text: '[[queue]]\nname = "a"\n[[keep]]\npattern = "b"' };
  const flags = [{ flag: "--set keep", path: "keep", text: "c" }];
  const text = configToml(resolveConfig(file, { PARLEY_QUEUE: "d,e.>" }, flags));
  assert.deepEqual(text.match(/^\[\[.*|^(name|pattern) = .*/gm), [
    "[[keep]] # --set keep",
    'pattern = "c"',
    "[[queue]] # PARLEY_QUEUE",
    'name = "d"',
    "[[queue]] # PARLEY_QUEUE",
    'name = "e.>"',
    // That of the cluster.
    'name = "parley"',
  ]);
});

Deno.test("every key and table of the JSON Schema is described and bounded", () => {
  const visit = (schema: JsonSchema, path: string) => {
    if (path !== "") assert(schema.description, `${path} is described`);
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      visit(inner, path === "" ? name : `${path}.${name}`);
    }
    for (const [name, inner] of Object.entries(schema.items?.properties ?? {})) {
      visit(inner, `${path}.${name}`);
    }
  };
  const schema = configJsonSchema();
  assert.equal(schema.additionalProperties, false);
  visit(schema, "");
  const lists = configKeys().filter((key) => key.kind === "policies");
  assert.deepEqual(lists.map(({ path }) => path), ["keep", "queue", "types", "users"]);
  for (const { path, schema: { items } } of lists) {
    assert.equal((items as Record<string, unknown>).additionalProperties, false, path);
    assert.equal(items!.required?.length, 1, `tables of ${path} are named by one field`);
  }
  const fields = [...configKeys(), ...lists.flatMap(fieldsOf)];
  for (const key of fields.filter((each) => each.kind === "integer")) {
    const { minimum, maximum, default: initial } = key.schema;
    assert(minimum! <= Number(initial) && Number(initial) <= maximum!, key.path);
  }
  const variables = configKeys().map((key) => key.variable);
  assert.equal(new Set(variables).size, variables.length, "no two keys share a variable");
});
