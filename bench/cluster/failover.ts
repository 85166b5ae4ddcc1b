/**
 * How long nothing is acknowledged when the node that writes is killed: clients of the other nodes publish one kept event after
 * the other all the time, and the longest pause between two acknowledgements is what counts.
 *
 * What is refused meanwhile is tried again with the same message_id. The node that was killed is started again and has
 * caught up before the next kill.
 */
import { type Client, connect, ParleyError } from "../../lib/client/mod.ts";
import { KEPT_TOPIC } from "../load/kept_publisher.ts";
import { NODES, type ParleyNodes } from "./nodes.ts";

const PAYLOAD = "x".repeat(128);
/** Publishers at each node that stays. */
const PUBLISHERS = 4;
const TRY_AGAIN_MS = 10;
const REQUEST_MS = 30_000;
/** Acknowledgements after which writing goes on for certain, and before which nothing is killed. */
const SETTLED = 50;
const PATIENCE_MS = 60_000;
/** A pause that only a change of the node that writes makes: it is silent for longer before it is replaced. */
const PAUSE_MS = 1000;

/** Kills the node that writes, and gives for how many seconds nothing was acknowledged. */
export async function measureKill(nodes: ParleyNodes): Promise<number> {
  const writer = await nodes.writer();
  const others = Array.from({ length: NODES }, (_, index) => index)
    .filter((index) => index !== writer);
  const clients = await Promise.all(
    others.map((index) =>
      connect(`parley://127.0.0.1:${nodes.port(index)}`, { requestTimeoutMs: REQUEST_MS })
    ),
  );
  const acknowledgements = new Acknowledgements();
  const publishing = clients.flatMap((client) =>
    Array.from({ length: PUBLISHERS }, () => publishAll(client, acknowledgements))
  );
  try {
    await acknowledgements.more(SETTLED);
    acknowledgements.watch();
    await nodes.kill(writer);
    // What was under way may be acknowledged still, so the pause may begin later.
    while (acknowledgements.longestMs < PAUSE_MS) await acknowledgements.more(1);
    await acknowledgements.more(SETTLED);
  } finally {
    acknowledgements.over = true;
    await Promise.all(publishing);
    await Promise.all(clients.map((client) => client.close()));
  }
  await nodes.startNode(writer);
  await nodes.agree();
  return acknowledgements.longestMs / 1000;
}

class Acknowledgements {
  over = false;
  /** Why something was not acknowledged, as it was told last. */
  problem = "";
  /** The longest pause between two of them since they are watched. */
  longestMs = 0;
  #count = 0;
  #lastMs = performance.now();
  #waiting: { least: number; resolve: () => void } | null = null;

  count(): void {
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#lastMs);
    this.#lastMs = now;
    this.#count++;
    if (this.#waiting !== null && this.#count >= this.#waiting.least) this.#waiting.resolve();
  }

  watch(): void {
    this.longestMs = 0;
  }

  /** Resolves when so many more have come. */
  async more(count: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#waiting = { least: this.#count + count, resolve };
      timer = setTimeout(
        () =>
          reject(
            new Error(`nothing was acknowledged for ${PATIENCE_MS / 1000} s: ${this.problem}`),
          ),
        PATIENCE_MS,
      );
    });
    clearTimeout(timer);
  }
}

async function publishAll(client: Client, acknowledgements: Acknowledgements): Promise<void> {
  while (!acknowledgements.over) {
    const messageId = crypto.randomUUID();
    while (!acknowledgements.over) {
      try {
        await client.publish(KEPT_TOPIC, PAYLOAD, { messageId });
        acknowledgements.count();
        break;
      } catch (error) {
        acknowledgements.problem = ParleyError.from(error).message;
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      }
    }
  }
}
