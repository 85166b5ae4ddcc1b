/**
 * Has connections wait whose JWTs are refused again and again: to find that out takes the time of a core, and nothing else
 * slows it down. The first few refusals cost no wait; a connection that ends waits no more.
 */
import type { Peer } from "../connection/peer.ts";

/** So many refusals of a connection cost no wait. */
export const FREE_REFUSALS = 3;
/** The first wait, which doubles with each refusal, and the longest. */
export const FIRST_PAUSE_MS = 100;
export const MAX_PAUSE_MS = 2000;

interface Pause {
  refused: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  end(): void;
}

/** The waits of one server. */
export class RefusalPauses {
  readonly #byPeer = new Map<Peer, Pause>();

  /** How many connections are remembered. */
  get size(): number {
    return this.#byPeer.size;
  }

  /** Counts a refusal, and resolves when the next try of the peer may be looked at. */
  async refused(peer: Peer): Promise<void> {
    const pause = this.#byPeer.get(peer) ?? { refused: 0, timer: undefined, end: () => {} };
    this.#byPeer.set(peer, pause);
    const ms = pauseMs(++pause.refused);
    if (ms === 0) return;
    await new Promise<void>((resolve) => {
      pause.end = resolve;
      pause.timer = setTimeout(resolve, ms);
    });
  }

  /** The peer has come in, or is gone: it is forgotten, and waits no more. */
  forget(peer: Peer): void {
    const pause = this.#byPeer.get(peer);
    if (pause === undefined) return;
    this.#byPeer.delete(peer);
    clearTimeout(pause.timer);
    pause.end();
  }
}

/** The wait after so many refusals. */
export function pauseMs(refused: number): number {
  if (refused <= FREE_REFUSALS) return 0;
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (refused - FREE_REFUSALS - 1));
}
