/**
 * Clocks that are set by a year while a server runs: numbers of kept topics go on, also over a start, duplicates are
 * known as such, calls and connections do not end, passwords that were wrong are not forgiven.
 *
 * What becomes of leases and delays is tried in tests/sim/queue_clock_test.ts.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../lib/base/errors.ts";
import { FREE_TRIES } from "../../lib/logic/access/guess_throttle.ts";
import { BusClient } from "../support/bus_client.ts";
import { answer, call, publish, register, subscribe } from "../support/bus_messages.ts";
import { contentOf, echoMessage, helloMessage } from "../support/frames.ts";
import { startServer } from "../support/server.ts";
import { SetClock } from "../support/set_clock.ts";
import { user } from "../support/users.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;
const EVENTS = 5;

/** Publishes some events; gives their numbers. */
async function publishSome(client: BusClient, id: string): Promise<number[]> {
  const seqs: number[] = [];
  for (let index = 0; index < EVENTS; index++) {
    const event = { topic: "k.a", messageId: `${id}${index}` };
    seqs.push(Number(contentOf(await client.ask(publish(event)), "ack").seq));
  }
  return seqs;
}

for (const [way, byMs] of [["forward", YEAR_MS], ["back", -YEAR_MS]] as const) {
  Deno.test(`numbers go on, duplicates and calls are known, when the clock is set ${way} by a year`, async () => {
    const data = await Deno.makeTempDir({ prefix: "parley-clock-" });
    const clock = new SetClock();
    const keep = [{ pattern: "k.>" }];
    try {
      {
        await using server = await startServer({ data, keep }, { clock });
        await using client = await BusClient.connect(server, "tcp");
        await using other = await BusClient.connect(server, "ws");
        await other.acknowledged(subscribe("k.>"));
        await other.acknowledged(register("acme.Text/Length"));
        await client.send(call({ method: "acme.Text/Length", timeoutMs: 60_000 }, 777n));
        const isCall = () => other.messages.find(({ message }) => message.case === "call");
        await other.when(() => isCall() !== undefined, "the call");
        const first = await publishSome(client, "a");
        clock.set(byMs);
        const next = await publishSome(client, "b");
        assert.deepEqual(
          [...first, ...next],
          Array.from({ length: 2 * EVENTS }, (_, at) => at + 1),
        );
        assert.deepEqual(await publishSome(client, "a"), first, "duplicates are known");
        await other.send(answer({}, isCall()!.id));
        contentOf(await client.answerTo(777n), "answer");
        const events = await other.whenEvents(2 * EVENTS);
        assert.deepEqual(events.map(({ seq }) => Number(seq)), [...first, ...next]);
        contentOf(await other.ask(echoMessage("still here")), "echoMessage");
        assert.equal(server.stats().internalErrors, 0);
      }
      clock.set(-2 * byMs);
      await using again = await startServer({ data, keep }, { clock });
      await using client = await BusClient.connect(again, "tcp");
      assert.deepEqual((await publishSome(client, "c"))[0], 2 * EVENTS + 1, "after a start, too");
      await client.acknowledged(
        subscribe({ pattern: "k.a", echo: true, start: { since: { case: "all", value: true } } }),
      );
      assert.equal((await client.whenEvents(3 * EVENTS)).length, 3 * EVENTS);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });

  Deno.test(`wrong passwords wait as long as they have to when the clock is set ${way} by a year`, async () => {
    const clock = new SetClock();
    const config = { users: [await user("ada", "all")], roles: { all: {} } };
    await using server = await startServer(config, { clock });
    const guess = async () => {
      await using client = await BusClient.connect(server, "tcp");
      const hello = helloMessage({ user: "ada", password: "wrong" });
      return contentOf(await client.ask(hello), "error").code;
    };
    for (let tries = 0; tries < FREE_TRIES; tries++) {
      assert.equal(await guess(), ErrorCode.UNAUTHENTICATED);
    }
    clock.set(byMs);
    assert.equal(await guess(), ErrorCode.RESOURCE_EXHAUSTED);
  });
}
