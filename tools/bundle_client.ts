/**
 * Makes the client library one file that browsers can import: dist/parley_client.js.
 *
 * Node and Deno can import it too: what is theirs is loaded only where it is. The file has no imports
 * that a browser would follow, and needs no evaluation of strings, so it runs under a strict
 * Content-Security-Policy.
 *
 *   deno run -A tools/bundle_client.ts [OUTPUT]
 */
import { fileURLToPath } from "node:url";

const root = new URL("..", import.meta.url);

/** Bundles into `output`. Rejects with what the bundler printed when it fails. */
export async function bundleClient(output: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--minify",
      "--platform=browser",
      "--output",
      output,
      "lib/client/mod.ts",
    ],
    cwd: fileURLToPath(root),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`cannot bundle the client:\n${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const output = Deno.args[0] ?? fileURLToPath(new URL("dist/parley_client.js", root));
  await bundleClient(output);
  const { size } = await Deno.stat(output);
  console.log(`${output}: ${Math.ceil(size / 1024)} KiB`);
}
