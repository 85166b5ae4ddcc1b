/**
 * What is learned of the server with each connection, before anything of it is shown: what it is, and what the person may do.
 */
import { effect, signal } from "@preact/signals";
import { detached } from "../../lib/base/detached.ts";
import type { AboutServerResponse } from "../../lib/gen/parley/v1/server_pb.ts";
import { Server } from "../../lib/gen/parley/v1/server_pb.ts";
import { ask } from "./ask.ts";
import { generation, phase } from "./connection.ts";
import { learnRights, methods } from "./rights.ts";

/** What the server is; null while that is not known. */
export const about = signal<AboutServerResponse | null>(null);

/** Learns it with each connection, for as long as the page is there. */
export function learnOfServer(): void {
  effect(() => {
    if (generation.value > 0 && phase.value === "connected") {
      detached(learn(), "learn of the server");
    }
  });
}

async function learn(): Promise<void> {
  const [told, rights] = await Promise.allSettled([ask(Server.method.about, {}), learnRights()]);
  if (told.status === "fulfilled") about.value = told.value;
  // Whoever may not even ask is offered nothing.
  if (rights.status === "rejected") methods.value ??= new Set();
}
