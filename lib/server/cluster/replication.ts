/**
 * A server's part in the log that the nodes of its cluster share: who leads, how the log is kept short, and what the rest of
 * the server is told of it.
 */
import { guard } from "../../base/defects.ts";
import { settled } from "../../base/detached.ts";
import type { Lead } from "../../ports/lead.ts";
import type { Cluster } from "../../services/cluster/cluster.ts";
import type { Features } from "../../services/features.ts";
import { LeadKeeper } from "../../services/replication/lead_keeper.ts";
import { LogCare } from "../../services/replication/log_care.ts";
import { LogWatch } from "../../services/replication/log_watch.ts";
import { SharedWork } from "../../services/shared_work.ts";
import type { RuntimePolicies } from "../runtime_policies.ts";
import type { SharedStore } from "./shared.ts";

/** What takes part. */
export interface ReplicationParts {
  readonly features: Features;
  readonly policies: RuntimePolicies;
  readonly shared: SharedStore;
  readonly cluster: Cluster;
  /** Who leads is replaced when it is not heard of for so long. */
  readonly silenceMs: number;
}

/** One server's part. */
export class Replication {
  readonly #shared: SharedStore;
  readonly #keeper: LeadKeeper;
  readonly #care: LogCare;
  readonly #watch: LogWatch;

  /** Takes part from now on. */
  constructor({ features, policies, shared, cluster, silenceMs }: ReplicationParts) {
    this.#shared = shared;
    const { store, log, snapshots } = shared;
    const { context: { clock } } = features;
    const { id: node, name } = cluster.self;
    const replica = store.replica!;
    const work = new SharedWork(features, () => policies.reload());
    features.recordsCame = (keys) => work.recordsCame(keys);
    this.#keeper = new LeadKeeper({
      node,
      name,
      log,
      replica,
      clock,
      silenceMs,
      owner: {
        leads: () => work.takeUp(),
        follows: () => work.layDown(),
        lost: (error) => this.#watch.lost = error,
      },
    });
    this.#care = new LogCare({ node, log, store, snapshots, clock });
    this.#watch = new LogWatch({
      log,
      replica,
      keeper: this.#keeper,
      care: this.#care,
      clock,
      describe: (details) => cluster.engine.describe(details),
    });
    cluster.log = this.#watch;
    features.lead = this.#keeper;
    this.#keeper.onChange(() => {
      if (!this.#keeper.isWriter()) return;
      guard("begin to write", () => work.begin());
      guard("tell that this node writes", () => features.system.writerChanged(cluster.self));
    });
    this.#keeper.start();
  }

  /** Who writes. */
  get lead(): Lead {
    return this.#keeper;
  }

  /** Takes part no more: what was handed over is kept, and another node may lead. */
  async close(): Promise<void> {
    await settled(this.#shared.store.flush(), "commit what was handed over");
    await this.#keeper.close();
    await this.#care.close();
    await this.#watch.close();
  }
}
