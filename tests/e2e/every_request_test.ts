/**
 * Whatever a request says, the server lives, and each request is answered under its own id, or the connection
 * ends with a word why: every member and every method of the server's own, with every field missing, empty, at
 * and over its limits and of wrong wire types, under ids from 0 to the largest.
 */
import assert from "node:assert/strict";
import { CloseReason } from "../../lib/base/errors.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { contentOf, echoMessage, frame, join, varint } from "../support/frames.ts";
import { fieldCases, MEMBERS, OWN_REQUESTS, type Request } from "../support/own_requests.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";

const IDS = [0n, 1n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];
/** Behind each request stands an echo under this id: its answer shows that the connection goes on. */
const BEHIND = 77n;
/** What ends the server. */
const DRAIN = "parley.v1.Admin/Drain";
/** What is not answered at all, or under an id that is not the client's. */
const UNANSWERED = ["pong", "cancel", "answer"];

/** Sends a request under every id; gives how often it was answered, and how often the connection ended. */
async function play(
  server: TestServer,
  kind: ListenerKind,
  request: Request,
  body: Uint8Array,
): Promise<{ answered: number; ended: number }> {
  const count = { answered: 0, ended: 0 };
  let client: SocketClient | null = null;
  for (const id of IDS) {
    client ??= await SocketClient.connect(server, kind);
    const idField = id === 0n ? new Uint8Array(0) : join(varint(15 * 8), varint(id));
    const message = join(request.embed(body), idField);
    await client.send(join(frame(message), frame(echoMessage("behind", BEHIND))));
    const wanted = new Set([
      BEHIND,
      ...(UNANSWERED.includes(request.name) || id === 0n ? [] : [id]),
    ]);
    while (wanted.size > 0) {
      const answer = await client.readMessageOrEnd();
      if (answer === null) break;
      if (answer.message.case === "error" && answer.message.value.closeReason !== 0) {
        assert.equal(contentOf(answer, "error").closeReason, CloseReason.PROTOCOL_ERROR);
        wanted.clear();
        count.ended++;
        client.close();
        client = null;
        break;
      }
      if (wanted.delete(answer.id) && answer.id === id) count.answered++;
    }
    assert.equal(wanted.size, 0, `${request.name} under id ${id} is answered: ${[...wanted]}`);
  }
  client?.close();
  return count;
}

for (
  const [kind, requests] of [
    ["tcp", [...MEMBERS, ...OWN_REQUESTS]],
    ["ws", OWN_REQUESTS.slice(0, 6)],
    ["unix", OWN_REQUESTS.slice(-6)],
  ] as const
) {
  Deno.test(`every request is answered under its id, whatever it says (${kind})`, async () => {
    await using server = await startServer({ keep: [{ pattern: "k.>" }] });
    const total = { cases: 0, answered: 0, ended: 0 };
    for (const request of requests) {
      // It is answered, too, and then the server is gone: tests/e2e/drain_told_test.ts.
      if (request.name === DRAIN) continue;
      const bodies = [new Uint8Array(0), ...request.schema.fields.flatMap(fieldCases)];
      for (const body of bodies) {
        const { answered, ended } = await play(server, kind, request, body);
        total.cases += IDS.length;
        total.answered += answered;
        total.ended += ended;
      }
    }
    console.log(`${kind}: ${requests.length} requests, ${JSON.stringify(total)}`);
    assert(total.answered > total.cases / 3, "most are answered");
    assert.equal(server.stats().internalErrors, 0);
  });
}
