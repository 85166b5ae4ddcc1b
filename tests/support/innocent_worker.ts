/**
 * Somebody who does nothing wrong, in a thread of its own: asks a server for an echo over and over with a pause
 * between, and says on request how long most answers took since it was last asked. It is told the port first.
 */
import { echoMessage, frame } from "./frames.ts";

const PAUSE_MS = 5;
const scope = self as unknown as {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(value: unknown): void;
};

let tookMs: number[] = [];
const message = frame(echoMessage("an innocent"));

/** What 99 of a hundred answers took at most, and the longest, in milliseconds. */
function figures(): { p99Ms: number; mostMs: number; count: number } {
  const sorted = tookMs.sort((one, other) => one - other);
  tookMs = [];
  const count = sorted.length;
  return {
    p99Ms: sorted[Math.floor(count * 0.99)] ?? NaN,
    mostMs: sorted[count - 1] ?? NaN,
    count,
  };
}

async function askOn(port: number): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const into = new Uint8Array(1024);
  scope.onmessage = () => scope.postMessage(figures());
  for (;;) {
    const startedMs = performance.now();
    await connection.write(message);
    for (let left = message.length; left > 0;) {
      const count = await connection.read(into);
      if (count === null) throw new Error("the innocent's connection was closed");
      left -= count;
    }
    tookMs.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

scope.onmessage = ({ data }) => askOn(data);
