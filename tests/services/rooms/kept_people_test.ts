/**
 * People in rooms when the node that has the rooms is gone without a word: another one takes the rooms over, and names stay
 * with whoever had them.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { BusClient } from "../../support/bus_client.ts";
import { until } from "../../support/until.ts";
import { ForwardingWorld } from "../forwarding/forwarding_world.ts";
import { Person } from "./rooms_support.ts";

/** Nobody comes back later than this; short, so that a test can wait for it to be over. */
const GRACE_MS = 400;

/** A person of one node. */
async function personOf(world: ForwardingWorld, node: number): Promise<Person> {
  const client = new BusClient(await world.nodes[node].connect());
  client.startReading();
  return new Person(client);
}

/** The second node has come to lead, and the first does not know it. */
async function takeOver(world: ForwardingWorld): Promise<void> {
  const [former, next] = world.nodes;
  await until(
    () => next.replica.replica.position === former.replica.replica.position,
    "the node has applied the log",
  );
  await next.claim();
  for (const node of world.nodes) if (node !== former) node.lead.set(next.id);
}

/** Has the rooms of a node look at the time, as its sweeper does. */
function sweep(world: ForwardingWorld, node: number, laterMs: number): void {
  const { features } = world.nodes[node];
  features.rooms!.sweep(features.context.clock.monotonicMs() + laterMs);
}

const isKept = {
  code: ErrorCode.ALREADY_EXISTS,
  message: /kept a moment for whoever just lost it/,
};

Deno.test("the next node keeps a name for who had it, and gives it to nobody else", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3, limits: { nameGraceMs: GRACE_MS } });
  await using ann = await personOf(world, 0);
  await using bob = await personOf(world, 2);
  await ann.claim("Ann");
  await bob.claim("bob");
  await ann.join("tea");
  await bob.enter("tea");
  await takeOver(world);
  await using other = await personOf(world, 1);
  await assert.rejects(other.claim("ann"), isKept);
  await assert.rejects(other.claim("bob"), { code: ErrorCode.ALREADY_EXISTS });
  await using again = await personOf(world, 1);
  await again.claim("ann", ann.token);
  await assert.rejects(other.claim("ann"), /it is taken/);
  await again.join("tea");
  // The room is told that she was lost and is back, once each; of Bob, whose node lives, nothing.
  await bob.say("tea", "all?");
  assert.deepEqual(await bob.whenSeen(4), [
    "bob joined (2)",
    "Ann lost (1)",
    "ann joined (2)",
    "bob: all?",
  ]);
  const members = await bob.members("tea");
  assert.deepEqual(members.map(({ name }) => name), ["ann", "bob"]);
});

Deno.test("rooms are told of those who do not come back to the next node, and their names are free", async () => {
  await using world = await ForwardingWorld.start({ nodes: 3, limits: { nameGraceMs: GRACE_MS } });
  await using ann = await personOf(world, 0);
  await using bob = await personOf(world, 2);
  await ann.claim("ann");
  await bob.claim("bob");
  await ann.join("tea");
  await ann.join("cake");
  await ann.leave("cake");
  await bob.enter("tea");
  await takeOver(world);
  await bob.say("tea", "anybody?");
  sweep(world, 1, 60_000);
  assert.deepEqual(await bob.whenSeen(3), ["bob joined (2)", "bob: anybody?", "ann lost (1)"]);
  await using other = await personOf(world, 1);
  await other.claim("ann");
  // What is noted of a name goes with it.
  await other.claim("eve");
  await takeOverAgain(world);
  await bob.claim("ann");
});

async function takeOverAgain(world: ForwardingWorld): Promise<void> {
  const [, former, next] = world.nodes;
  await until(
    () => next.replica.replica.position === former.replica.replica.position,
    "the node has applied the log",
  );
  await former.stepDown();
  await next.claim();
  former.lead.set(next.id);
  next.lead.set(next.id);
}

Deno.test("a name that was in its grace is kept by the next node as well", async () => {
  await using world = await ForwardingWorld.start({ limits: { nameGraceMs: GRACE_MS } });
  const ann = await personOf(world, 0);
  await ann.claim("ann");
  await ann.join("tea");
  await ann[Symbol.asyncDispose]();
  await until(() => world.nodes[0].features.rooms!.rooms.size === 0, "nobody is in the room");
  await takeOver(world);
  await using other = await personOf(world, 1);
  await assert.rejects(other.claim("ann"), isKept);
  await other.claim("ann", ann.token);
});

Deno.test("who had left all rooms, or changed the name, leaves nothing behind", async () => {
  await using world = await ForwardingWorld.start({ limits: { nameGraceMs: GRACE_MS } });
  const gone = await personOf(world, 0);
  await gone.claim("gone");
  await gone[Symbol.asyncDispose]();
  await using ann = await personOf(world, 0);
  await ann.claim("ann");
  await ann.claim("anna");
  await until(() => !world.nodes[0].features.rooms!.names.holds("gone"), "the name is free");
  await world.nodes[0].features.kept!.store.flush();
  await takeOver(world);
  await using other = await personOf(world, 1);
  await other.claim("gone");
  await other.claim("ann");
  await assert.rejects(other.claim("anna"), isKept);
});
