/**
 * Turns with a clock and a poll that the test moves: how long one works, who goes on in which order, when the
 * sockets are polled, and that a server with little to do never waits.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import fc from "fast-check";
import {
  FairTurns,
  SHORTEST_SLICE_MS,
  TURN_MS,
  type TurnTaker,
} from "../../../lib/services/connection/fair_turns.ts";
import { FakePoll } from "../../support/fake_poll.ts";

/** More than the runtime's parking takes, and less than a turn. */
const PAUSE_MS = TURN_MS / 2;

class Ground {
  nowMs = 1000;
  readonly poll = new FakePoll();
  readonly turns = new FairTurns(this.poll, () => this.nowMs);
  /** Who worked, in order, with `|` for each poll. */
  story = "";

  constructor() {
    this.poll.onPoll = () => this.story += "|";
  }

  /** Works without end, in pieces of `pieceMs`, until `pieces` are done. */
  async work(name: string, pieces: number, pieceMs: number): Promise<void> {
    const taker = this.turns.join();
    if (!taker.begin()) await taker.wait();
    for (let piece = 0; piece < pieces; piece++) {
      this.story += name;
      this.nowMs += pieceMs;
      this.turns.left = 0;
      if (!taker.goOn()) await taker.wait();
    }
  }

  /** Uses the present turn up. */
  useUp(taker: TurnTaker): void {
    assert(taker.begin());
    this.nowMs += TURN_MS;
    this.turns.left = -1000;
    assert(!taker.goOn());
  }
}

/** Lets every promise that is settled by now go on, and those that follow from it. */
async function rest(): Promise<void> {
  for (let hops = 0; hops < 1000; hops++) await null;
}

Deno.test("one who works alone goes on for a turn, and then the sockets are polled", async () => {
  const ground = new Ground();
  await ground.work("a", 20, TURN_MS / 4);
  assert.equal(ground.story, "aaaa|aaaa|aaaa|aaaa|aaaa|");
  assert.equal(ground.turns.polls, 5);
  assert.equal(ground.turns.longestTurnMs, TURN_MS);
});

Deno.test("all who wait share one poll, and are let on in the order in which they came", async () => {
  const ground = new Ground();
  ground.poll.hold();
  ground.useUp(ground.turns.join());
  const order: number[] = [];
  for (let number = 0; number < 5; number++) {
    const taker = ground.turns.join();
    assert(!taker.begin(), "the turn is used up");
    void taker.wait().then(() => order.push(number));
  }
  await rest();
  assert.deepEqual(order, []);
  assert.equal(ground.poll.polls, 1);
  ground.poll.release();
  await rest();
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  assert.equal(ground.poll.polls, 1);
});

Deno.test("many who work share a turn: between two polls there is little more than one", async () => {
  const ground = new Ground();
  // One piece fills a slice.
  const pieceMs = TURN_MS / 8;
  assert(pieceMs > SHORTEST_SLICE_MS);
  const names = [..."abcdefghijklmnopqrst"];
  await Promise.all(names.map((name) => ground.work(name, 50, pieceMs)));
  const turns = ground.story.split("|");
  const most = Math.ceil(TURN_MS / pieceMs) + 1;
  for (const turn of turns) assert(turn.length <= most, `${turn.length} pieces in one turn`);
  // Once all are under way, nobody works twice before everybody else has worked.
  const pieces = ground.story.replaceAll("|", "").slice(TURN_MS / pieceMs);
  for (let round = 0; round < 40; round++) {
    const workers = new Set(pieces.slice(round * names.length, (round + 1) * names.length));
    assert.equal(workers.size, names.length, `round ${round}`);
  }
});

Deno.test("who has not worked in the turn goes before those who have", async () => {
  const ground = new Ground();
  ground.poll.hold();
  const flooder = ground.turns.join();
  ground.useUp(flooder);
  const order: string[] = [];
  void flooder.wait().then(() => order.push("flooder"));
  const innocent = ground.turns.join();
  assert(!innocent.begin());
  void innocent.wait().then(() => order.push("innocent"));
  await rest();
  ground.poll.release();
  await rest();
  assert.deepEqual(order, ["innocent", "flooder"]);
});

Deno.test("who has worked is not passed over for ever by those who come anew", async () => {
  const ground = new Ground();
  let worked = 0;
  const taker = ground.turns.join();
  const flooder = (async () => {
    for (; worked < 10; worked++) {
      if (!taker.begin()) await taker.wait();
      ground.nowMs += TURN_MS;
      ground.turns.left = -1000;
      if (!taker.goOn()) await taker.wait();
    }
  })();
  // In each turn somebody new comes and takes all of it.
  ground.poll.onPoll = () => {
    const one = ground.turns.join();
    if (ground.poll.polls > 200) return;
    void (async () => {
      if (!one.begin()) await one.wait();
      ground.nowMs += TURN_MS;
    })();
  };
  await flooder;
  assert.equal(worked, 10);
  assert(ground.poll.polls < 60, `${ground.poll.polls} polls for 10 pieces`);
});

Deno.test("a pause with little work before it is a new turn, without a wait", async () => {
  const ground = new Ground();
  const taker = ground.turns.join();
  for (let request = 0; request < 20; request++) {
    assert(taker.begin(), `request ${request}`);
    ground.turns.left--;
    ground.nowMs += 10 * TURN_MS;
  }
  await rest();
  assert.equal(ground.poll.polls, 0);
});

Deno.test("pauses are not taken for parking for ever: in the end the sockets are polled", async () => {
  const ground = new Ground();
  const taker = ground.turns.join();
  let waits = 0;
  for (let piece = 0; piece < 200; piece++) {
    if (!taker.begin()) {
      waits++;
      await taker.wait();
    }
    ground.turns.left--;
    ground.nowMs += PAUSE_MS;
  }
  assert(waits >= 4, `${waits} waits`);
  // The poll behind the last turn is under way before that turn is over.
  assert(ground.poll.polls - waits <= 1, `${ground.poll.polls} polls for ${waits} waits`);
});

Deno.test("who parks after each of many small requests is polled for meanwhile, and never waits", async () => {
  const ground = new Ground();
  const taker = ground.turns.join();
  for (let request = 0; request < 100; request++) {
    assert(taker.begin(), `request ${request}`);
    ground.turns.left--;
    ground.nowMs += TURN_MS / 20;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert(ground.poll.polls >= 5, `${ground.poll.polls} polls`);
});

Deno.test("much work before a pause is no parking", () => {
  const ground = new Ground();
  const taker = ground.turns.join();
  assert(taker.begin());
  ground.turns.spend(1000);
  ground.nowMs += TURN_MS;
  assert(!taker.begin());
});

Deno.test("the clock is looked at often while pieces are long, and seldom while they are short", () => {
  const ground = new Ground();
  const taker = ground.turns.join();
  taker.begin();
  const unitsAfter = (pieces: number, pieceMs: number): number => {
    for (let piece = 0; piece < pieces; piece++) {
      ground.nowMs += pieceMs * taker.units;
      ground.turns.left = 0;
      taker.goOn();
    }
    return taker.units;
  };
  assert.equal(unitsAfter(20, TURN_MS / 100_000), 256);
  assert.equal(unitsAfter(20, TURN_MS), 1);
});

Deno.test("whatever becomes of polls and of those who wait, everybody is let on", async () => {
  const pieces = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 });
  await fc.assert(fc.asyncProperty(pieces, fc.infiniteStream(fc.nat(30)), async (each, lengths) => {
    const ground = new Ground();
    const done = each.map(async (count, index) => {
      const taker = ground.turns.join();
      for (let piece = 0; piece < count; piece++) {
        if (!taker.begin()) await taker.wait();
        ground.story += String.fromCharCode(97 + index);
        ground.nowMs += lengths.next().value! * TURN_MS / 10;
        ground.turns.spend(1);
        if (ground.turns.left <= 0 && !taker.goOn()) await taker.wait();
        await null;
      }
    });
    await Promise.all(done);
    assert.equal(
      ground.story.replaceAll("|", "").length,
      each.reduce((sum, count) => sum + count, 0),
    );
  }));
});

Deno.test("closing closes the poll, and who waits is let on", async () => {
  const ground = new Ground();
  ground.poll.hold();
  const taker = ground.turns.join();
  ground.useUp(taker);
  const waiting = taker.wait();
  await rest();
  ground.turns.close();
  await waiting;
  assert(ground.poll.closed);
});

Deno.test("many who share one stand in line once, so that others do not wait for all of them", async () => {
  const ground = new Ground();
  ground.poll.hold();
  ground.useUp(ground.turns.join());
  const shared = ground.turns.join();
  const order: string[] = [];
  const wait = async (taker: TurnTaker, name: string): Promise<void> => {
    await taker.wait();
    order.push(name);
    if (name === "call 1") assert(!shared.begin(), "nobody gets ahead of those who wait");
    ground.nowMs += SHORTEST_SLICE_MS;
  };
  const calls = [1, 2, 3, 4].map((number) => wait(shared, `call ${number}`));
  const innocent = wait(ground.turns.join(), "innocent");
  await rest();
  ground.poll.release();
  await Promise.all([...calls, innocent]);
  assert.deepEqual(order, ["call 1", "innocent", "call 2", "call 3", "call 4"]);
});
