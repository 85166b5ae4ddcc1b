/**
 * Calls of the server's own methods with damaged requests, under any ids, at once and one behind the other, over
 * real sockets: no defect, and whoever asks next is answered. PARLEY_SEED=n replays a run.
 */
import assert from "node:assert/strict";
import { contentOf, echoMessage, frame, join, varint } from "../support/frames.ts";
import { fieldCases, MEMBERS, OWN_REQUESTS } from "../support/own_requests.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { isReset, SocketClient } from "../support/socket_client.ts";

const ROUNDS = 400;
const REQUESTS_A_ROUND = 50;
/** Without the one that stops the server. */
const REQUESTS = OWN_REQUESTS.filter(({ name }) => name !== "parley.v1.Admin/Drain");

Deno.test("damaged calls of own methods end nothing but their own connection", async () => {
  const seed = Number(Deno.env.get("PARLEY_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`PARLEY_SEED=${seed}`);
  const random = new Random(seed);
  await using server = await startServer({ keep: [{ pattern: "k.>" }, { pattern: "a.>" }] });
  using resident = await SocketClient.connect(server, "tcp");
  for (let round = 0; round < ROUNDS; round++) {
    const frames: Uint8Array[] = [];
    for (let count = 0; count < REQUESTS_A_ROUND; count++) {
      const request = random.pick(random.below(4) === 0 ? MEMBERS : REQUESTS);
      const fields = request.schema.fields.filter(() => random.below(2) === 0);
      const body = join(...fields.map((field) => random.pick(fieldCases(field))));
      const id = random.below(5) === 0
        ? 0n
        : BigInt(random.below(2 ** 31)) << BigInt(random.below(33));
      const message = join(
        request.embed(body),
        ...(id === 0n ? [] : [join(varint(120), varint(id))]),
      );
      if (random.below(20) === 0) message[random.below(message.length)] ^= 1 << random.below(8);
      frames.push(frame(message));
    }
    const client = await SocketClient.connect(server, random.pick(["tcp", "unix", "ws"] as const));
    try {
      await client.send(join(...frames));
      // Only who has finished sending can wait for the end: nothing need be answered otherwise.
      if (random.below(3) > 0) {
        await client.connection.closeWrite();
        while (random.below(9) > 0 && await client.readOnce(65_536) !== null);
      }
    } catch (error) {
      if (!isReset(error)) throw error;
    } finally {
      client.close();
    }
    const answer = await resident.request(echoMessage(`${round}`));
    assert.equal(contentOf(answer, "echoMessage").content, `${round}`);
  }
  assert.equal(server.stats().internalErrors, 0);
});
