/**
 * A flood of connections against a process that may open 256 files: it lives, serves whoever is in, says
 * to the others that it is full or lets them wait, and is itself again when the flood is over.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import type { ServerStats } from "../../lib/server/server.ts";
import { isReset, SocketClient } from "../support/socket_client.ts";
import { ProgramProcess } from "../support/program_process.ts";
import { settles } from "../support/until.ts";

const OPEN_FILES = 256;
const FLOOD = 2000;
/** How many of the flood connect at the same moment. */
const AT_ONCE = 200;

async function connect(port: number): Promise<SocketClient> {
  const connection = await settles(Deno.connect({ hostname: "127.0.0.1", port }), "connect");
  return new SocketClient(connection, "delimited", 4096);
}

/** Asks for an echo; says whether it was served, refused with a reason, or just closed. */
async function outcomeOf(client: SocketClient): Promise<"served" | "refused" | "closed"> {
  try {
    await client.sendMessages(echoMessage("me too"));
    const answer = await client.readMessageOrEnd();
    if (answer === null) return "closed";
    if (answer.message.case === "echoMessage") return "served";
    const error = contentOf(answer, "error");
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(error.closeReason, CloseReason.TOO_MANY_CONNECTIONS);
    return "refused";
  } catch (reason) {
    if (isReset(reason)) return "closed";
    throw reason;
  }
}

Deno.test({
  name: "2,000 connections against 256 open files: it lives, serves who is in, and recovers",
  ignore: Deno.build.os === "windows",
  async fn() {
    const server = new ProgramProcess(
      { openFiles: OPEN_FILES },
      "./server_program.ts",
      import.meta.url,
    );
    const flood: SocketClient[] = [];
    try {
      const { port, stats } = await server.line<{ port: number; stats: ServerStats }>();
      assert(stats.maxConnections < OPEN_FILES, "the cap lies below the limit of open files");
      using resident = await connect(port);
      contentOf(await resident.request(echoMessage("first")), "echoMessage");

      let flooding = true;
      let answered = 0;
      const residing = (async () => {
        while (flooding) {
          contentOf(await resident.request(echoMessage("still here")), "echoMessage");
          answered++;
        }
      })();
      const outcomes = { served: 0, refused: 0, closed: 0 };
      for (let connected = 0; connected < FLOOD; connected += AT_ONCE) {
        const answeredBefore = answered;
        const wave = await Promise.all(Array.from({ length: AT_ONCE }, () => connect(port)));
        flood.push(...wave);
        for (const outcome of await Promise.all(wave.map(outcomeOf))) outcomes[outcome]++;
        assert(answered > answeredBefore, "the resident is served meanwhile");
      }
      flooding = false;
      await settles(residing, "the resident");
      assert.equal(outcomes.served, stats.maxConnections - 1, JSON.stringify(outcomes));
      assert(outcomes.refused > 0, "some were told why");

      for (const client of flood.splice(0)) client.close();
      // The server learns of each close by itself; until then it may still refuse.
      let served = false;
      for (let tries = 0; !served && tries < 2000; tries++) {
        using late = await connect(port);
        served = await outcomeOf(late) === "served";
      }
      assert(served, "it takes connections again");
      contentOf(await resident.request(echoMessage("and after")), "echoMessage");
      resident.close();
      const end = await server.stop<{ stats: ServerStats }>();
      assert.equal(end.code, 0);
      assert.equal(end.stats.internalErrors, 0);
      assert(end.stats.connectionsRefused >= FLOOD - stats.maxConnections);
    } finally {
      for (const client of flood) client.close();
      await server.kill();
    }
  },
});
