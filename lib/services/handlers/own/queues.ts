/**
 * The methods `parley.v1.Queues/…`: which queues there are, what they hold, and looking after them.
 *
 * Figures are of the moment; what changes something is answered once that is as safe as the store keeps it.
 */
import { invalidArgument } from "../../../base/errors.ts";
import { MAX_REDRIVEN_IDS } from "../../../base/limits.ts";
import { matchesPattern } from "../../../base/matches_pattern.ts";
import type { PeekQueueRequest, Queues as QueuesService } from "../../../gen/parley/v1/queue_pb.ts";
import { DEAD_SUFFIX, isDeadName } from "../../../logic/queues/policies.ts";
import { checkPattern } from "../../../logic/topics/pattern.ts";
import { queuePolicies, setQueue, unsetQueue } from "./policies.ts";
import { maySeeQueue } from "./rights.ts";
import type { Methods } from "./method.ts";
import { firstNames, madeLater } from "./name_page.ts";
import {
  countMatching,
  dropMatching,
  idOf,
  matcherOf,
  queueOf,
  redriveMatching,
} from "./queue_matching.ts";
import { pauseQueue, peek, purge, redrive } from "../../queues/care.ts";
import type { Queue } from "../../queues/queue.ts";
import { removeQueue } from "../../queues/removal.ts";
import type { Queues } from "../../queues/queues.ts";
import type { Features } from "../../features.ts";
import type { Peer } from "../../connection/peer.ts";

/** The most queues of one page. */
const MAX_PAGE_QUEUES = 1000;
/** The most jobs of one peek, and how many it gives when it is not told. */
const MAX_PEEKED = 1000;
const USUAL_PEEKED = 10;
/** The most bytes of a queue in a list, without its name and its bindings. */
const INFO_BYTES = 192;
/** The methods of the service Queues. */
export const QUEUE_METHODS: Methods<typeof QueuesService> = {
  list: { list: "queues", run: list },
  info: (features, session, { queue }) => ({
    info: infoOf(features.needQueues(), queueOf(features, session, queue, "look at")),
  }),
  peek: { list: "jobs", run: look },
  purge: async (features, session, request) => {
    const queue = queueOf(features, session, request.queue, "purge");
    return { dropped: BigInt(await purge(features.needQueues(), queue, session.callsTurn)) };
  },
  remove: async (features, session, { queue, force }) => {
    const { name } = queueOf(features, session, queue, "remove");
    const queues = features.needQueues();
    const dropped = await removeQueue(queues, name, force, session.callsTurn);
    // One that was made at run time would be there again.
    const policies = features.administration?.policies;
    if (policies?.hasQueue(name)) {
      await policies.unsetQueue(name);
      const left = queues.find(name);
      if (left !== null) queues.forget(left);
    }
    return { dropped: BigInt(dropped) };
  },
  redrive: async (features, session, { queue, ids }) => {
    queueOf(features, session, queue, "redrive");
    if (ids.length > MAX_REDRIVEN_IDS) {
      throw invalidArgument(`cannot redrive ${ids.length} jobs by their ids`, {
        accepted: `at most ${MAX_REDRIVEN_IDS} ids, or none for all jobs`,
      });
    }
    const wanted = ids.length === 0 ? null : new Set(ids.map(Number));
    return {
      redriven: BigInt(await redrive(features.needQueues(), queue, wanted, session.callsTurn)),
    };
  },
  pause: (features, session, { queue }) => pause(features, session, queue, true),
  resume: (features, session, { queue }) => pause(features, session, queue, false),
  policies: queuePolicies,
  set: setQueue,
  unset: unsetQueue,
  countMatching,
  dropMatching,
  redriveMatching,
};

async function list(
  features: Features,
  session: Peer,
  request: { pattern: string; after: string; limit: number },
) {
  const { pattern, after } = request;
  const { limits } = session.context;
  const queues = features.needQueues();
  if (pattern !== "") checkPattern(pattern, limits, "list");
  const most = Math.min(request.limit || MAX_PAGE_QUEUES, MAX_PAGE_QUEUES);
  const page = await firstNames(matching(queues, session, pattern), {
    after,
    most,
    turn: session.callsTurn,
  });
  // The page is one message: half of what a message may be leaves room for everything around it.
  let left = limits.maxFrameBytes >>> 1;
  const fits = (name: string, index: number) => {
    const bound = queues.bindingsOf(name).reduce((sum, pattern) => sum + pattern.length + 4, 0);
    left -= INFO_BYTES + 3 * (name.length + bound);
    return left >= 0 || index === 0;
  };
  const cut = page.names.findIndex((name, index) => !fits(name, index));
  const names = cut < 0 ? page.names : page.names.slice(0, cut);
  const info = (name: string) => {
    const queue = queues.find(name);
    return queue === null ? null : infoOf(queues, queue);
  };
  return { queues: madeLater(names, info), more: page.more || cut >= 0 };
}

/** The names of the queues that `pattern` matches; those for dead letters only once they had any. */
function* matching(queues: Queues, session: Peer, pattern: string): Generator<string> {
  for (const { name, isStored } of queues.all()) {
    if (!matchesPattern(pattern, name) || isDeadName(name) && !isStored) continue;
    if (maySeeQueue(session, name)) yield name;
  }
}

async function look(
  features: Features,
  session: Peer,
  request: PeekQueueRequest,
) {
  const queue = queueOf(features, session, request.queue, "peek into");
  const matcher = matcherOf(request.filter, "peek at");
  if (request.limit > MAX_PEEKED) {
    throw invalidArgument(`cannot peek at ${request.limit} jobs`, {
      accepted: `at most ${MAX_PEEKED}`,
    });
  }
  const limit = request.limit || USUAL_PEEKED;
  const maxBytes = session.context.limits.maxFrameBytes >>> 1;
  const turn = session.callsTurn;
  const what = { after: idOf(request.after), limit, maxBytes, matcher };
  return await peek(features.needQueues(), queue, what, turn);
}

async function pause(features: Features, session: Peer, name: string, paused: boolean) {
  const queues = features.needQueues();
  const queue = queueOf(features, session, name, paused ? "pause" : "resume");
  await pauseQueue(queues, queue, paused);
  return { info: infoOf(queues, queue) };
}

function infoOf(queues: Queues, queue: Queue) {
  const { machine, name } = queue;
  const { options } = machine;
  const dead = queues.find(name + DEAD_SUFFIX);
  return {
    queue: name,
    ready: BigInt(machine.ready),
    delayed: BigInt(machine.delayed),
    leased: BigInt(machine.leased),
    blocked: BigInt(machine.blocked),
    dead: BigInt(dead?.machine.jobs ?? 0),
    bytes: BigInt(machine.bytes),
    oldestTimeUnixMicros: BigInt(Math.floor(queue.chunks.oldestMs)) * 1000n,
    consumers: queue.consumers.size,
    paused: machine.paused,
    settings: {
      leaseMs: options.leaseMs,
      maxDeliveries: options.maxDeliveries,
      maxJobs: bounded(options.maxJobs),
      maxBytes: bounded(options.maxBytes),
      dropsOldest: options.whenFull === "drop-oldest",
      ordered: options.ordered,
      bind: [...queues.bindingsOf(name)],
      backoffMinMs: options.backoffMinMs,
      backoffMaxMs: options.backoffMaxMs,
    },
    pushed: BigInt(queue.pushed),
    done: BigInt(queue.done),
    redelivered: BigInt(queue.redelivered),
  };
}

/** A bound as it is told: 0 for none. */
function bounded(most: number): bigint {
  return Number.isFinite(most) ? BigInt(most) : 0n;
}
