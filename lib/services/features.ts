/**
 * The features of one server: makes the five, and joins those that are built upon each other.
 */
import { detached, settled } from "../base/detached.ts";
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { QueuePolicies } from "../logic/queues/policies.ts";
import type { KeepPolicies } from "../logic/topics/keep_policies.ts";
import type { ClusterFacts } from "../ports/cluster_facts.ts";
import type { Lead } from "../ports/lead.ts";
import type { Store } from "../ports/store.ts";
import type { Access } from "./access/access.ts";
import type { Administration } from "./administration.ts";
import { mayReceive } from "./access/checks.ts";
import { AuthCallout } from "./calls/auth_callout.ts";
import { Callouts } from "./calls/callouts.ts";
import { Calls } from "./calls/calls.ts";
import { type CounterValues, valuesOf } from "./connection/counters.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { Peer } from "./connection/peer.ts";
import type { ServerContext } from "./connection/server_context.ts";
import { KeptTopics } from "./kept/kept_topics.ts";
import { Queues } from "./queues/queues.ts";
import { Rooms } from "./rooms/rooms.ts";
import { StoreCommits } from "./store_commits.ts";
import { SystemEvents } from "./system/system_events.ts";
import type { TypeRules } from "../logic/types/type_rules.ts";
import { KnownTypes } from "./types/known_types.ts";
import { TypeChecks } from "./types/type_checks.ts";
import { type WebhookMeans, Webhooks } from "./webhooks/webhooks.ts";
import { Bus } from "./topics/bus.ts";
import { ELSEWHERE } from "./topics/hooks.ts";
import { knownPublisherOf } from "./topics/peer_topics.ts";
import { Tails } from "./topics/tails.ts";

const audit = logger("audit");

/** What a server counts, at one moment. */
export type Snapshot = CounterValues & {
  /** The number of times that work was interrupted to poll all sockets. */
  readonly ioPolls: number;
  /** The longest that work went on before the sockets were looked at, in milliseconds: no sum. */
  readonly longestTurnMs: number;
  /** The longest that somebody who had work waited for the turns of others, in milliseconds: no sum. */
  readonly longestTurnWaitMs: number;
};

/** All that a server does for its connections. */
export class Features {
  readonly context: ServerContext;
  /** Topics and subscriptions. */
  readonly bus: Bus;
  /** Samples of what is published, for those who look on. */
  readonly tails: Tails;
  /** What the server tells of itself. */
  readonly system: SystemEvents;
  /** Services and calls under way. */
  readonly calls: Calls;
  /** The server's own calls under way. */
  readonly callouts: Callouts;
  /** Who the peers are; null where nobody asks. */
  access: Access | null = null;
  /** Topics that are kept; null while there is no store. */
  kept: KeptTopics | null = null;
  /** Rooms; null while there is no store. */
  rooms: Rooms | null = null;
  /** Queues; null while there is no store. */
  queues: Queues | null = null;
  /** The queues whose jobs are posted; null while nothing posts. */
  webhooks: Webhooks | null = null;
  /** The message types that are known; null while there is no store. */
  types: KnownTypes | null = null;
  /** Payloads that are held to the type of their topic, queue or method. */
  readonly typeChecks: TypeChecks;
  /** The cluster; null where there is none. */
  cluster: ClusterFacts | null = null;
  /** Told of records that another node has changed. */
  recordsCame: (keys: readonly string[]) => void = () => {};
  /** Told when more was applied of what another node has committed. */
  cameMore: () => void = () => {};
  /** Which node of the cluster writes what is kept; null where this server writes for itself. */
  lead: Lead | null = null;
  /** Durable work that another node does; null where this server does all of it. */
  elsewhere: Elsewhere | null = null;
  /** What administrators may have the server do; null while nobody does it. */
  administration: Administration | null = null;

  constructor(context: ServerContext) {
    this.context = context;
    this.bus = new Bus(context);
    this.tails = new Tails(context, this.bus);
    this.bus.nodes.publisherNamed = (bytes, start, end) =>
      this.elsewhere?.publisherNamed(bytes, start, end) ?? null;
    context.notices = this.system = new SystemEvents(context, this.bus);
    this.calls = new Calls(context);
    this.callouts = new Callouts(context, this.calls);
    this.typeChecks = new TypeChecks(context);
  }

  /** Keeps topics and queues in `store` from now on; once, before the first session. */
  keep(store: Store, policies: KeepPolicies, queuePolicies: QueuePolicies): void {
    const { context, bus } = this;
    const queues = new Queues(context, bus, store, queuePolicies);
    const bind = (topic: string) => queues.boundTo(topic);
    const kept = new KeptTopics(context, bus, store, { policies, bind });
    const commits = new StoreCommits(context, bus, kept, queues);
    commits.cameMore = () => this.cameMore();
    commits.recordsCame = (keys) => this.recordsCame(keys);
    commits.publisherOf = (event) => this.elsewhere?.publisherOf(event) ?? null;
    store.listen(commits);
    bus.join({
      keep: (topic, by) => {
        if (this.elsewhere?.isElsewhere !== true) return kept.topicOf(topic, by);
        const { bindsAny } = queues.policies;
        const isBound = bindsAny && queues.policies.boundTo(topic).length > 0;
        return isBound || kept.keeps(topic) ? ELSEWHERE : null;
      },
      bind,
      check: (topic) => this.typeChecks.ofTopic(topic),
      endTurn: () => queues.dispatch(),
      readers: kept.feeds,
      isShared: store.replica !== null,
    });
    this.kept = kept;
    this.queues = queues;
    this.rooms = new Rooms(context, bus, kept);
    this.types = new KnownTypes(context, store);
    this.typeChecks.goBy(this.types);
  }

  /** Forgets who is in which room under which name; gives those who had a name. */
  newRooms(): readonly Peer[] {
    const { context, bus, kept, rooms } = this;
    if (kept === null || rooms === null) return [];
    this.rooms = new Rooms(context, bus, kept);
    return rooms.names.owners();
  }

  /** Posts the jobs of queues that say so; once, before the first session. */
  deliver(means: WebhookMeans): void {
    if (this.queues !== null) this.webhooks = new Webhooks(this.queues, means);
  }

  /** Asks `access` who the peers are; once, before the first session. */
  ask(access: Access, revise: (features: Features, peer: Peer) => void): void {
    this.access = access;
    access.changed = (accounts, before) => {
      this.bus.decideBy(accounts.types, mayReceive);
      if (before === null) return;
      const changes = accounts.changesSince(before);
      for (const { user, change } of changes) {
        audit.info("{act} {target}: {outcome}", { act: "user", target: user, outcome: change });
      }
      this.system.usersChanged(changes);
    };
    access.tellOfRefusals((origin, user) => {
      const { connection, listener, address: peer, client } = origin;
      const who = { user: "", connection, listener, peer, client: client.name };
      const what = { act: "login", target: user, outcome: "UNAUTHENTICATED" };
      audit.info("{act} {target}: {outcome}", { ...what, ...who, reason: "a password was wrong" });
      this.system.loginRefused(origin, user);
    });
    access.narrowed = (peer) => {
      revise(this, peer);
      this.elsewhere?.renewed(peer);
    };
    access.askBy(new AuthCallout(this.context, this.callouts));
  }

  /** Goes by the limits of the context that are in force now. */
  takeLimits(): void {
    if (this.rooms !== null) this.rooms.names.graceMs = this.context.limits.nameGraceMs;
  }

  /** Holds payloads to other rules from now on. */
  holdTo(rules: TypeRules): void {
    this.typeChecks.follow(rules);
    this.bus.forgetMatches();
  }

  /**
   * Keeps topics and sets queues up by other policies from now on. Those of `peers` that publish on kept topics are read
   * on when what they published is committed: a topic may not be kept any more, and nothing may overtake it.
   */
  follow(policies: KeepPolicies, queuePolicies: QueuePolicies, peers: Iterable<Peer>): void {
    const { kept, queues, bus } = this;
    if (kept === null || queues === null) return;
    bus.flushRun();
    queues.follow(queuePolicies);
    const committed = settled(
      kept.store.flush(),
      "commit what was published under former policies",
    );
    for (const peer of peers) {
      if (knownPublisherOf(peer)?.keeps) peer.hold(committed);
    }
    detached(kept.follow(policies), "tell the store of other policies");
    bus.endTurn();
  }

  /** The kept topics. Raises UNAVAILABLE without a store. */
  needKept(action = "answer the call"): KeptTopics {
    return this.kept ?? notHere(action, "keeps no topics");
  }

  /** The queues. Raises UNAVAILABLE without a store, and where another node has them. */
  needQueues(action = "answer the call"): Queues {
    const queues = this.queues ?? notHere(action, "keeps no queues");
    queues.checkHere(action);
    return queues;
  }

  /** What administrators may have the server do. Raises UNAVAILABLE where nobody does it. */
  needAdministration(action: string): Administration {
    return this.administration ?? notHere(action, "has nobody who does it");
  }

  /** The message types. Raises UNAVAILABLE without a store. */
  needTypes(action = "answer the call"): KnownTypes {
    return this.types ?? notHere(action, "stores no types");
  }

  /** The rooms. Raises UNAVAILABLE without a store, and where another node has them. */
  needRooms(action = "answer the call"): Rooms {
    const rooms = this.rooms ?? notHere(action, "has no rooms");
    this.queues?.checkHere(action);
    return rooms;
  }

  /** The counters with what the bus, the budget of input and the turns count for themselves. */
  snapshot(): Snapshot {
    const { bus, context: { counters, input, turns } } = this;
    return {
      ...valuesOf(counters),
      eventsOut: counters.traffic.eventsOut + bus.deliveredEvents,
      messagesOut: counters.traffic.messagesOut + bus.deliveredEvents,
      bytesOut: counters.traffic.bytesOut + bus.deliveredBytes,
      slowSenderCloses: counters.ends.slowSender + input.gone,
      ioPolls: turns.polls,
      longestTurnMs: turns.longestTurnMs,
      longestTurnWaitMs: turns.longestWaitMs,
    };
  }
}

function notHere(action: string, why: string): never {
  throw new ParleyError(ErrorCode.UNAVAILABLE, `cannot ${action}: this server ${why}`, {
    accepted: "a server with a store",
  });
}
