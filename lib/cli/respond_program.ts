/**
 * Answers a call with a program: the request is its standard input, its standard output the answer.
 *
 * The program is run by the shell, in a group of processes of its own, so that what it starts in its turn
 * ends with it. What it prints is bounded by what can be sent. The text of the caller never becomes part
 * of the command: it travels in the input and in the environment only.
 */
import { ErrorCode, ParleyError } from "../base/errors.ts";
import type { ReceivedCall } from "../client/mod.ts";

/** The most that is kept of the first line of standard error. */
const MAX_REASON_BYTES = 1024;

const decoder = new TextDecoder();
/** The programs that run now: nobody else would end them when this process has to go. */
const running = new Set<Deno.ChildProcess>();

/** Ends all programs that answer a call now. */
export function endPrograms(): void {
  running.forEach(end);
}

/**
 * Runs `command` for `call` and gives what it printed. Raises INTERNAL when it fails, with the first line
 * of its standard error, RESOURCE_EXHAUSTED when it prints more than `maxBytes`, and the signal's reason
 * when the call was given up; the program is ended in each case.
 */
export async function runForCall(
  command: string,
  call: ReceivedCall,
  maxBytes: number,
): Promise<Uint8Array> {
  const { signal } = call;
  signal.throwIfAborted();
  const child = start(command, call);
  running.add(child);
  const kill = () => end(child);
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [, output, reason, { success, code }] = await Promise.all([
      feed(child.stdin, call.payload),
      readUpTo(child.stdout, maxBytes, () => {
        kill();
        return new ParleyError(
          ErrorCode.RESOURCE_EXHAUSTED,
          `the program that answers printed more than ${maxBytes} bytes`,
        );
      }),
      readUpTo(child.stderr, MAX_REASON_BYTES, null),
      child.status,
    ]);
    signal.throwIfAborted();
    if (success) return output;
    const line = decoder.decode(reason).trimStart().split("\n")[0].trimEnd();
    throw new ParleyError(ErrorCode.INTERNAL, line || `the program ended with exit code ${code}`);
  } finally {
    running.delete(child);
    signal.removeEventListener("abort", kill);
  }
}

function start(command: string, call: ReceivedCall): Deno.ChildProcess {
  const windows = Deno.build.os === "windows";
  try {
    return new Deno.Command(windows ? "cmd" : "/bin/sh", {
      args: windows ? ["/d", "/s", "/c", command] : ["-c", command],
      env: {
        PARLEY_METHOD: call.method,
        PARLEY_TYPE: call.type,
        PARLEY_SENDER: call.sender,
      },
      detached: !windows,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new ParleyError(ErrorCode.INTERNAL, "the program that answers cannot be started", {
      cause,
    });
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

async function feed(stdin: WritableStream<Uint8Array>, payload: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(payload);
    await writer.close();
  } catch {
    // A program need not read its input; how it ends says whether that was a mistake.
  }
}

/**
 * Reads a stream to its end. Past `maxBytes` it raises what `tooMuch` gives; with null the rest is read and
 * forgotten.
 */
async function readUpTo(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  tooMuch: (() => Error) | null,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let failure: Error | null = null;
  for await (const chunk of stream) {
    const room = maxBytes - length;
    if (chunk.length > room && tooMuch !== null) failure ??= tooMuch();
    const kept = chunk.subarray(0, room);
    if (kept.length > 0) chunks.push(kept);
    length += kept.length;
  }
  if (failure !== null) throw failure;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
