/**
 * Three nodes with data and three servers of NATS under load of publishes, pushes, settles, rooms and calls, while they are
 * killed, stopped, cut off, restarted and out of room. After each round: nothing acknowledged is lost, no seq twice or left
 * out, the same order on every node, what comes again is marked, no name is held twice, and all databases hold the same.
 *
 * CLUSTER_ROUNDS is the number of rounds, in which the kinds of faults take turns; CLUSTER_FAULT, a part of the name of one,
 * has it be that one alone.
 */
import assert from "node:assert/strict";
import { hasNats } from "../support/nats_server.ts";
import { MachinesAroundOne } from "../support/network.ts";
import { testAsRoot } from "../support/rights_of_root.ts";
import { digestOf, holdsAll, holdTheSame } from "../sim/replica_ledger.ts";
import { Calls } from "./chaos/calls.ts";
import { FAULTS, TAKE_THE_WRITER } from "./chaos/faults.ts";
import { Load } from "./chaos/load.ts";
import { People } from "./chaos/people.ts";
import { Readers } from "./chaos/readers.ts";
import { Workers } from "./chaos/workers.ts";
import { ChaosWorld, NODES } from "./chaos/world.ts";

const ROUNDS = Number(Deno.env.get("CLUSTER_ROUNDS") ?? 20);
const ONLY = Deno.env.get("CLUSTER_FAULT") ?? "";
/** Publishers and pushers of each node. */
const EACH = 2;
/** What is acknowledged before a fault, and behind it. */
const BEFORE = 60;
const BEHIND = 60;

/** Everybody who works. */
class Everybody {
  readonly load: Load;
  readonly workers: Workers;
  readonly people: People;
  readonly calls: Calls;
  readonly readers: Readers;

  constructor(readonly world: ChaosWorld) {
    this.load = new Load(world);
    this.workers = new Workers(world);
    this.people = new People(world);
    this.calls = new Calls(world);
    this.readers = new Readers(world);
  }

  async begin(): Promise<void> {
    await this.readers.begin();
    await this.load.begin(EACH);
    await this.workers.begin();
    await this.people.begin();
    await this.calls.begin();
  }

  /** Fails unless what was promised is so, on every node. */
  async check(round: number): Promise<void> {
    const { world, load, workers, people, calls, readers } = this;
    await calls.work();
    await people.contest(round);
    await Promise.all([load.rest(), people.rest()]);
    await workers.finish(load.ledger.jobs);
    await readers.agree(load.ledger.events, people.said);
    const databases = NODES.map((index) => world.data(index));
    await world.comes("all databases hold the same", () => {
      const [first, ...others] = databases.map(digestOf);
      return others.every((other) => other === first);
    }).catch((error) => {
      holdTheSame(databases);
      throw error;
    });
    load.goOn();
    people.goOn();
  }

  async stop(): Promise<void> {
    const { load, workers, people, calls } = this;
    await Promise.all([load.stop(), people.stop(), calls.stop(), workers.stop()]);
  }
}

testAsRoot({
  file: import.meta.url,
  name: hasNats
    ? "a cluster keeps what it promised through kills, pauses, cuts, full disks and restarts"
    : "a cluster keeps what it promised through kills, pauses, cuts, full disks and restarts (install nats-server)",
  needs: "network namespaces and small disks need iproute2, and root or a user namespace",
  possible: () => hasNats && MachinesAroundOne.possible,
  fn: async () => {
    await using world = await ChaosWorld.start();
    const everybody = new Everybody(world);
    const { load, workers, people } = everybody;
    await everybody.begin();
    const kinds = [...FAULTS].filter(([kind]) => kind.includes(ONLY));
    const silences: number[] = [];
    const startMs = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      const [kind, fault] = kinds[round % kinds.length];
      const before = { acknowledged: load.ledger.acknowledged, repeats: workers.repeats };
      const roundMs = performance.now();
      load.measure();
      await load.works(BEFORE);
      await fault(world, load);
      await world.whole();
      await load.works(BEHIND);
      const { longestMs } = load;
      assert.deepEqual(people.outs, [], "nobody has to come in again");
      if (TAKE_THE_WRITER.has(kind)) silences.push(longestMs);
      await everybody.check(round);
      console.log(
        `${round + 1}. ${kind}: ${load.ledger.acknowledged - before.acknowledged} acknowledged, ` +
          `${workers.repeats - before.repeats} jobs came again, ` +
          `at most ${seconds(longestMs)} s without an acknowledgement; ` +
          `${seconds(performance.now() - roundMs)} s`,
      );
    }
    await everybody.stop();
    silences.sort((one, other) => one - other);
    console.log(
      `${ROUNDS} rounds in ${seconds(performance.now() - startMs)} s: ` +
        `${load.ledger.acknowledged} events and jobs and ${people.said.size} sentences were acknowledged, ` +
        `${workers.repeats} jobs came again; without the node that writes ` +
        `${
          seconds(silences[silences.length >>> 1] ?? 0)
        } s passed without an acknowledgement (median), ` +
        `at most ${seconds(silences.at(-1) ?? 0)} s`,
    );
    await world.leave();
    // What is noted of people goes when they have gone.
    await world.comes("all databases hold the same", () => {
      const databases = NODES.map((index) => world.data(index));
      try {
        holdTheSame(databases);
        return true;
      } catch {
        return false;
      }
    });
    await world.stop();
    await holdsAll(world.data(0), load.ledger);
    assert.ok(load.ledger.acknowledged > 0);
  },
});

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
