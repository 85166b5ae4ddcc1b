/**
 * Configuration files: which one is read, and that no text whatever breaks the reading.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError, loadConfig, resolveConfig } from "../../../lib/server/config/config.ts";

/** Reads a file's text; whatever is raised must be what people are told. */
function read(text: string): void {
  try {
    resolveConfig({ name: "parley.toml", text }, {}, []);
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
  }
}

Deno.test("any file gives a configuration or problems, never anything else", () => {
  const part = fc.constantFrom(
    "limits",
    "queue",
    "[[queue]]\n",
    "name",
    "listen",
    "tcp",
    "log",
    "levels",
    "=",
    ".",
    '"',
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    " ",
    "#",
    "1",
    "-1",
    "true",
    '"x"',
    "'''",
    '"""',
    "drain_ms",
    "__proto__",
    "1979-05-27",
    "\\",
    "\r\n",
    "\u0000",
    "é",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => read(parts.join(""))),
    { numRuns: 3000 },
  );
});

Deno.test("files: named ones must be there, parley.toml need not", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    const file = `${folder}/a.toml`;
    await Deno.writeTextFile(file, "[limits]\ndrain_ms = 5000\n");
    const named = await loadConfig({ file });
    assert.equal(named.config.limits.drain_ms, 5000);
    assert.equal(named.file, file);
    const variable = { PARLEY_CONFIG: file };
    assert.equal((await loadConfig({ environment: variable })).config.limits.drain_ms, 5000);
    assert.equal((await loadConfig({ environment: { PARLEY_CONFIG: "" } })).file, undefined);
    const missing = `${folder}/none.toml`;
    await assert.rejects(loadConfig({ file: missing }), {
      message: `--config: cannot read ${JSON.stringify(missing)}: there is no such file`,
    });
    await assert.rejects(loadConfig({ environment: { PARLEY_CONFIG: missing } }), {
      message: /^PARLEY_CONFIG: cannot read .*: there is no such file$/,
    });
    await assert.rejects(loadConfig({ file: folder }), { message: /^--config: cannot read / });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
