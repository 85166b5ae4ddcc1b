/**
 * What a server tells of itself over HTTP: /metrics for Prometheus, /healthz and /readyz for whoever looks whether it is
 * alive and ready. The pages are plain functions; the http listener carries them.
 */
import { VERSION } from "../../base/version.ts";
import type { Page, PageAnswer, PageRequest, Pages } from "../../ports/http_page.ts";
import type { ServerProblem } from "../../services/administration.ts";
import type { WorkTurn } from "../../ports/work_turn.ts";
import { addClusterMetrics } from "./cluster_metrics.ts";
import { Families } from "./families.ts";
import { History } from "./history.ts";
import { LoopDelay } from "./loop_delay.ts";
import type { Monitored } from "./monitored.ts";
import { addProcessMetrics } from "./process_metrics.ts";
import { queueMetricsOf } from "./queue_metrics.ts";
import { addWebhookMetrics } from "./webhook_metrics.ts";
import { Readiness } from "./readiness.ts";
import { addServerMetrics, ConnectionCounts } from "./server_metrics.ts";
import { addStoreMetrics } from "./store_metrics.ts";
import { TopicMetrics } from "./topic_metrics.ts";
import { Viewers } from "./viewers.ts";

const JSON_TYPE = "application/json";

/** What one server tells of itself. */
export class Monitoring {
  /** The pages by their paths. */
  readonly pages: Pages;
  readonly #families = new Families();
  readonly #loop = new LoopDelay();
  readonly #readiness: Readiness;
  /** What was noted of the last minutes and hours. */
  readonly history: History;
  readonly #viewers: Viewers;
  readonly #turn: WorkTurn;
  readonly #look: (turn: WorkTurn) => Promise<void>;
  /** The text that is being made: those who ask meanwhile get the same. */
  #making: Promise<string> | null = null;

  constructor(server: Monitored) {
    this.#readiness = new Readiness(server, this.#loop);
    this.history = new History(server, this.#loop);
    this.#viewers = new Viewers(server.access);
    this.#turn = server.features.context.turns.join();
    const topics = new TopicMetrics(server);
    const queues = queueMetricsOf(server);
    const connections = new ConnectionCounts(server);
    this.#look = async (turn) => {
      await connections.look(turn);
      await topics.look(turn);
      await queues?.look(turn);
    };
    const families = this.#families;
    addServerMetrics(families, server, connections);
    topics.addTo(families);
    queues?.addTo(families);
    addWebhookMetrics(families, () => server.features.webhooks);
    addStoreMetrics(families, server);
    addClusterMetrics(families, server);
    families.gauge(
      "parley_ready",
      "Whether the server is ready, by what is looked at; see /readyz.",
      () => this.#readiness.look().map(({ name, ok }) => [ok ? 1 : 0, { check: name }]),
    );
    addProcessMetrics(families, this.#loop);
    this.pages = new Map<string, Page>([
      ["/healthz", () => Promise.resolve(this.#alive())],
      ["/readyz", (request) => this.#ready(request)],
      ["/metrics", (request) => this.#metrics(request)],
    ]);
  }

  /** The names of all families of metrics. */
  get metricNames(): readonly string[] {
    return this.#families.names;
  }

  /** Says that the server stops: it is not ready any more. */
  set stopping(stops: boolean) {
    this.#readiness.stopping = stops;
  }

  /** What is wrong with the server as a whole. */
  problems(): readonly ServerProblem[] {
    return this.#readiness.problems();
  }

  /** Looks at nothing any more. */
  close(): void {
    this.history.close();
    this.#loop.close();
  }

  #alive(): PageAnswer {
    const status = this.#readiness.stopping ? "stopping" : "ok";
    const body = JSON.stringify({ status, version: VERSION });
    return { status: 200, type: JSON_TYPE, body };
  }

  async #ready(request: PageRequest): Promise<PageAnswer> {
    const checks = this.#readiness.look();
    const ok = checks.every((check) => check.ok);
    const status = ok ? "ready" : "not ready";
    const told = await this.#viewers.refusal(request) === null ? { status, checks } : { status };
    return { status: ok ? 200 : 503, type: JSON_TYPE, body: JSON.stringify(told) };
  }

  async #metrics(request: PageRequest): Promise<PageAnswer> {
    const refusal = await this.#viewers.refusal(request);
    if (refusal !== null) return refusal;
    const body = await (this.#making ??= this.#make());
    return { status: 200, type: this.#families.contentType, body };
  }

  async #make(): Promise<string> {
    try {
      await this.#look(this.#turn);
      return await this.#families.text(this.#turn);
    } finally {
      this.#making = null;
    }
  }
}
