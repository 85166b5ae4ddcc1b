/**
 * Logins that are refused one behind the other, from several connections at once, let the others have their turn.
 *
 * The clock goes on with the logins that were refused: each takes a fifth of a turn.
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { USUAL_CLAIMS } from "../../../lib/logic/access/assertion.ts";
import { Access } from "../../../lib/services/access/access.ts";
import { TURN_MS } from "../../../lib/services/connection/fair_turns.ts";
import { revise } from "../../../lib/services/revision.ts";
import type { Features } from "../../../lib/services/features.ts";
import { FakePoll } from "../../support/fake_poll.ts";
import { makeFeatures, openSession } from "../../support/features.ts";
import { frame, helloMessage, join } from "../../support/frames.ts";
import { MemoryLink } from "../../support/memory_link.ts";

const LOGINS_A_TURN = 5;
const CONNECTIONS = 4;
const GUESSES = 100;

/** The features of a server whose clock goes on with the logins that it refused. */
class Ground {
  readonly poll = new FakePoll();
  readonly features: Features;

  constructor() {
    const monotonicMs = () => this.refused * TURN_MS / LOGINS_A_TURN;
    const clock = { wallMs: () => 0, monotonicMs };
    this.features = makeFeatures(DEFAULT_LIMITS, clock, "logins", this.poll);
    const access = new Access(this.features.context, {
      scrypt: () => Promise.resolve(new Uint8Array(32)),
      sha256: () => new Uint8Array(32),
    });
    this.features.ask(access, revise);
    access.configure({
      users: [],
      roles: [],
      guestRole: "",
      assertedRoles: [],
      claimNames: USUAL_CLAIMS,
      callout: null,
      usualLimits: {},
    });
  }

  get refused(): number {
    // The clock is looked at before there are features.
    const codes = (this.features as Features | undefined)?.context.counters.logins.refusedByCode;
    return codes?.reduce((sum, count) => sum + count, 0) ?? 0;
  }
}

Deno.test("logins that are refused take turns with everybody else", async () => {
  const ground = new Ground();
  const seen: number[] = [0];
  ground.poll.onPoll = () => seen.push(ground.refused);
  const links = Array.from({ length: CONNECTIONS }, () => new MemoryLink());
  const runs = links.map((link) => openSession(ground.features, link).run());
  const guess = (id: number) => frame(helloMessage({ user: "ada", password: "x" }, BigInt(id)));
  const guesses = join(...Array.from({ length: GUESSES }, (_, index) => guess(index + 1)));
  for (const link of links) link.feed(guesses);
  const all = CONNECTIONS * GUESSES;
  await links[0].when(() => ground.refused === all, "all are refused");
  for (const link of links) link.end();
  await Promise.all(runs);
  const steps = seen.slice(1).map((count, index) => count - seen[index]);
  const most = 2 * LOGINS_A_TURN + CONNECTIONS;
  assert(Math.max(...steps) <= most, `${Math.max(...steps)} logins between two polls`);
  assert(seen.length > all / most, `${seen.length} polls`);
});
