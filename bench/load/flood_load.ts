/**
 * One connection that floods a server: it writes without a pause, as fast as the server takes it, and reads
 * what comes back. It goes on until the process is ended.
 */
import type { Steps } from "./steps.ts";
import { type Amounts, type Flood, type FloodName, natsFlood, parleyFlood } from "./flood_kinds.ts";
import { Setup, type Target, writeAll } from "./target.ts";

/** What to flood with. */
export interface FloodLoad extends Amounts {
  readonly kind: "flood";
  readonly target: Target;
  readonly flood: FloodName;
  /** Tells the flooders apart, from 0. */
  readonly number: number;
}

const READ_BYTES = 256 * 1024;
const NOW_AND_THEN_MS = 50;

/** Floods; says when it is ready to, and then does. */
export async function runFlood(load: FloodLoad, steps: Steps): Promise<void> {
  const setup = await Setup.open(load.target);
  const flood = load.target.dialect === "nats"
    ? await natsFlood(setup, load.flood)
    : await parleyFlood(setup, load.flood, load.number, load);
  steps.answer({ ready: true });
  await Promise.race([read(setup, flood), write(setup, flood)]);
}

async function read(setup: Setup, { came }: Flood): Promise<never> {
  const into = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await setup.connection.read(into);
    if (count === null) throw new Error("the server ended a connection that flooded it");
    const answer = came?.(into.slice(0, count)) ?? null;
    if (answer !== null) answers.push(answer);
  }
}

/** What is to be sent for what came: one writes at a time. */
const answers: Uint8Array[] = [];

async function write(setup: Setup, flood: Flood): Promise<never> {
  const { connection } = setup;
  for (;;) {
    for (const answer of answers.splice(0)) await writeAll(connection, answer);
    if (flood.bytes.length > 0) await writeAll(connection, flood.bytes);
    if (flood.nowAndThen === undefined && flood.came === undefined) continue;
    if (flood.nowAndThen !== undefined) await writeAll(connection, flood.nowAndThen);
    const ms = flood.nowAndThen === undefined ? 0 : NOW_AND_THEN_MS;
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}
