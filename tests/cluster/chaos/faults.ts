/**
 * What happens to a cluster, each kind from its beginning until all is whole again, while everybody works.
 */
import assert from "node:assert/strict";
import type { Room } from "../../../lib/client/mod.ts";
import { isStopped } from "../../support/jetstream_servers.ts";
import type { Load } from "./load.ts";
import { mayPass, pause } from "./loop.ts";
import { type ChaosWorld, NODES } from "./world.ts";

/** For how long the node that writes stands still. */
const STOPPED_MS = 10_000;
/** What is acknowledged meanwhile, and between two steps. */
const MEANWHILE = 100;
const BETWEEN = 30;

/** One kind of fault. */
type Fault = (world: ChaosWorld, load: Load) => Promise<void>;

/** All kinds, by what is done, in the order in which they come. */
export const FAULTS: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  ["kill -9 the writer", killWriter],
  ["cut the writer off", cutWriter],
  ["kill -9 the log's leader", killLogLeader],
  ["stop the writer for 10 s", stopWriter],
  ["fill the writer's disk", fillDisk],
  ["kill -9 another node", killOther],
  ["restart all six", restartAll],
]);

/** The faults that take the node that writes away. */
export const TAKE_THE_WRITER: ReadonlySet<string> = new Set([
  "kill -9 the writer",
  "cut the writer off",
  "stop the writer for 10 s",
  "fill the writer's disk",
]);

async function killWriter(world: ChaosWorld, load: Load): Promise<void> {
  const writer = await world.writer();
  await world.killNode(writer);
  await load.works(MEANWHILE);
  await world.startNode(writer);
}

async function killOther(world: ChaosWorld, load: Load): Promise<void> {
  const writer = await world.writer();
  const other = (writer + 1 + Math.floor(Math.random() * 2)) % NODES.length;
  await world.killNode(other);
  await load.works(MEANWHILE);
  await world.startNode(other);
}

async function killLogLeader(world: ChaosWorld, load: Load): Promise<void> {
  const leader = await world.logLeader();
  await world.nats[leader].kill();
  await load.works(MEANWHILE);
  world.nats[leader] = await world.nats[leader].restart();
}

async function stopWriter(world: ChaosWorld, load: Load): Promise<void> {
  const writer = await world.writer();
  const { pid } = world.nodes[writer];
  const over = pause(STOPPED_MS);
  Deno.kill(pid, "SIGSTOP");
  await isStopped(pid);
  await load.works(MEANWHILE);
  await over;
  Deno.kill(pid, "SIGCONT");
}

/** The node is asked all the while, and grants names that others have by then: in the end each is one person's. */
async function cutWriter(world: ChaosWorld, load: Load): Promise<void> {
  const writer = await world.writer();
  const others = NODES.filter((index) => index !== writer);
  const clients = [await world.client(writer), await world.client(others[0])];
  const nick = `cut${Math.floor(Math.random() * 1e9)}`;
  world.machines.unplug(writer);
  const inside = clients[0].room("cut", { nick }).catch(() => null);
  await world.writer(others);
  const outside = await enter(() => clients[1].room("cut", { nick }));
  await load.works(MEANWHILE);
  world.machines.plug(writer);
  await world.whole();
  const names = (await outside.members()).map(({ name }) => name);
  assert.deepEqual(names, [nick], "a name is held once");
  const theirs = await inside;
  await outside.say("it is mine");
  if (theirs !== null) {
    const say = theirs.say("no", { timeoutMs: 500 });
    await assert.rejects(say, "who was cut off has the name no more");
  }
  await outside.leave();
  for (const client of clients) await world.drop(client);
}

async function enter(run: () => Promise<Room>): Promise<Room> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!mayPass(error)) throw error;
      await pause();
    }
  }
}

async function fillDisk(world: ChaosWorld, load: Load): Promise<void> {
  const writer = await world.writer();
  load.isBulky = true;
  world.fillDisk(writer);
  try {
    await world.writer(NODES.filter((index) => index !== writer));
    load.isBulky = false;
    await load.works(MEANWHILE);
  } finally {
    load.isBulky = false;
    world.clearDisk(writer);
  }
}

async function restartAll(world: ChaosWorld, load: Load): Promise<void> {
  for (const index of world.nats.keys()) {
    world.nats[index] = await world.nats[index].restart("SIGTERM");
    await load.works(BETWEEN);
  }
  for (const index of NODES) {
    const { code, log } = await world.nodes[index].stop();
    assert.equal(code, 0, log);
    await world.killNode(index);
    await world.startNode(index);
    await load.works(BETWEEN);
  }
}
