/**
 * Whether a server is ready for clients, and why not: the answers of /healthz and /readyz, and the same for metrics.
 */
import type { ClusterFacts } from "../../ports/cluster_facts.ts";
import type { Monitored } from "./monitored.ts";
import { freeDiskBytes } from "./disk.ts";
import type { LoopDelay } from "./loop_delay.ts";
import { countOf } from "../../logic/count_text.ts";
import type { ServerProblem } from "../../services/administration.ts";

/** What is looked at. */
export const CHECKS = ["running", "store", "disk", "event_loop", "connections", "cluster"] as const;

/**
 * For so long a commit that failed counts, when none follows: who is sent no clients for it would never learn that there is
 * room again.
 */
export const FAILURE_COUNTS_MS = 10_000;

/** One look at one thing. */
export interface Check {
  readonly name: typeof CHECKS[number];
  readonly ok: boolean;
  /** What was found, in one sentence. */
  readonly reason: string;
}

/** What one server is like at this moment. */
export class Readiness {
  /** Whether the server stops. */
  stopping = false;
  readonly #server: Monitored;
  readonly #loop: LoopDelay;

  constructor(server: Monitored, loop: LoopDelay) {
    this.#server = server;
    this.#loop = loop;
  }

  /** Looks at everything. */
  look(): readonly Check[] {
    const checks = [
      this.#running(),
      this.#store(),
      this.#disk(),
      this.#eventLoop(),
      this.#connections(),
    ];
    const { cluster } = this.#server.features;
    return cluster === null ? checks : [...checks, this.#cluster(cluster)];
  }

  /** What is wrong with the server: each check that fails, and its defects. */
  problems(): readonly ServerProblem[] {
    const failed = this.look().filter(({ ok }) => !ok).map(({ name, reason }): ServerProblem => ({
      kind: name,
      isError: name !== "running" && name !== "event_loop",
      text: reason,
      count: 0,
    }));
    const { internalErrors: defects } = this.#server.features.context.counters;
    if (defects === 0) return failed;
    const text = `the server had ${countOf(defects, "defect")}`;
    return [...failed, { kind: "defects", isError: true, text, count: defects }];
  }

  #running(): Check {
    const ok = !this.stopping;
    return { name: "running", ok, reason: ok ? "the server runs" : "the server stops" };
  }

  #store(): Check {
    const { features: { kept }, config } = this.#server;
    const name = "store";
    if (kept === null) return { name, ok: true, reason: "there is no store" };
    const { ended, failure, failedAgoMs, underWayMs } = kept.store.health();
    if (ended !== null) return { name, ok: false, reason: `the store has ended: ${ended.message}` };
    if (failure !== null && failedAgoMs < FAILURE_COUNTS_MS) {
      return { name, ok: false, reason: `the last commit failed: ${failure.message}` };
    }
    if (underWayMs > config.monitoring.max_commit_ms) {
      const reason = `a commit has taken ${Math.round(underWayMs)} ms, and is not done`;
      return { name, ok: false, reason };
    }
    return { name, ok: true, reason: "the store takes what is to be kept" };
  }

  #disk(): Check {
    const { data, monitoring: { min_free_disk_bytes: least } } = this.#server.config;
    const name = "disk";
    if (data === "") return { name, ok: true, reason: "nothing is kept on a disk" };
    const free = freeDiskBytes(data);
    if (free === null) return { name, ok: true, reason: "the system does not tell what is free" };
    const ok = free >= least;
    const reason = ok ? `${free} bytes are free` : `${free} bytes are free, fewer than ${least}`;
    return { name, ok, reason };
  }

  #eventLoop(): Check {
    const { max_loop_delay_ms: most } = this.#server.config.monitoring;
    const delayMs = Math.round(this.#loop.lastMs);
    const ok = delayMs <= most;
    const reason = `the last timer came ${delayMs} ms late`;
    return { name: "event_loop", ok, reason: ok ? reason : `${reason}, more than ${most}` };
  }

  #cluster(cluster: ClusterFacts): Check {
    const { isUp, whyDown, log } = cluster;
    const name = "cluster";
    if (!isUp) return { name, ok: false, reason: `NATS cannot be reached: ${whyDown}` };
    const others = `${countOf(cluster.nodes().length, "other node")} there`;
    if (log === null) return { name, ok: true, reason: others };
    if (log.fault !== "") {
      return { name, ok: false, reason: `the cluster's log cannot be followed: ${log.fault}` };
    }
    const behind = countOf(log.lag, "entry", "entries");
    if (!log.hasCaughtUp) {
      const reason = `the cluster's log is being applied: ${behind} of it to come`;
      return { name, ok: false, reason };
    }
    if (log.role === "writer") return { name, ok: true, reason: `this node writes; ${others}` };
    if (log.writer === "") return { name, ok: false, reason: "no node writes at the moment" };
    const writer = log.writerName || log.writer;
    return { name, ok: true, reason: `${writer} writes, this node is ${behind} behind; ${others}` };
  }

  #connections(): Check {
    const { open, maxConnections } = this.#server.admission;
    const ok = open < maxConnections;
    const reason = `${open} of ${maxConnections} connections are taken`;
    return { name: "connections", ok, reason };
  }
}
