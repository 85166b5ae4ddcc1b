/**
 * Calls over the nodes of a cluster: an instance of the same node first, else one of another; errors, deadlines and giving up.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../lib/client/mod.ts";
import { numbers, textOf } from "../client/bus_support.ts";
import { rejection } from "../client/rejections.ts";
import { withNats } from "../support/nats_server.ts";
import { settles, until } from "../support/until.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

Deno.test(withNats("a call is answered on its node if it can be, else on another", async () => {
  await using cluster = await ClusterFixture.start();
  const clients = [await cluster.client(0), await cluster.client(1), await cluster.client(2)];
  await rejection(clients[0].call("a/B"), "UNAVAILABLE");
  const services = [];
  for (const index of [1, 2]) {
    services.push(await clients[index].serve("a/B", (call) => `${index} ${textOf(call)}`));
  }
  for (const index of [1, 2]) {
    assert.equal(textOf(await clients[index].call("a/B", "x")), `${index} x`);
  }
  const answers = await Promise.all(numbers(50).map((text) => clients[0].call("a/B", text)));
  const texts = answers.map(textOf);
  assert.deepEqual(texts.map((text) => text.slice(2)), numbers(50));
  assert.deepEqual([...new Set(texts.map((text) => text[0]))].toSorted(), ["1", "2"]);
  await services[0].stop();
  // What is offered after it is told behind it.
  await clients[1].serve("c/D", () => "");
  for (const text of numbers(5)) {
    assert.equal(textOf(await clients[0].call("a/B", text)), `2 ${text}`);
  }
}));

Deno.test(
  withNats(
    "errors of a service come back, whichever node it is on, with type and headers of answers",
    async () => {
      await using cluster = await ClusterFixture.start({ nodes: 2 });
      const [caller, responder] = [await cluster.client(0), await cluster.client(1)];
      await responder.serve("a/Fail", () => {
        throw new ParleyError(ErrorCode.NOT_FOUND, "no such thing", { accepted: "another" });
      });
      const refusal = await rejection(caller.call("a/Fail"), "NOT_FOUND");
      assert.match(refusal.message, /no such thing/);
      assert.equal(refusal.accepted, "another");
      let sender = "";
      await responder.serve("a/Echo", (call) => {
        sender = call.sender;
        return { payload: call.payload, type: call.type, headers: call.headers };
      });
      const large = "y".repeat(900_000);
      const answer = await caller.call("a/Echo", large, { type: "acme.A", headers: { a: "b" } });
      assert.equal(textOf(answer), large);
      assert.deepEqual([answer.type, answer.headers], ["acme.A", { a: "b" }]);
      assert.equal(sender, caller.welcome.sessionId);
    },
  ),
);

Deno.test(withNats("a deadline and giving up are told to a service on another node", async () => {
  await using cluster = await ClusterFixture.start({ nodes: 2 });
  const [caller, responder] = [await cluster.client(0), await cluster.client(1)];
  const signals: AbortSignal[] = [];
  await responder.serve("a/Hang", ({ signal }) => {
    signals.push(signal);
    return whenAborted(signal);
  });
  await rejection(caller.call("a/Hang", "", { timeoutMs: 100 }), "DEADLINE_EXCEEDED");
  await until(() => signals[0]?.aborted === true, "the service is told of the deadline");
  const controller = new AbortController();
  const given = caller.call("a/Hang", "", { signal: controller.signal });
  await until(() => signals.length === 2, "the second call");
  controller.abort();
  await assert.rejects(given);
  await until(() => signals[1].aborted, "the service is told that nobody waits");
}));

Deno.test(withNats("calls end with UNAVAILABLE when the node of their responder goes", async () => {
  await using cluster = await ClusterFixture.start({ nodes: 2 });
  const [caller, responder] = [await cluster.client(0), await cluster.client(1)];
  const signals: AbortSignal[] = [];
  await responder.serve("a/Hang", ({ signal }) => {
    signals.push(signal);
    return whenAborted(signal);
  });
  const call = rejection(caller.call("a/Hang", "", { timeoutMs: 60_000 }), "UNAVAILABLE");
  await until(() => signals.length === 1, "the call");
  cluster.nodes[1].server.abort();
  await settles(call, "the call whose node is gone");
  await rejection(caller.call("a/Hang"), "UNAVAILABLE");
}));

/** Answers when nobody waits any more. */
function whenAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve("")));
}
