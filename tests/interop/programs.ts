/**
 * Runs programs for the tests and gives what they print. A program that fails makes `run` raise with all it printed.
 *
 * Many tests import this, so it asks the machine for nothing: what finds out whether a language is there stands in node.ts,
 * protoc.ts, cpp.ts and compilers.ts.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the tree. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Environment for a child: ours without PARLEY_*, which would be taken for configuration. */
export function childEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !name.startsWith("PARLEY_")
  );
  return {
    ...Object.fromEntries(inherited),
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    ...more,
  };
}

/** What a program printed, and how it ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program in the root to its end, without input. */
export async function outcomeOf(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: root,
    env: childEnvironment(env),
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program that has to succeed and gives its standard output. */
export async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(program, args, env);
  if (code === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
}

/** Whether a program is there and ends well; it gets no input, and what it prints is thrown away. */
export function succeeds(program: string, args: readonly string[]): boolean {
  try {
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return child.outputSync().success;
  } catch {
    return false;
  }
}
