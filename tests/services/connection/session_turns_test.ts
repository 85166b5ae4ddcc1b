/**
 * A connection that sends without pause gives the others their turn: within one read, read after read, with
 * little messages and with large ones, and while it is only being thrown away.
 *
 * The clock goes on with the work that is done, so that turns are counted in messages.
 */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import type { ListenerKind } from "../../../lib/ports/link.ts";
import { TURN_MS } from "../../../lib/services/connection/fair_turns.ts";
import type { Session } from "../../../lib/services/connection/session.ts";
import type { Features } from "../../../lib/services/features.ts";
import { makeFeatures, openSession } from "../../support/features.ts";
import { FakePoll } from "../../support/fake_poll.ts";
import { addMessage, echoMessage, frame, join } from "../../support/frames.ts";
import { MemoryLink } from "../../support/memory_link.ts";

/** As many messages as fill a turn. */
const MESSAGES_A_TURN = 100;
const FLOOD = 5000;
/** How many of the flood may be answered before somebody else: the rest of a turn, and the next one. */
const AHEAD = 3 * MESSAGES_A_TURN;

class Flood implements AsyncDisposable {
  readonly poll = new FakePoll();
  readonly host: Features;
  readonly #runs: Promise<void>[] = [];
  readonly #links: MemoryLink[] = [];

  /** `workMs` gives the time by what the host has done. */
  constructor(workMs: (host: Features) => number) {
    const clock = {
      wallMs: () => 0,
      monotonicMs: () => this.host === undefined ? 0 : workMs(this.host),
    };
    this.host = makeFeatures(DEFAULT_LIMITS, clock, "flood", this.poll);
  }

  connect(kind: ListenerKind = "tcp"): { link: MemoryLink; session: Session } {
    const link = new MemoryLink(kind);
    const session = openSession(this.host, link);
    this.#runs.push(session.run());
    this.#links.push(link);
    return { link, session };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links) link.close();
    await Promise.all(this.#runs);
  }
}

const byMessages = (host: Features) =>
  host.context.counters.traffic.messagesIn * TURN_MS / MESSAGES_A_TURN;

for (const kind of ["tcp", "raw"] as const) {
  const framing = kind === "raw" ? "bare" : "delimited";
  Deno.test(`${kind}: an innocent is answered in the midst of one large read of a flooder`, async () => {
    await using flood = new Flood(byMessages);
    const flooder = flood.connect(kind);
    const innocent = flood.connect();
    let askedAfter = 0;
    let answeredAfter = 0;
    flood.poll.onPoll = (poll) => {
      const { messagesIn } = flood.host.context.counters.traffic;
      if (poll === 3) {
        askedAfter = messagesIn;
        innocent.link.feed(frame(addMessage(1, 2, 7n)));
      }
      if (answeredAfter === 0 && innocent.link.writes.length > 0) answeredAfter = messagesIn;
    };
    const one = frame(echoMessage("x"), framing);
    flooder.link.feed(join(...Array.from({ length: FLOOD }, () => one)));
    await flooder.link.when(
      () => flood.host.context.counters.traffic.messagesIn === FLOOD + 1,
      "the whole flood",
    );
    assert(askedAfter > 0 && answeredAfter > 0, "it was asked and answered meanwhile");
    assert(answeredAfter - askedAfter <= AHEAD, `${answeredAfter - askedAfter} were served before`);
    const { polls } = flood.poll;
    assert(polls >= FLOOD / MESSAGES_A_TURN / 2, `${polls} polls`);
  });
}

Deno.test("between two polls a flooder gets about a turn, also from many reads", async () => {
  await using flood = new Flood(byMessages);
  const flooder = flood.connect();
  const one = frame(echoMessage("x"));
  const seen: number[] = [];
  flood.poll.onPoll = () => seen.push(flood.host.context.counters.traffic.messagesIn);
  // Each read finds a few messages: none is long by itself.
  flooder.link.feed(...Array.from({ length: FLOOD / 5 }, () => join(one, one, one, one, one)));
  await flooder.link.when(
    () => flood.host.context.counters.traffic.messagesIn === FLOOD,
    "the whole flood",
  );
  const steps = seen.map((count, index) => count - (seen[index - 1] ?? 0));
  assert(seen.length >= FLOOD / MESSAGES_A_TURN / 2, `${seen.length} polls`);
  for (const step of steps) assert(step <= 2 * MESSAGES_A_TURN, `${step} messages in one turn`);
});

Deno.test("ten flooders together get no more between two polls than one", async () => {
  await using flood = new Flood(byMessages);
  const one = frame(echoMessage("x"));
  const seen: number[] = [];
  flood.poll.onPoll = () => seen.push(flood.host.context.counters.traffic.messagesIn);
  const links = Array.from({ length: 10 }, () => flood.connect().link);
  for (const link of links) link.feed(join(...Array.from({ length: FLOOD / 10 }, () => one)));
  await links[0].when(
    () => flood.host.context.counters.traffic.messagesIn === FLOOD,
    "the whole flood",
  );
  const steps = seen.map((count, index) => count - (seen[index - 1] ?? 0));
  for (const step of steps) assert(step <= AHEAD, `${step} messages in one turn`);
  assert(seen.length >= FLOOD / AHEAD, `${seen.length} polls`);
});

Deno.test("a large message counts for as much as it weighs", async () => {
  // Time passes with the bytes: a large message takes a quarter of a turn.
  const bytes = 256 * 1024;
  await using flood = new Flood((host) =>
    host.context.counters.traffic.bytesOut / bytes * TURN_MS / 4
  );
  const flooder = flood.connect();
  const seen: number[] = [];
  flood.poll.onPoll = () => seen.push(flood.host.context.counters.traffic.messagesIn);
  const one = frame(echoMessage("x".repeat(bytes)));
  flooder.link.feed(...Array.from({ length: 64 }, () => one));
  await flooder.link.when(
    () => flood.host.context.counters.traffic.messagesIn === 64,
    "the whole flood",
  );
  assert(seen.length >= 8, `${seen.length} polls`);
});

Deno.test("a session that is ending, and throws away what comes, waits for its turn as well", async () => {
  let nowMs = 0;
  await using flood = new Flood(() => nowMs += TURN_MS / 10);
  const flooder = flood.connect();
  // A length of zero with a second byte: no Parley message.
  flooder.link.feed(new Uint8Array([0x80, 0x00]));
  await flooder.link.when(() => flooder.session.state === "closing", "the end");
  const before = flood.poll.polls;
  flooder.link.feed(...Array.from({ length: 1000 }, () => new Uint8Array(100)));
  await flooder.link.when(() => flooder.link.unreadBytes === 0, "all of it is thrown away");
  assert(flood.poll.polls - before >= 20, `${flood.poll.polls - before} polls`);
});
