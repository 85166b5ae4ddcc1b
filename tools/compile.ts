/**
 * Makes the executable, and is the one place that says with which permissions Parley runs.
 *
 * The permissions are baked in: network for the listeners, files for the configuration and sockets, the
 * environment for PARLEY_*, how much is free on a disk, and programs: `respond --exec` and `queue pull --exec` run
 * what their user names, and the server asks `getconf` for the open-files limit. The server drops the last two for good as soon as
 * it listens. `--unstable-net` is no permission: it has the runtime offer datagrams on unix sockets, by which systemd is told
 * how the server stands. The executable never asks for more: without a permission an action fails. Type checking is the
 * gate's task.
 *
 *   deno run -A tools/compile.ts [--output dist/parley] [--target TRIPLE] [--compiler PROGRAM]
 *
 * PROGRAM (or PARLEY_COMPILER) replaces `deno compile`; it is called as PROGRAM OUTPUT ENTRY FLAGS...
 */

/** The permissions of the server and the command line; `deno task start` and the npm package run with the same. */
export const PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--unstable-net",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys=statfs",
];

/** The targets that a release is built for. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

const entry = "server.ts";

/** What is loaded by a path at run time, and must be in the executable: the Worker of the store. */
const INCLUDED: readonly string[] = ["--include", "lib/adapters/sqlite/worker.ts"];

const flags = ["--no-check", ...PERMISSIONS, ...INCLUDED];

interface Options {
  output: string;
  target: string | undefined;
  compiler: string | undefined;
}

/** Reads the options; raises on what it does not know. */
export function parseOptions(args: readonly string[], compiler?: string): Options {
  const options: Options = { output: "dist/parley", target: undefined, compiler };
  for (let index = 0; index < args.length; index += 2) {
    const [name, value] = [args[index], args[index + 1]];
    if (value === undefined) throw new Error(`${name} needs a value`);
    if (name === "--output") options.output = value;
    else if (name === "--target") options.target = value;
    else if (name === "--compiler") options.compiler = value;
    else throw new Error(`unknown option ${name}: --output, --target or --compiler is accepted`);
  }
  if (options.target !== undefined && !TARGETS.includes(options.target)) {
    throw new Error(`unknown target ${options.target}: one of ${TARGETS.join(", ")} is accepted`);
  }
  return options;
}

/** The program to call and its arguments. */
export function commandLine(options: Options): { program: string; args: string[] } {
  const target = options.target === undefined ? [] : ["--target", options.target];
  if (options.compiler) {
    return { program: options.compiler, args: [options.output, entry, ...target, ...flags] };
  }
  return {
    program: Deno.execPath(),
    args: ["compile", "--frozen", ...target, ...flags, "--output", options.output, entry],
  };
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  const options = parseOptions(Deno.args, Deno.env.get("PARLEY_COMPILER"));
  const { program, args } = commandLine(options);
  console.error(`${program} ${args.join(" ")}`);
  const child = new Deno.Command(program, { args, stdin: "null" }).spawn();
  Deno.exit((await child.status).code);
}
