/**
 * What a server tells of itself: the methods `parley.v1.Server/…`. They change nothing.
 */
import {
  ProblemSeverity,
  SeriesKind,
  Server as ServerMethods,
} from "../gen/parley/v1/server_pb.ts";
import { encodeAsk, readAsked } from "./connection/own_methods.ts";
import type { ConnectionPool } from "./connection/pool.ts";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "./messages.ts";
import type { RequestOptions } from "./settings.ts";

/** What a server is. */
export interface ServerAbout {
  /** The version that it runs. */
  readonly version: string;
  /** A value that changes with each start of the server. */
  readonly serverId: string;
  /** When it started. */
  readonly started: Date;
  /** The name of the environment, by the server's configuration; may be empty. */
  readonly environment: string;
  /** gray, blue, green, yellow, orange, red or purple. */
  readonly environmentColor: string;
  /** Whether users are configured. */
  readonly hasUsers: boolean;
  /** The time of the server at this moment. */
  readonly now: Date;
  /** Whether it is a node of a cluster. */
  readonly clustered: boolean;
}

/** Something that a caller wants to know whether it may do. */
export interface PermissionQuestion {
  /** publish, subscribe, call, serve, join, push, pull, manage or authenticate. */
  readonly verb: string;
  /** What it is about: a topic, queue, method or room; for manage one like `queue.NAME`. */
  readonly name: string;
  /** For subscribe: only events of this type. */
  readonly type?: string;
  /** Whether `name` is a pattern, all of which it is about. */
  readonly whole?: boolean;
}

/** What the caller may do. */
export interface OwnPermissions {
  /** Empty for a guest, and where no users are configured. */
  readonly user: string;
  /** The roles of the user or the guest. */
  readonly roles: readonly string[];
  /** The methods of the server's own that the caller may call with some request at least. */
  readonly methods: readonly string[];
  /** The verbs of which something is allowed. */
  readonly verbs: readonly string[];
  /** Whether each of the questions is allowed, in their order. */
  readonly allowed: readonly boolean[];
}

/** Something that is wrong. */
export interface Problem {
  /** What it is, for programs: "dead_letters", "no_consumers", "store" and others. */
  readonly kind: string;
  /** The queue, or the session of a connection, that it is about; empty for the server. */
  readonly name: string;
  /** Whether somebody should look at it, or something does not work. */
  readonly severity: "warning" | "error";
  /** What it is, in words, without the name. */
  readonly text: string;
  /** How many, where it is a number of something. */
  readonly count: number;
}

/** What is wrong. */
export interface Problems {
  /** The worst first; at most 100. */
  readonly problems: readonly Problem[];
  /** How many there are in all. */
  readonly total: number;
  /** Whether the caller may know of the server and its connections, so that these were looked at. */
  readonly serverChecked: boolean;
}

/** Which figures are wanted. */
export interface HistoryOptions extends RequestOptions {
  /** The last minutes, by two seconds, or the last day, by minutes. Default: minutes. */
  readonly of?: "minutes" | "hours";
  /** Only these series. */
  readonly names?: readonly string[];
  /** Those of this queue. */
  readonly queue?: string;
  /** Only so many of the last values. */
  readonly limit?: number;
}

/** One figure over time. */
export interface Series {
  /** Like "messages_in". */
  readonly name: string;
  /** So many a second, what there was on average, the greatest, or what one of them took on average. */
  readonly kind: "rate" | "level" | "peak" | "mean";
  /** One a step, the oldest first; not a number where nothing was noted. */
  readonly values: readonly number[];
}

/** Figures over time. */
export interface FigureHistory {
  /** The time between two values. */
  readonly stepMs: number;
  /** When the last values were noted; null when there are none. */
  readonly last: Date | null;
  /** The series, all of the same length; none for a queue of which nothing is noted. */
  readonly series: readonly Series[];
}

const KINDS: Readonly<Record<number, Series["kind"] | undefined>> = {
  [SeriesKind.RATE]: "rate",
  [SeriesKind.LEVEL]: "level",
  [SeriesKind.PEAK]: "peak",
  [SeriesKind.MEAN]: "mean",
};
const FINE_MS = 0;
const COARSE_MS = 60_000;

/** A server, as it tells of itself. */
export class ServerFacts {
  readonly #pool: ConnectionPool;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  /** Tells what the server is. */
  async about(options?: RequestOptions): Promise<ServerAbout> {
    const { serverVersion, startedUnixMicros, nowUnixMicros, ...about } = await this.#ask(
      ServerMethods.method.about,
      {},
      options,
    );
    const { serverId, environment, environmentColor, hasUsers, clustered } = about;
    return {
      ...{ serverId, environment, environmentColor, hasUsers, clustered },
      version: serverVersion,
      started: dateOf(startedUnixMicros),
      now: dateOf(nowUnixMicros),
    };
  }

  /** Tells who the client is to the server, and what it may do; at most 256 questions at once. */
  async permissions(
    questions: readonly PermissionQuestion[] = [],
    options?: RequestOptions,
  ): Promise<OwnPermissions> {
    const request = { questions: questions.map((question) => ({ ...question })) };
    const { user, roles, methods, verbs, allowed } = await this.#ask(
      ServerMethods.method.permissions,
      request,
      options,
    );
    return { user, roles, methods, verbs, allowed };
  }

  /** Tells what is wrong with the queues that the client may see and, for who may call `admin.stats`, with the server. */
  async problems(options?: RequestOptions): Promise<Problems> {
    const { problems, total, serverChecked } = await this.#ask(
      ServerMethods.method.problems,
      {},
      options,
    );
    return {
      problems: problems.map(({ kind, name, severity, text, count }) => ({
        ...{ kind, name, text },
        severity: severity === ProblemSeverity.ERROR ? "error" : "warning",
        count: Number(count),
      })),
      total,
      serverChecked,
    };
  }

  /**
   * Tells the figures of the last minutes or hours. Those of the server need the permission `manage server.stats`; those of
   * a queue are for who may see it, and there are none for a queue of which nothing is noted.
   */
  async history(
    { of = "minutes", names = [], queue, limit, ...options }: HistoryOptions = {},
  ): Promise<FigureHistory> {
    const stepMs = of === "minutes" ? FINE_MS : COARSE_MS;
    const answer = await this.#ask(
      ServerMethods.method.history,
      { stepMs, names: [...names], queue, limit },
      options,
    );
    return {
      stepMs: answer.stepMs,
      last: answer.lastUnixMicros === 0n ? null : dateOf(answer.lastUnixMicros),
      series: answer.series.map(({ name, kind, values }) => ({
        name,
        kind: KINDS[kind] ?? "level",
        values,
      })),
    };
  }

  #ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: RequestOptions,
  ): Promise<MessageShape<O>> {
    return this.#pool.submit(
      () => encodeAsk(method, request),
      (incoming) => readAsked(method, incoming),
      options,
    );
  }
}

function dateOf(micros: bigint): Date {
  return new Date(Number(micros / 1000n));
}
