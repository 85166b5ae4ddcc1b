/**
 * Answers a call with a program: the request is its standard input, its standard output the answer.
 *
 * How programs are run is the affair of shell_program.ts. What one prints is bounded by what can be sent, and
 * of what it says of a failure the first line is handed on.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { joinBytes } from "../../base/join_bytes.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { ReceivedCall } from "../../client/mod.ts";
import { runProgram } from "../programs/shell.ts";

/** The most that is kept of the first line of standard error. */
const MAX_REASON_BYTES = 1024;

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
  const { signal, payload: input } = call;
  signal.throwIfAborted();
  const environment = {
    PARLEY_METHOD: call.method,
    PARLEY_TYPE: call.type,
    PARLEY_SENDER: call.sender,
  };
  const { result, status } = await runProgram(
    command,
    { environment, input, signal },
    (child, end) =>
      Promise.all([
        readUpTo(child.stdout, maxBytes, () => {
          end();
          return new ParleyError(
            ErrorCode.RESOURCE_EXHAUSTED,
            `the program that answers printed more than ${maxBytes} bytes`,
          );
        }),
        readUpTo(child.stderr, MAX_REASON_BYTES, null),
      ]),
  );
  signal.throwIfAborted();
  const [output, reason] = result;
  if (status.success) return output;
  const line = decodeTextLeniently(reason).trimStart().split("\n")[0].trimEnd();
  throw new ParleyError(
    ErrorCode.INTERNAL,
    line || `the program ended with exit code ${status.code}`,
  );
}

/**
 * Reads a stream to its end. Past `maxBytes` it raises what `tooMuch` gives; with null the rest is read and
 * forgotten.
 */
async function readUpTo(
  stream: AsyncIterable<Uint8Array>,
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
  return joinBytes(chunks);
}
