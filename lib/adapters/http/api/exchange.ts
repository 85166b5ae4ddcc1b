/**
 * A request as a route sees it, and what a route may answer with.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import type { Answer } from "../answer.ts";
import type { RequestHeaders } from "./content.ts";
import type { LongSession } from "./long_session.ts";
import type { MessageClient } from "./message_client.ts";

/** Writes a piece. Gives a promise when there is no room for more, which resolves when there is. */
export type WriteMore = (piece: Uint8Array | string) => Promise<void> | void;

/** An answer without an end of its own, written piece by piece. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Writes until it is over, or `gone` is aborted. */
  run(write: WriteMore): Promise<void>;
}

/** One request. */
export interface Exchange {
  readonly method: string;
  /** What stands in the path in the place of each name of its route, decoded. */
  readonly names: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: RequestHeaders;
  /** The largest message of the server. */
  readonly maxFrameBytes: number;
  /** Aborted when the client is gone. */
  readonly gone: AbortSignal;
  /**
   * Aborted when the client is gone or has finished sending. A connection that its client has closed is not known from
   * one that is half closed before something is written, so what waits for others asks this one.
   */
  readonly left: AbortSignal;
  /** The machine's clock, in milliseconds since 1970. */
  wallMs(): number;
  /** Reads the body, which has at most `maxFrameBytes`. Rejects with a ParleyError. */
  body(): Promise<Uint8Array>;
  /** The session of this connection, as whom the request says that it is. Rejects with a ParleyError. */
  client(): Promise<MessageClient>;
  /** A session that outlives the connection, as whom the request says that it is. Rejects with a ParleyError. */
  longSession(): Promise<LongSession>;
  /** The session of that name, if it is one of whom the request says that it is; null for none. */
  longSessionOf(name: string): LongSession | null;
}

/** Does what a request asks for. Rejects with a ParleyError to refuse it. */
export type Run = (exchange: Exchange) => Promise<Answer | StreamAnswer>;

/** Where a parameter of a query may be. */
interface Bounds {
  readonly least?: number;
  readonly most: number;
}

/** A whole number of the query; undefined when it is not there. Raises INVALID_ARGUMENT. */
export function numberOf(
  query: URLSearchParams,
  name: string,
  { least = 0, most }: Bounds,
): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw invalidArgument(`cannot take ${name}=${quote(text)}`, {
    accepted: `a whole number from ${least} to ${most}`,
  });
}

/** The body as it is meant. Rejects with INVALID_ARGUMENT for one that is compressed: nobody would know of that later. */
export async function plainBody(exchange: Exchange): Promise<Uint8Array> {
  const coding = exchange.headers["content-encoding"] ?? "identity";
  if (coding.toLowerCase() === "identity") return await exchange.body();
  throw invalidArgument(`cannot take a body with Content-Encoding ${quote(coding)}`, {
    accepted: "a body without one, as it is meant",
  });
}

/** Raises INVALID_ARGUMENT for a parameter that is not one of `names`: a misspelt one would do nothing. */
export function checkQuery(query: URLSearchParams, names: readonly string[]): void {
  if (query.size === 0) return;
  for (const name of query.keys()) {
    if (names.includes(name) && query.getAll(name).length === 1) continue;
    throw invalidArgument(
      names.includes(name)
        ? `cannot take the parameter ${quote(name)} twice`
        : `cannot take the parameter ${quote(name)}`,
      { accepted: names.length === 0 ? "no parameters" : `${names.join(", ")}, each once` },
    );
  }
}

/** Why `action` is given up for a client that still takes its answer, but has finished sending. */
export function finishedSending(action: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot ${action}: the client has closed its sending side, and may be gone`,
    { accepted: "a connection that stays open in both directions until the answer is there" },
  );
}

/** An answer of JSON. */
export function json(value: unknown, status = 200): Answer {
  return {
    status,
    headers: { "Content-Type": "application/json" },
    body: `${JSON.stringify(value)}\n`,
  };
}
