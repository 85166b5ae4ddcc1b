/**
 * Makes the parts of a server of its configuration: clock and sockets, store, features, users, TLS, listeners.
 *
 * All of them or none: when one cannot be made, those before it are closed again. Nothing is served before all are
 * there. Non-goals: what runs between them (server), and the order of a stop.
 */
import { Door } from "../adapters/socket/door.ts";
import { nodeHasher } from "../adapters/secrets/node_hasher.ts";
import { openTracing } from "../adapters/tracing/otel.ts";
import { openSocketPoll } from "../adapters/socket/poll.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { onDefect } from "../base/defects.ts";
import { assertLimits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import { TypeRules } from "../logic/types/type_rules.ts";
import type { LinkListener } from "../ports/link.ts";
import type { Tracing } from "../ports/tracing.ts";
import { Access } from "../services/access/access.ts";
import { ServerContext } from "../services/connection/server_context.ts";
import { Features } from "../services/features.ts";
import { revise } from "../services/revision.ts";
import { openCluster, type ServerCluster } from "./cluster/open.ts";
import type { SharedStore } from "./cluster/shared.ts";
import { type Config, limitsOf, type LogConfig, typeRulesOf } from "./config/config.ts";
import { posterOf } from "./config/access/webhooks.ts";
import { usersOf } from "./config/users_file.ts";
import { consolePages } from "./console/pages.ts";
import { Admission } from "./listeners/admission.ts";
import { Edge } from "./listeners/edge.ts";
import { Entrance } from "./listeners/entrance.ts";
import { listenAll } from "./listeners/listen.ts";
import { openFilesLimit } from "./listeners/open_files.ts";
import { Refuser } from "./listeners/refuse.ts";
import { Monitoring } from "./monitoring/monitoring.ts";
import { openStore } from "./open_store.ts";
import { RuntimePolicies } from "./runtime_policies.ts";
import { openTls, type ServerTls } from "./tls.ts";
import { ServerUsers, type UsersSource } from "./users.ts";

const log = logger("server");

/** What a server may be given besides its configuration. */
export interface ServerOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Goes on when the data directory has lost acknowledged events, as a new history. Default: false. */
  readonly repair?: boolean;
  /** Reads the configuration again, for `reload`. Default: it stays as it is, only files that it names are read again. */
  readonly reread?: () => Promise<Config>;
  /** Called when the server begins to stop, whoever has it stop. Default: nothing is. */
  readonly stopping?: () => void;
  /** Sets the log up anew when its configuration has changed. Default: nothing does. */
  readonly log?: (config: LogConfig) => void;
  /** Where users come from, to be read again when that changes. Default: the configuration and its file of users. */
  readonly users?: UsersSource;
}

/** The parts of one server. */
export interface ServerParts {
  readonly context: ServerContext;
  readonly features: Features;
  /** What was set at run time of how topics are kept and queues set up. */
  readonly policies: RuntimePolicies;
  readonly users: ServerUsers;
  /** Null when nothing is listened on under TLS. */
  readonly tls: ServerTls | null;
  readonly admission: Admission;
  readonly entrance: Entrance;
  readonly refuser: Refuser;
  readonly edge: Edge;
  readonly monitoring: Monitoring;
  /** Null for a server alone. */
  readonly cluster: ServerCluster | null;
  /** What is behind a store that the nodes of a cluster share; null when it is a store of its own. */
  readonly shared: SharedStore | null;
  readonly listeners: readonly LinkListener[];
  /** Hears no more of defects. */
  stopHearing(): void;
}

/** Makes all parts. Rejects with a ParleyError that says which could not be made, and why. */
export async function openParts(config: Config, options: ServerOptions): Promise<ServerParts> {
  assertLimits(limitsOf(config));
  const serverId = crypto.randomUUID().slice(0, 8);
  // Closed again when the server does not come about.
  await using opened = new AsyncDisposableStack();
  const poll = await openSocketPoll();
  opened.defer(() => poll.close());
  const clock = options.clock ?? systemClock;
  const context = new ServerContext(limitsOf(config), clock, serverId, poll);
  // The one object that changes when the configuration does.
  const { limits } = context;
  context.tracing = tracingOf(config);
  const stopHearing = onDefect((what, error) => noteDefect(context, what, error));
  opened.defer(stopHearing);
  const admission = new Admission(limits, openFilesLimit(), context.nowMs);
  const repair = options.repair ?? false;
  const { features, policies, shared } = await openFeatures(context, config, repair, opened);
  const access = new Access(context, nodeHasher);
  features.ask(access, revise);
  const users = await ServerUsers.open(access, options.users ?? usersOf({ config }));
  opened.defer(() => users.close());
  const cluster = openCluster(config, { features, policies, shared });
  opened.defer(() => cluster?.close());
  const tls = await openTls(config, limits, context.clock.wallMs());
  opened.defer(() => tls?.credentials.close());
  const entrance = new Entrance(context, admission);
  const refuser = new Refuser(admission);
  const edge = new Edge(config.listen, context, admission);
  const door = new Door(edge);
  const monitoring = new Monitoring({ config, features, admission, access });
  opened.defer(() => monitoring.close());
  const pages = new Map([...monitoring.pages, ...consolePages()]);
  const needs = { context, admission, entrance, refuser, tls, door, pages };
  const listeners = await listenAll(config, needs);
  opened.move();
  return {
    context,
    features,
    policies,
    users,
    tls,
    admission,
    entrance,
    refuser,
    edge,
    monitoring,
    cluster,
    shared,
    listeners,
    stopHearing,
  };
}

/** Where spans go; null when nothing is to be traced, or nobody would record it. */
function tracingOf(config: Config): Tracing | null {
  if (!config.tracing.enabled) return null;
  const tracing = openTracing();
  if (tracing === null) {
    log.warning("tracing is on, but nobody records spans: start the server with OTEL_DENO=true");
  }
  return tracing;
}

/** The features with their store. */
async function openFeatures(
  context: ServerContext,
  config: Config,
  repair: boolean,
  opened: AsyncDisposableStack,
): Promise<Pick<ServerParts, "features" | "policies" | "shared">> {
  const features = new Features(context);
  const { store, shared } = await openStore(config, context.clock, repair);
  opened.defer(() => shared?.close());
  opened.defer(() => store.close());
  const policies = await RuntimePolicies.load(store, config, () => context.clock.wallMs());
  const { keep, queues } = policies.inForce();
  features.keep(store, keep, queues);
  const { max_at_once: maxAtOnce } = config.webhooks;
  const poster = await posterOf(config, () => context.clock.wallMs());
  features.queues?.openMade();
  features.deliver({ poster, maxAtOnce });
  await features.rooms?.load();
  await features.types?.load();
  features.holdTo(new TypeRules(typeRulesOf(config)));
  return { features, policies, shared };
}

/** Logs and counts a defect of this process; of several servers in it, each does. */
function noteDefect(context: ServerContext, what: string, error: Error): void {
  context.counters.internalErrors++;
  log.error("cannot {what}: {error}", { what, error });
}
