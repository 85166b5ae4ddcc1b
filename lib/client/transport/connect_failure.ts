/**
 * Says why a connection could not be opened, and what the person at the keyboard can do about it.
 *
 * Pure: it looks at the names and codes that the runtimes give their errors.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { tlsFault } from "./tls_fault.ts";
import { DEFAULT_HTTP_PORT, type SocketTarget, type Target } from "./url.ts";

/** The error for `reason`, which a runtime raised when it was to connect to `url`. */
export function connectFailure(target: Target, url: string, reason: unknown): ParleyError {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  const code = systemCode(error);
  if (error.name === "NotCapable") {
    const flag = target.kind === "unix"
      ? `--allow-read=${target.path} --allow-write=${target.path}`
      : `--allow-net=${target.hostname}:${target.port}`;
    return new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `cannot connect to ${url}: this program may not; run it with ${flag}`,
      { cause: reason },
    );
  }
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    `cannot connect to ${url}: ${why(target, code, error)}`,
    {
      cause: reason,
    },
  );
}

/** The error where only WebSockets are to be had, as in browsers, and `url` asks for something else. */
export function noSockets(target: SocketTarget, url: string): ParleyError {
  const hostname = target.kind === "unix" ? "HOST" : target.hostname;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return new ParleyError(
    ErrorCode.UNIMPLEMENTED,
    `cannot connect to ${url}: this runtime, like any browser, has no sockets but WebSockets; use ` +
      `ws://${host}:${DEFAULT_HTTP_PORT}, or wherever the server's http listener is`,
    { accepted: "ws://host:port or wss://host here; Deno, or Node 20 and later for this URL" },
  );
}

function why(target: Target, code: string, error: Error): string {
  if (target.kind === "unix") {
    if (code === "ENOENT") return `there is no socket ${target.path}; is the server running?`;
    if (code === "ECONNREFUSED") {
      return `nobody listens on the socket ${target.path}; is the server running?`;
    }
    if (code === "EACCES") return `this user may not open the socket ${target.path}`;
    return error.message;
  }
  const isTls = target.kind === "tls" || target.kind === "ws" && target.href.startsWith("wss:");
  const fault = isTls ? tlsFault(target.hostname, `${code} ${error.name} ${error.message}`) : null;
  if (fault !== null) return fault;
  if (target.kind === "ws") {
    // Browsers tell no program why, so that it cannot look around.
    return `no WebSocket could be opened; is the server running, is ${target.port} its http port, and ` +
      `may this page connect (listen.origins)? (${error.message})`;
  }
  if (code === "ECONNREFUSED") {
    return `nobody listens there; is the server running, and is ${target.port} its ${target.kind} port?`;
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return `the host ${target.hostname} cannot be found; check its name and this machine's DNS`;
  }
  return error.message;
}

/** The system's name for the error, as far as the runtime tells it. */
function systemCode(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return systemCode(error.errors[0]);
  }
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") return code;
  if (error.name === "ConnectionRefused") return "ECONNREFUSED";
  if (error.name === "NotFound") return "ENOENT";
  if (error.name === "PermissionDenied") return "EACCES";
  if (error.message.includes("failed to lookup address")) return "ENOTFOUND";
  return "";
}
