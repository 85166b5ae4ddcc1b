/**
 * Programs that a command runs through the shell: for a call, for a job.
 *
 * Each is in a group of processes of its own, so that what it starts in its turn ends with it, and so that
 * Ctrl-C reaches this process alone. A program is over when it ends itself, whatever it has left running. What others sent never becomes part of the command: it travels in
 * standard input and in the environment only.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { whileItRuns } from "./while_it_runs.ts";

/** The programs that run now: nobody else would end them when this process has to go. */
const running = new Set<Deno.ChildProcess>();

/** What a program prints. */
interface ProgramStreams {
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
}

/** Ends all programs that run now. */
export function endPrograms(): void {
  running.forEach(end);
}

/**
 * Runs `command` with `input`, and lets `use` read what it prints; gives what that gave, and how the program
 * ended. The program is ended when `signal` is aborted or `use` calls `end`. Raises INTERNAL when it cannot
 * be started, and what `use` raises.
 */
export async function runProgram<Result>(
  command: string,
  program: {
    readonly environment: Readonly<Record<string, string>>;
    readonly input: Uint8Array;
    readonly signal: AbortSignal;
  },
  use: (streams: ProgramStreams, end: () => void) => Promise<Result>,
): Promise<{ result: Result; status: Deno.CommandStatus }> {
  const { environment, input, signal } = program;
  const child = start(command, environment);
  running.add(child);
  const kill = () => end(child);
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    const streams = {
      stdout: whileItRuns(child.stdout, child.status),
      stderr: whileItRuns(child.stderr, child.status),
    };
    // Who ended without reading its input has no more use for it.
    const fed = Promise.race([feed(child.stdin, input), child.status]);
    const [result, status] = await Promise.all([use(streams, kill), child.status, fed]);
    return { result, status };
  } finally {
    running.delete(child);
    signal.removeEventListener("abort", kill);
  }
}

function start(command: string, env: Readonly<Record<string, string>>): Deno.ChildProcess {
  const windows = Deno.build.os === "windows";
  try {
    return new Deno.Command(windows ? "cmd" : "/bin/sh", {
      args: windows ? ["/d", "/s", "/c", command] : ["-c", command],
      env: { ...env },
      detached: !windows,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new ParleyError(
      ErrorCode.INTERNAL,
      `cannot start the program: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Ends the program and what it has started. */
function end(child: Deno.ChildProcess): void {
  try {
    if (Deno.build.os === "windows") child.kill();
    else Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

async function feed(stdin: WritableStream<Uint8Array>, input: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // A program need not read its input; how it ends says whether that was a mistake.
  }
}
