/**
 * The methods `parley.v1.Server/…`: what a server is, what the caller may do there, what is wrong, and the figures of the
 * last minutes and hours.
 *
 * They change nothing, and tell each caller only what it may see. What is wrong is looked for in all queues and
 * connections, with turns for others in between.
 */
import { invalidArgument } from "../../../base/errors.ts";
import { byteCount } from "../../../logic/count_text.ts";
import { quote } from "../../../base/quote.ts";
import { VERSION } from "../../../base/version.ts";
import {
  type HistoryServerRequest,
  type PermissionQuestion,
  ProblemSeverity,
  SeriesKind,
  type Server,
} from "../../../gen/parley/v1/server_pb.ts";
import { STRANGER } from "../../../logic/access/access.ts";
import { type Verb, VERBS } from "../../../logic/access/rules.ts";
import { DEAD_SUFFIX, isDeadName } from "../../../logic/queues/policies.ts";
import { queueProblems, USUAL_QUEUE_BOUNDS } from "../../../logic/queue_problems.ts";
import type { NotedHistory } from "../../administration.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Session } from "../../connection/session.ts";
import type { Features } from "../../features.ts";
import type { Queue } from "../../queues/queue.ts";
import { administrationFor } from "./admin.ts";
import type { Methods } from "./method.ts";
import { allowedMethods, isNear, maySeeQueue } from "./rights.ts";

/** The most questions of one request. */
const MAX_QUESTIONS = 256;
/** The most problems that are told. */
const MAX_PROBLEMS = 100;
/** The most series that a request names. */
const MAX_NAMES = 64;
/** The number of queues or connections that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;

const KINDS: Readonly<Record<NotedHistory["series"][number]["kind"], SeriesKind>> = {
  rate: SeriesKind.RATE,
  level: SeriesKind.LEVEL,
  peak: SeriesKind.PEAK,
  mean: SeriesKind.MEAN,
};

/** The methods of the service Server. */
export const SERVER_METHODS: Methods<typeof Server> = {
  about: (features) => {
    const { clock, serverId } = features.context;
    const about = features.needAdministration("tell what the server is").about();
    return {
      serverVersion: VERSION,
      serverId,
      startedUnixMicros: micros(about.startedMs),
      environment: about.environment,
      environmentColor: about.environmentColor,
      hasUsers: features.access?.asksWho ?? false,
      nowUnixMicros: micros(clock.wallMs()),
      clustered: features.cluster !== null,
    };
  },
  permissions: (_features, peer, { questions }) => {
    if (questions.length > MAX_QUESTIONS) {
      throw invalidArgument(`cannot answer ${questions.length} questions at once`, {
        accepted: `at most ${MAX_QUESTIONS}`,
      });
    }
    const { identity } = peer;
    return {
      user: identity?.user ?? "",
      roles: [...identity?.roles ?? []],
      methods: allowedMethods(peer),
      allowed: questions.map((question) => isAllowed(peer, question)),
      verbs: VERBS.filter((verb) => identity === null || identity.permissions.mayAny(verb)),
    };
  },
  problems: (features, peer) => problemsFor(features, peer),
  history: (features, peer, request) => {
    const administration = request.queue === ""
      ? administrationFor(features, peer, "tell what was counted")
      : features.needAdministration("tell what was counted");
    const { stepMs, lastUnixMs, series } = administration.history(historyRequest(request));
    return {
      stepMs,
      lastUnixMicros: micros(lastUnixMs),
      series: series.map(({ name, kind, values }) => ({
        name,
        kind: KINDS[kind],
        values: [...values],
      })),
    };
  },
};

function historyRequest({ queue, stepMs, names, limit }: HistoryServerRequest) {
  if (names.length > MAX_NAMES) {
    throw invalidArgument(`cannot tell ${names.length} series by name`, {
      accepted: `at most ${MAX_NAMES} names, or none for all`,
    });
  }
  const wanted = names.length === 0 ? null : new Set(names);
  return { queue, stepMs, names: wanted, most: limit || Infinity };
}

function isAllowed(peer: Peer, { verb, name, type, whole }: PermissionQuestion): boolean {
  if (!(VERBS as readonly string[]).includes(verb)) {
    throw invalidArgument(`cannot say who may ${quote(verb)}: there is no such verb`, {
      accepted: VERBS.join(", "),
    });
  }
  if (!isNear(peer) && verb === "manage" && name.startsWith("server.")) return false;
  const { identity } = peer;
  if (identity === null) return true;
  const { permissions } = identity;
  return whole
    ? permissions.mayAll(verb as Verb, name, type)
    : permissions.may(verb as Verb, name, type);
}

/** One problem as it is told. */
interface Told {
  readonly kind: string;
  readonly name: string;
  readonly severity: ProblemSeverity;
  readonly text: string;
  readonly count: bigint;
}

/** The problems that were found so far: the worst ones, of bounded number. */
class Found {
  readonly #errors: Told[] = [];
  readonly #warnings: Told[] = [];
  total = 0;

  add(severity: ProblemSeverity, problem: Pick<Told, "kind" | "name" | "text">, count: number) {
    this.total++;
    const list = severity === ProblemSeverity.ERROR ? this.#errors : this.#warnings;
    if (list.length < MAX_PROBLEMS) list.push({ ...problem, severity, count: BigInt(count) });
  }

  worst(): Told[] {
    return [...this.#errors, ...this.#warnings].slice(0, MAX_PROBLEMS);
  }
}

async function problemsFor(features: Features, peer: Peer) {
  const found = new Found();
  const mayKnow = isNear(peer) && peer.identity !== STRANGER &&
    (peer.identity?.permissions.may("manage", "server.stats") ?? true);
  const administration = mayKnow ? features.administration : null;
  for (const { kind, isError, text, count } of administration?.problems() ?? []) {
    const severity = isError ? ProblemSeverity.ERROR : ProblemSeverity.WARNING;
    found.add(severity, { kind, name: "", text }, count);
  }
  const turn = peer.callsTurn;
  await turn.admit();
  let looked = 0;
  for (const queue of features.queues?.all() ?? []) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (!isDeadName(queue.name) && maySeeQueue(peer, queue.name)) lookAt(features, queue, found);
  }
  for (const session of administration?.sessions ?? []) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (isSlow(session)) {
      const { size } = session.outbox;
      const text = `${byteCount(size)} wait for this connection to read`;
      const problem = { kind: "slow_consumer", name: session.sessionId, text };
      found.add(ProblemSeverity.WARNING, problem, size);
    }
  }
  return {
    problems: found.worst(),
    total: found.total,
    serverChecked: administration !== null,
  };
}

function lookAt(features: Features, queue: Queue, found: Found): void {
  const { machine, name, consumers } = queue;
  const { maxJobs, maxBytes, whenFull } = machine.options;
  const dead = features.queues!.find(name + DEAD_SUFFIX);
  const condition = {
    ready: machine.ready,
    dead: dead?.machine.jobs ?? 0,
    consumers: consumers.size,
    paused: machine.paused,
    oldestMs: queue.chunks.oldestMs,
    jobs: machine.jobs,
    maxJobs: Number.isFinite(maxJobs) ? maxJobs : 0,
    bytes: machine.bytes,
    maxBytes: Number.isFinite(maxBytes) ? maxBytes : 0,
    dropsOldest: whenFull === "drop-oldest",
  };
  const nowMs = features.context.clock.wallMs();
  for (const { kind, text, count } of queueProblems(condition, USUAL_QUEUE_BOUNDS, nowMs)) {
    const isError = kind === "queue_full";
    found.add(
      isError ? ProblemSeverity.ERROR : ProblemSeverity.WARNING,
      { kind, name, text },
      count,
    );
  }
}

/** Whether more waits for a connection than half of what may: soon it loses events, or is ended. */
function isSlow({ outbox, context: { limits } }: Session): boolean {
  return outbox.size > limits.maxOutboxBytes >>> 1;
}

function micros(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1000n;
}
