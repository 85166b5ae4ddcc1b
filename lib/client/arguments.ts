/**
 * Checks what programs in JavaScript hand over, where no compiler has: each refusal says what was given, in their words.
 */
import { encodeText } from "./connection/requests.ts";
import { invalidArgument } from "./program_error.ts";

const PAYLOADS = "a string or a Uint8Array; JSON.stringify(value) for JSON, " +
  "new Uint8Array(buffer) for an ArrayBuffer";

/** The bytes of a payload. Raises INVALID_ARGUMENT for what is none, such as an object. */
export function payloadBytes(payload: Uint8Array | string, action: string): Uint8Array {
  if (typeof payload === "string") return encodeText(payload, action);
  if (payload instanceof Uint8Array) return payload;
  throw invalidArgument(`cannot ${action} ${nameOf(payload)} as payload`, { accepted: PAYLOADS });
}

/** Raises INVALID_ARGUMENT unless `value` is a string; `what` says where it was wanted: `publish on the topic`, and `form` how it is given. */
export function checkString(value: unknown, what: string, example: string, form = ""): void {
  if (typeof value === "string") return;
  throw invalidArgument(`cannot ${what} ${nameOf(value)}`, {
    accepted: `a string, such as "${example}"${form === "" ? "" : `, as ${form}`}`,
  });
}

/** Raises INVALID_ARGUMENT unless `value` is a function. */
export function checkHandler(value: unknown, what: string, form: string): void {
  if (typeof value === "function") return;
  throw invalidArgument(`cannot ${what} ${nameOf(value)} as handler`, {
    accepted: `a function: ${form}`,
  });
}

/** Raises INVALID_ARGUMENT unless `headers` has strings alone. */
export function checkHeaders(headers: Readonly<Record<string, unknown>>, action: string): void {
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "string") continue;
    throw invalidArgument(
      `cannot ${action} with ${nameOf(value)} as header ${JSON.stringify(name)}`,
      { accepted: "a string for each header" },
    );
  }
}

/** What was given, as its author would say it. */
function nameOf(value: unknown): string {
  if (value === undefined) return "nothing (undefined)";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") {
    const name = value.constructor?.name ?? "Object";
    return name === "Object" ? "an object" : `an object of ${name}`;
  }
  if (typeof value === "function") return "a function";
  return `the ${typeof value} ${String(value)}`;
}
