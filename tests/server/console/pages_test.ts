/**
 * The web console as the http listener serves it: what its document allows itself, its files with and without compression,
 * how much they weigh, and that they are what console/ makes.
 */
import assert from "node:assert/strict";
import { CONSOLE_ASSETS } from "../../../lib/server/console/assets.ts";
import { consoleFiles } from "../../../tools/console.ts";
import { pageUrl } from "../../support/metrics.ts";
import { startServer } from "../../support/server.ts";

/** The most that the console weighs, compressed. */
const MAX_BYTES = 150 * 1024;

Deno.test("console: the document allows its own script and nothing else", async () => {
  await using server = await startServer();
  const response = await fetch(pageUrl(server, "/"));
  assert.equal(response.status, 200);
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /require-trusted-types-for 'script'; trusted-types 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:|data:|nonce/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const text = await response.text();
  assert.doesNotMatch(text, /<style|style=|\son\w+=|<script(?! type="module" src="console\/)/);
  const paths = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path);
  assert.equal(paths.length, 3);
  for (const path of paths) {
    const file = await fetch(pageUrl(server, `/${path}`));
    assert.equal(file.status, 200, path);
    assert.equal(file.headers.get("x-content-type-options"), "nosniff");
    await file.body?.cancel();
  }
});

Deno.test("console: its files come compressed to those who take that, and may be kept for ever", async () => {
  await using server = await startServer();
  for (const { name, gzip } of CONSOLE_ASSETS) {
    const raw = await head(server.port("ws"), `/console/${name}`, "Accept-Encoding: br, gzip");
    assert.match(raw, /Content-Encoding: gzip/);
    assert.match(raw, /Cache-Control: public, max-age=31536000, immutable/);
    assert.match(raw, new RegExp(`Content-Length: ${atob(gzip).length}\r`));
    for (const coding of ["", "Accept-Encoding: identity", "Accept-Encoding: gzip;q=0"]) {
      assert.doesNotMatch(await head(server.port("ws"), `/console/${name}`, coding), /Content-Enc/);
    }
  }
  const missing = await fetch(pageUrl(server, "/console/app-000000000000.js"));
  assert.equal(missing.status, 404);
  await missing.body?.cancel();
});

Deno.test("console: it weighs little, and is what its sources make", async () => {
  const weight = CONSOLE_ASSETS.reduce((sum, { gzip }) => sum + atob(gzip).length, 0);
  assert(weight <= MAX_BYTES, `${weight} bytes`);
  const fresh = await consoleFiles();
  assert.deepEqual(
    CONSOLE_ASSETS.map(({ name }) => name),
    fresh.map(({ name }) => name),
    "run `deno task console` and commit what it writes",
  );
});

/** The head of an answer as it comes. */
async function head(port: number, path: string, line: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [`HEAD ${path} HTTP/1.1`, "Host: localhost", "Connection: close"];
  if (line !== "") lines.push(line);
  await connection.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  return await new Response(connection.readable).text();
}
