/**
 * A member of a group that ends in order swallows nothing: by --count, by Ctrl-C, and in a program by leaving
 * its loop, unsubscribing or closing its client. Each event is shown once, by one of the members.
 */
import assert from "node:assert/strict";
import { type Client, connect, type Subscription } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";
import { Running } from "../processes.ts";

const EVENTS = 400;
const PATTERNS = ["a.*", "b.*"];
const NUMBERS = Array.from({ length: EVENTS }, (_, index) => String(index));

function urlOf(server: TestServer): string {
  return `parley://127.0.0.1:${server.port("tcp")}`;
}

/** Publishes all of them on topics of both patterns, each after the one before was handed out. */
async function publishAll(client: Client): Promise<void> {
  for (const [index, text] of NUMBERS.entries()) {
    const { receivers } = await client.publish(`${index % 2 === 0 ? "a" : "b"}.x`, text);
    assert.equal(receivers, 1, `event ${text} has a member that gets it`);
  }
}

/** What a process printed, after it has ended. */
async function printed(member: Running, signal?: Deno.Signal): Promise<string[]> {
  const { rest } = signal === undefined ? await member.ended() : await member.end(signal);
  return rest.split("\n").filter((line) => line !== "");
}

function sorted(texts: string[]): string[] {
  return texts.toSorted((a, b) => Number(a) - Number(b));
}

Deno.test("members that end by --count or Ctrl-C show all that they were given", async () => {
  await using server = await startServer();
  await using publisher = await connect(urlOf(server));
  const environment = { PARLEY_SERVER: urlOf(server) };
  const args = ["sub", ...PATTERNS, "--group", "g", "--raw"];
  await using counting = new Running([...args, "--count", "8"], environment);
  await using stopped = new Running(args, environment);
  await using last = new Running(args, environment);
  for (const each of [counting, stopped, last]) await each.says("subscribed to");
  const publishing = publishAll(publisher);
  await stopped.lines(20);
  const first = await printed(stopped, "SIGINT");
  const counted = await printed(counting);
  await publishing;
  const rest = await printed(last, "SIGINT");
  assert.deepEqual(sorted([...first, ...counted, ...rest]), NUMBERS);
  assert(counted.length >= 8 && counted.length <= 8 * PATTERNS.length, `${counted.length} printed`);
});

Deno.test("in a program, what came until the server knew can be taken or reaches the callback", async () => {
  await using server = await startServer();
  await using publisher = await connect(urlOf(server));
  const shown: string[] = [];
  const show = ({ payload }: { payload: Uint8Array }) => {
    shown.push(new TextDecoder().decode(payload));
  };
  const member = async (onEvent?: typeof show) => {
    const client = await connect(urlOf(server));
    const subscribe = (pattern: string) => client.subscribe(pattern, { group: "g" }, onEvent);
    return { client, subscriptions: await Promise.all(PATTERNS.map(subscribe)) };
  };
  const [leaving, unsubscribing, closing, last] = [
    await member(),
    await member(show),
    await member(show),
    await member(show),
  ];
  const leave = async (subscription: Subscription) => {
    for await (const event of subscription) {
      show(event);
      break;
    }
    assert.equal(subscription.ended, true);
    for await (const event of subscription) show(event);
  };
  const ends = [
    ...leaving.subscriptions.map(leave),
    (async () => {
      for await (const _ of publisherSteps(publisher, "c.x", 5));
      await Promise.all(unsubscribing.subscriptions.map((each) => each.unsubscribe()));
      await closing.client.close();
    })(),
  ];
  await publishAll(publisher);
  await settles(Promise.all(ends), "the members' ends");
  for (const { client } of [leaving, unsubscribing, last]) await client.close();
  assert.deepEqual(sorted(shown), NUMBERS);
});

/** Publishes some other events, so that other publishes are between them. */
async function* publisherSteps(client: Client, topic: string, count: number) {
  for (let step = 0; step < count; step++) yield await client.publish(topic, "");
}
