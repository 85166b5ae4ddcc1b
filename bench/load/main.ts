/**
 * The load generator: one program for every server, run as a process of its own by the harness.
 *
 * Its only argument says as JSON what to do. Each step is answered by one line of JSON on standard
 * output; loads of several steps go on with each line on standard input, and end with its end. A failure
 * is one sentence on standard error and exit code 1. It parses no more of what a server sends than it
 * must: bytes out are made beforehand, bytes in are counted.
 */
import { type BusLoad, runBusLoad } from "./bus_load.ts";
import { type CallLoad, runCallLoad } from "./call_load.ts";
import { type FloodLoad, runFlood } from "./flood_load.ts";
import { type HttpLoad, runHttp } from "./http_load.ts";
import { holdConnections, type IdleLoad } from "./idle_load.ts";
import { type EchoLoad, runEcho } from "./echo_load.ts";
import { type HandshakeLoad, runHandshakes } from "./handshake_load.ts";
import { type InnocentLoad, runInnocent } from "./innocent_load.ts";
import { type KeptDelayLoad, type KeptLoad, runKeptDelay, runKeptLoad } from "./kept_load.ts";
import {
  type QueueDelayLoad,
  type QueueFillLoad,
  type QueueFlowLoad,
  runQueueDelay,
  runQueueFill,
  runQueueFlow,
} from "./queue_load.ts";
import { type RoomLoad, runRoomLoad } from "./room_load.ts";
import { runSlow, type SlowLoad } from "./slow_load.ts";
import { holdSubscriptions, type SubscriptionsLoad } from "./subscriptions_load.ts";
import { Steps } from "./steps.ts";
import { runTrimLoad, type TrimLoad } from "./trim_load.ts";

/** All that it can do. */
export type Load =
  | EchoLoad
  | IdleLoad
  | BusLoad
  | SubscriptionsLoad
  | CallLoad
  | KeptLoad
  | KeptDelayLoad
  | QueueFillLoad
  | QueueFlowLoad
  | QueueDelayLoad
  | RoomLoad
  | FloodLoad
  | InnocentLoad
  | HttpLoad
  | HandshakeLoad
  | SlowLoad
  | TrimLoad;

async function run(load: Load): Promise<void> {
  const steps = new Steps();
  switch (load.kind) {
    case "echo":
      return steps.answer(await runEcho(load));
    case "bus":
      return steps.answer(await runBusLoad(load));
    case "call":
      return steps.answer(await runCallLoad(load));
    case "kept":
      return steps.answer(await runKeptLoad(load));
    case "kept-delay":
      return steps.answer(await runKeptDelay(load));
    case "queue-fill":
      return steps.answer(await runQueueFill(load));
    case "queue-flow":
      return steps.answer(await runQueueFlow(load));
    case "queue-delay":
      return steps.answer(await runQueueDelay(load));
    case "room":
      return steps.answer(await runRoomLoad(load));
    case "http-publish":
    case "http-events":
      return steps.answer(await runHttp(load));
    case "flood":
      return await runFlood(load, steps);
    case "innocent":
      return await runInnocent(load, steps);
    case "handshakes":
      return steps.answer(await runHandshakes(load));
    case "slow":
      return await runSlow(load, steps);
    case "trim":
      return await runTrimLoad(load, steps);
    case "idle":
      return await holdConnections(load, steps);
    case "subscriptions":
      return await holdSubscriptions(load, steps);
  }
}

if (import.meta.main) {
  try {
    await run(JSON.parse(Deno.args[0]));
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
