/**
 * `POST /v1/queues/{queue}` pushes the body as a job; `…/pull` takes jobs and `…/settle` says what became of them.
 *
 * A pull is a consumer of a session that outlives the request (see sessions): the jobs that it was given stay its own
 * until they are settled or their leases end, whatever becomes of the connection. A token names the session, the
 * consumer and the delivery. A client that is gone before it has its jobs, or has finished sending, gets none: they go
 * back at once.
 */
import { create } from "@bufbuild/protobuf";
import { ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import {
  type Death,
  DeathReason,
  type Job,
  JobSchema,
  type Settled,
  SettleSchema,
  Verdict,
} from "../../../gen/parley/v1/queue_pb.ts";
import { type Ack, AckLevel } from "../../../gen/parley/v1/session_pb.ts";
import type { Answer } from "../answer.ts";
import { jsonData, messageHeaders, messageId, messageType } from "./content.ts";
import {
  checkQuery,
  type Exchange,
  finishedSending,
  json,
  numberOf,
  plainBody,
} from "./exchange.ts";
import type { LongSession, PulledJobs } from "./long_session.ts";

/** The parameters of a push and of a pull. */
export const PUSH_QUERY = ["type", "priority", "key", "delay_ms"] as const;
export const PULL_QUERY = ["max", "wait_ms"] as const;

/** The most jobs of one pull, and the longest that it waits for the first. */
const MAX_JOBS = 1000;
const MAX_WAIT_MS = 60_000;
/** A pull waits so long at least: what is ready is handed out when its lease is on disk. */
const LEAST_WAIT_MS = 250;
/** The most tokens of one settle. */
const MAX_TOKENS = 1000;
/** The largest body of one: what is read of it at once holds up others. */
const MAX_SETTLE_BYTES = 256 * 1024;
/** More than any delay that a server accepts, which says so itself. */
const ANY_MS = 2 ** 49;

/** The verdicts, as they are named in JSON. */
const VERDICTS: ReadonlyMap<string, Verdict> = new Map([
  ["ack", Verdict.ACK],
  ["nack", Verdict.NACK],
  ["reject", Verdict.REJECT],
  ["release", Verdict.RELEASE],
  ["extend", Verdict.EXTEND],
]);

/** Pushes the body of a request. */
export async function push(exchange: Exchange): Promise<Answer> {
  const { query } = exchange;
  checkQuery(query, PUSH_QUERY);
  const headers = messageHeaders(exchange.headers);
  const value = create(JobSchema, {
    queue: exchange.names.queue,
    type: messageType(headers, query.get("type")),
    messageId: messageId(exchange.headers),
    priority: numberOf(query, "priority", { most: 2 ** 31 }) ?? 0,
    key: query.get("key") ?? "",
    delayMs: BigInt(numberOf(query, "delay_ms", { most: ANY_MS }) ?? 0),
    headers,
    payload: await plainBody(exchange),
  });
  const client = await exchange.client();
  const said = await client.ask({ case: "job", value });
  const { level, seq, duplicate } = said.value as Ack;
  return json({ level: AckLevel[level], id: Number(seq), duplicate });
}

/** Takes jobs of a queue. */
export async function pull(exchange: Exchange): Promise<Answer> {
  const { query, names: { queue }, gone, left } = exchange;
  checkQuery(query, PULL_QUERY);
  const most = numberOf(query, "max", { least: 1, most: MAX_JOBS }) ?? 1;
  const wantedMs = numberOf(query, "wait_ms", { most: MAX_WAIT_MS }) ?? 0;
  const waitMs = Math.max(wantedMs, LEAST_WAIT_MS);
  const session = await exchange.longSession();
  const pulled = await session.pull(queue, { most, waitMs, gone: left });
  if (left.aborted && !gone.aborted) throw finishedSending(`pull from ${quote(queue)}`);
  return json({ jobs: pulled.jobs.map((job) => described(job, session)) });
}

/** What JSON says of a job. */
function described(job: Job, { name }: LongSession): Record<string, unknown> {
  const { headers, payload } = job;
  return {
    token: `${name}.${job.consumer}.${job.token}`,
    queue: job.queue,
    id: Number(job.id),
    attempt: job.attempt,
    redelivered: job.redelivered,
    lease_ms: job.leaseMs,
    time: new Date(Number(job.timeUnixMicros / 1000n)).toISOString(),
    sender: job.sender,
    ...optional({
      type: job.type,
      message_id: job.messageId,
      key: job.key,
      topic: job.topic,
    }),
    ...job.priority === 0 ? {} : { priority: job.priority },
    ...Object.keys(headers).length === 0 ? {} : { headers },
    ...job.death === undefined ? {} : { death: deathOf(job.death) },
    ...jsonData(payload, headers),
  };
}

function deathOf(death: Death): Record<string, unknown> {
  return {
    reason: DeathReason[death.reason],
    attempts: death.attempts,
    time: new Date(Number(death.timeUnixMicros / 1000n)).toISOString(),
    queue: death.queue,
    id: Number(death.id),
    ...optional({ last_error: death.lastError }),
  };
}

/** Without the texts that are empty. */
function optional(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== ""));
}

/** What the body of a settle says. */
interface Verdicts {
  readonly tokens: readonly string[];
  readonly verdict: Verdict;
  readonly delayMs: bigint | undefined;
  readonly error: string;
}

/** Says what becomes of jobs. */
export async function settle(exchange: Exchange): Promise<Answer> {
  checkQuery(exchange.query, []);
  const body = await plainBody(exchange);
  if (body.length > MAX_SETTLE_BYTES) {
    throw invalidArgument(`cannot settle with a body of ${body.length} bytes`, {
      accepted: `at most ${MAX_SETTLE_BYTES} bytes`,
    });
  }
  const said = verdictsOf(body);
  const late: string[] = [];
  let level: AckLevel | null = null;
  let refusal: unknown = null;
  for (const { session, pulled, tokens } of pullsOf(exchange, said.tokens, late)) {
    try {
      const settled = await settleSome(session, pulled, { ...said, tokens: [...tokens.keys()] });
      for (const token of settled.lateTokens) late.push(tokens.get(token)!);
      level = settled.level;
    } catch (reason) {
      if (!isLate(reason)) throw reason;
      refusal = reason;
      late.push(...tokens.values());
      session.settled(pulled, [...tokens.keys()]);
    }
  }
  if (level === null) throw refusal ?? allLate();
  return json({ level: AckLevel[level], late });
}

/** Deliveries of one pull, by token, as the request names them. */
interface PullTokens {
  readonly session: LongSession;
  readonly pulled: PulledJobs;
  readonly tokens: Map<bigint, string>;
}

/** The pulls that tokens are of. What nobody knows any more, or is another client's, is late. */
function pullsOf(exchange: Exchange, tokens: readonly string[], late: string[]): PullTokens[] {
  const pulls = new Map<PulledJobs, PullTokens>();
  const { queue } = exchange.names;
  for (const text of tokens) {
    const match = /^([\w-]{1,64})\.(\d{1,19})\.(\d{1,20})$/.exec(text);
    if (match === null) {
      throw invalidArgument(`cannot settle the token ${quote(text)}`, {
        accepted: "tokens as a pull has given them",
      });
    }
    const session = exchange.longSessionOf(match[1]);
    const pulled = session?.pulled(BigInt(match[2]));
    if (session === null || pulled === undefined || pulled.queue !== queue) late.push(text);
    else {
      const pull = pulls.get(pulled) ?? { session, pulled, tokens: new Map() };
      pull.tokens.set(BigInt.asUintN(64, BigInt(match[3])), text);
      pulls.set(pulled, pull);
    }
  }
  return [...pulls.values()];
}

async function settleSome(
  session: LongSession,
  pulled: PulledJobs,
  { tokens, verdict, delayMs, error }: Omit<Verdicts, "tokens"> & { tokens: bigint[] },
): Promise<Settled> {
  const value = create(SettleSchema, {
    consumer: pulled.number,
    tokens,
    verdict,
    delayMs,
    error,
  });
  const said = await session.client.ask({ case: "settle", value });
  const settled = said.value as Settled;
  if (verdict !== Verdict.EXTEND) session.settled(pulled, tokens);
  else {
    session.extended(pulled, tokens, Number(delayMs ?? 0n));
    session.settled(pulled, settled.lateTokens);
  }
  return settled;
}

/** Reads the body of a settle. Raises INVALID_ARGUMENT. */
function verdictsOf(body: Uint8Array): Verdicts {
  const accepted = '{"tokens": ["…"], "verdict": "ack"}, where the verdict is one of ' +
    `${[...VERDICTS.keys()].join(", ")}, and delay_ms and error may stand beside it`;
  const refuse = (why: string): never => {
    throw invalidArgument(`cannot settle: ${why}`, { accepted });
  };
  let said: Record<string, unknown>;
  try {
    said = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return refuse("the body is no JSON");
  }
  if (typeof said !== "object" || said === null) return refuse("the body is no object");
  for (const name of Object.keys(said)) {
    if (!["tokens", "verdict", "delay_ms", "error"].includes(name)) {
      return refuse(`there is no field ${quote(name)}`);
    }
  }
  const { tokens, verdict: name, delay_ms: delayMs, error = "" } = said;
  if (
    !Array.isArray(tokens) || tokens.length === 0 || tokens.length > MAX_TOKENS ||
    !tokens.every((token) => typeof token === "string")
  ) {
    return refuse(`"tokens" is no list of 1 to ${MAX_TOKENS} texts`);
  }
  const verdict = VERDICTS.get(String(name));
  if (verdict === undefined) return refuse(`"verdict" is ${quote(String(name))}`);
  if (typeof error !== "string") return refuse('"error" is no text');
  if (
    delayMs !== undefined &&
    !(typeof delayMs === "number" && Number.isSafeInteger(delayMs) && delayMs >= 0)
  ) {
    return refuse('"delay_ms" is no whole number');
  }
  return { tokens, verdict, delayMs: delayMs === undefined ? undefined : BigInt(delayMs), error };
}

function isLate(reason: unknown): boolean {
  return reason instanceof ParleyError && reason.code === ErrorCode.FAILED_PRECONDITION;
}

function allLate(): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    "cannot settle jobs that this client does not hold: the lease is over, or it was settled before",
    {
      accepted: "the token of the last delivery, before its lease ends, from whom it was given to",
    },
  );
}
