/**
 * A user's first minute with an executable, on any system: its version, a server with data on disk, an echo, a job that is pushed
 * and pulled, and a stop in order. Raises when anything is not as it should be.
 *
 *   deno run --allow-run --allow-read tools/try_executable.ts PROGRAM
 */
const [program] = Deno.args;
if (program === undefined) throw new Error("which program? tools/try_executable.ts PROGRAM");

function expect(found: string, wanted: string | RegExp): void {
  const fits = typeof wanted === "string" ? found === wanted : wanted.test(found);
  if (!fits) throw new Error(`expected ${wanted}, found ${JSON.stringify(found)}`);
  console.log(`ok: ${found.trim()}`);
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program!, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (code !== 0) {
    throw new Error(`${args.join(" ")} ended with ${code}: ${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout).replaceAll("\r\n", "\n");
}

const { version } = JSON.parse(
  await Deno.readTextFile(new URL("../deno.json", import.meta.url)),
);
expect(await run("--version"), `${version}\n`);
const folder = "tried-data";
const off = ["--raw", "", "--http", "", "--text", ""];
const server = new Deno.Command(program, {
  args: ["serve", "--json", "--tcp", "127.0.0.1:0", ...off, "--data", folder],
  stdin: "null",
  stdout: "piped",
  stderr: "inherit",
}).spawn();
const reader = server.stdout.getReader();
let told = "";
while (!told.includes("\n")) {
  const { value, done } = await reader.read();
  if (done) throw new Error(`the server ended with ${(await server.status).code}`);
  told += new TextDecoder().decode(value);
}
const there = ["--server", JSON.parse(told.split("\n")[0]!).listeners[0].urls[0]];
expect(await run("health", ...there), /^ok /);
expect(await run("echo", "Hello, World!", ...there), "Hello, World!\n");
await run("queue", "push", "first", "a job", ...there);
expect(await run("queue", "pull", "first", "--raw", "--count", "1", ...there), "a job\n");
await run("drain", ...there);
while (!(await reader.read()).done);
expect(`exit code ${(await server.status).code}`, "exit code 0");
