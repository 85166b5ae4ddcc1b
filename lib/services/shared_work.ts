/**
 * What a server does as a node of a cluster that shares a log: takes up queues and rooms when it comes to write, lets go of
 * them when another node does, and takes over what others have changed of policies, types and topic lines.
 *
 * Invariants: who does not write has no queues, no consumers and no names of people, so nothing is decided twice. Sessions
 * that had some of it here are ended, and told to connect again: what they held comes back, marked, to whoever asks next.
 */
import { guard } from "../base/defects.ts";
import { detached, mayFail } from "../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../base/errors.ts";
import type { Features } from "./features.ts";
import { TRIM_RECORDS } from "./kept/kept_topics.ts";
import { TYPE_RECORDS } from "./types/known_types.ts";

/** The prefix of the keys of records of policies that were set at run time. */
export const POLICY_RECORDS = "policy ";

/** The work of one node. */
export class SharedWork {
  readonly #features: Features;
  readonly #policies: () => Promise<void>;

  /** `policies` takes over what was changed of policies. */
  constructor(features: Features, policies: () => Promise<void>) {
    this.#features = features;
    this.#policies = policies;
  }

  /** Takes up what only who writes has. Nothing is handed over to the store before this resolves. */
  async takeUp(): Promise<void> {
    const features = this.#features;
    features.newRooms();
    await features.rooms?.load();
    await features.rooms?.takeOver();
    await features.queues?.takeUp();
  }

  /** Goes on with what was taken up: the store takes what is handed over. */
  begin(): void {
    const { queues, kept } = this.#features;
    if (queues === null) return;
    kept?.lookUpAnew();
    queues.openMade();
    for (const queue of queues.all()) queues.touch(queue);
    queues.endTurn();
  }

  /** Lets go of it, since another node writes from now on. */
  layDown(): void {
    const { queues, kept, elsewhere } = this.#features;
    // What clients have here goes with them to the next node, without a word; who cannot be taken along is told.
    guard("take out what clients have here", () => elsewhere?.standDown());
    guard("let go of the queues", () => queues?.layDown());
    guard("let go of the rooms", () => {
      for (const person of this.#features.newRooms()) person.end(wentAway());
    });
    kept?.lookUpAnew();
  }

  /** Takes over records that another node has changed. */
  recordsCame(keys: readonly string[]): void {
    const { kept, types } = this.#features;
    if (keys.some((key) => key.startsWith(POLICY_RECORDS))) {
      detached(this.#policies(), "take over policies of another node");
    }
    for (const key of keys) {
      if (key.startsWith(TRIM_RECORDS) && kept !== null) {
        mayFail(kept.trimAs(key), "drop what another node has dropped");
      }
    }
    if (types !== null && keys.some((key) => key.startsWith(TYPE_RECORDS))) {
      detached(types.loadAnew(), "take over types of another node");
    }
  }
}

function wentAway(): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    "another node of the cluster takes over the rooms of this one: connect and join again",
    { closeReason: CloseReason.SHUTDOWN, retryable: true },
  );
}
