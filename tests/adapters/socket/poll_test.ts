/**
 * The poll of sockets: it lets the runtime see what else is ready, nothing of it is left behind, and polls go
 * on by a timer when the connection is gone.
 */
import assert from "node:assert/strict";
import { openSocketPoll } from "../../../lib/adapters/socket/poll.ts";
import { settles } from "../../support/until.ts";

Deno.test("a poll sees a socket that became readable before it", async () => {
  const poll = await openSocketPoll();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const far = await listener.accept();
  try {
    let read = 0;
    for (let round = 1; round <= 100; round++) {
      const reading = far.read(new Uint8Array(8)).then((count) => read += count ?? 0);
      await near.write(new Uint8Array(8));
      for (let polls = 0; read < 8 * round; polls++) {
        assert(polls < 10, "a few polls are enough");
        await settles(poll.poll(), "a poll");
      }
      await reading;
    }
  } finally {
    poll.close();
    near.close();
    far.close();
    listener.close();
  }
});

Deno.test("closing settles a poll that is under way, and polls still resolve", async () => {
  const poll = await openSocketPoll();
  const underWay = poll.poll();
  poll.close();
  poll.close();
  await settles(underWay, "the poll under way");
  await settles(poll.poll(), "a poll after the end");
});

Deno.test("many polls come and go and leave nothing behind", async () => {
  const polls = await Promise.all(Array.from({ length: 50 }, openSocketPoll));
  await Promise.all(polls.map((poll) => settles(poll.poll(), "a poll")));
  for (const poll of polls) poll.close();
});
