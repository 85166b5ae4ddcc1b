/**
 * Connections that begin a handshake of TLS and send one byte of it a second: so many at any time, since another one
 * comes for each that the server ends.
 */
import type { Steps } from "./steps.ts";
import { atOnce } from "./at_once.ts";
import type { Target } from "./target.ts";

/** How many. */
export interface SlowLoad {
  readonly kind: "slow";
  readonly target: Target;
  readonly connections: number;
}

const DRIP_MS = 1000;
/** A ClientHello of TLS that announces more than it will send while anybody waits. */
const HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Uint8Array(500));

/** Opens all of them, says so, and goes on until the steps end. */
export async function runSlow({ target, connections }: SlowLoad, steps: Steps): Promise<void> {
  const indexes = Array.from({ length: connections }, (_, index) => index);
  await atOnce(indexes, () => begin(target.port));
  steps.answer({ ready: true });
  while (await steps.next() !== undefined);
}

async function begin(port: number): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let at = 0;
  const drip = () => {
    connection.write(HELLO.subarray(at, ++at)).catch(() => {});
  };
  drip();
  const timer = setInterval(drip, DRIP_MS);
  const ended = connection.read(new Uint8Array(64)).catch(() => null);
  ended.then(() => {
    clearInterval(timer);
    connection.close();
    begin(port);
  });
}
