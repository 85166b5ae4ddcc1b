/**
 * One node of a cluster without clients: a store on SQLite that shares a log on JetStream, kept in the lead or out of it,
 * with a load of its own while it leads. To be killed and stopped.
 *
 *   deno run -A tests/sim/replica_child.ts DIRECTORY NODE URL,URL,URL
 *
 * It says `leads`, `follows`, and for each acknowledged event `kept TOPIC SEQ PAYLOAD`, for each acknowledged job
 * `pushed QUEUE ID`. Lines of its standard input: `rest` ends the load; `where` has it say `at POSITION`; `stop` ends it.
 */
import { connect } from "@nats-io/transport-node";
import { openJetStreamLog } from "../../lib/adapters/jetstream/open.ts";
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { Entry } from "../../lib/ports/entry.ts";
import { LeadKeeper } from "../../lib/services/replication/lead_keeper.ts";
import { append } from "../contract/store_support.ts";

const [directory, node, urls] = Deno.args;
const encoder = new TextEncoder();
/** Events that are handed over and not acknowledged, at most. */
const IN_FLIGHT = 64;

function say(text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

const connection = await connect({
  servers: urls.split(","),
  maxReconnectAttempts: -1,
  reconnectTimeWait: 50,
  ignoreAuthErrorAbort: true,
  pingInterval: 1000,
});
async function open() {
  for (;;) {
    try {
      const epoch = crypto.randomUUID();
      return await openJetStreamLog({
        connection,
        cluster: "sim",
        replicas: 3,
        epoch,
        answerMs: 1000,
        outcomeMs: 5000,
      });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
const log = await open();
const store = await openSqliteStore({ directory, log });
let rests = false;
let inFlight = 0;
let count = 0;
const start = crypto.randomUUID().slice(0, 6);

store.listen({
  committed: (batch) => {
    if (batch.isReceived) return;
    let said = "";
    while (batch.next()) {
      inFlight--;
      if (batch.kind === "event") {
        said += `kept ${batch.topic!.name} ${batch.seq} ${batch.completion}\n`;
      } else if (batch.kind === "job") said += `pushed ${batch.queue!.name} ${batch.seq}\n`;
    }
    say(said);
    load();
  },
  failed: (batch) => {
    inFlight -= batch.count;
    setTimeout(load, 10);
  },
});

/** Hands over more, while this node leads. */
function load(): void {
  while (store.replica!.refusal === null && !rests && inFlight < IN_FLIGHT) {
    const payload = `${node}-${start}-${++count}`;
    inFlight++;
    append(store, store.openTopic(`t${count % 7}`), payload, {
      timeMs: Date.now(),
      messageId: payload,
    });
    if (count % 5 > 0) continue;
    inFlight++;
    const body = encoder.encode(payload);
    const entry = new Entry().setBody(body, 0, body.length);
    entry.timeMs = Date.now();
    store.jobs.push(store.jobs.openQueue(`q${count % 3}`), entry, true, null);
  }
}

const keeper = new LeadKeeper({
  node,
  log,
  replica: store.replica!,
  clock: systemClock,
  silenceMs: 1500,
  owner: {
    leads: () => say("leads\n"),
    follows: () => say("follows\n"),
    lost: (error) => say(`lost ${error.message}\n`),
  },
});
// Only once it has taken up the lead is anything taken.
keeper.onChange(load);
keeper.start();
say("open\n");

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const text of lines) {
  const whole = (rest + text).split("\n");
  rest = whole.pop()!;
  for (const line of whole) {
    if (line === "rest") rests = true;
    else if (line === "where") say(`at ${store.replica!.position} ${inFlight}\n`);
    else if (line === "stop") {
      await keeper.close();
      await store.close();
      await connection.close();
      say("closed\n");
      Deno.exit(0);
    }
  }
}
