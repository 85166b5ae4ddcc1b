/**
 * The order of system calls, as the kernel sees it: what a server says of jobs leaves only after the fsync
 * that covers it, be it the Ack of a push, Settled, or a delivery.
 *
 * One client has one request under way at a time, so that each answer has an fsync of its own; then many
 * pushes at once, whose texts are looked for in what was written to the log. Without strace the tests are
 * ignored, and say so in their names.
 */
import assert from "node:assert/strict";
import { Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import { COMMAND, Running } from "../cli/processes.ts";
import { ack, jobs, pull, push, pushAll, settle } from "../services/queues/queue_support.ts";
import { BusClient } from "../support/bus_client.ts";
import { bytesOf } from "../support/bus_messages.ts";
import { contentOf } from "../support/frames.ts";
import { strace, WITHOUT_STRACE } from "../support/strace.ts";
import { settles } from "../support/until.ts";

const QUEUE = "sim.traced";
/** So much of each call is shown: a page of the log with its header, and more than any message here has. */
const SHOWN_BYTES = 8192;

/** What matters of a trace, when it began or when it had ended. */
interface Step {
  readonly kind: "received" | "logged" | "syncing" | "synced" | "sent";
  /** What was read or written. */
  readonly text: string;
}

/** The steps of a trace of a server that listens on `port`, in order. */
function stepsOf(trace: string, port: number): Step[] {
  const begun = new Map<string, string>();
  return trace.split("\n").flatMap((line) => {
    const [thread] = line.split(" ", 1);
    const resumed = /<\.\.\. \w+ resumed>/.test(line);
    const begins = !resumed;
    const ends = !line.endsWith("<unfinished ...>");
    const call = resumed ? `${begun.get(thread) ?? ""}${line}` : line;
    if (!ends) begun.set(thread, line);
    const succeeded = ends && /= [1-9]\d*$/.test(line);
    const [, name = ""] = /^\d+\s+(\w+)\(/.exec(call) ?? [];
    const isPeer = call.includes(`<TCP:[127.0.0.1:${port}->`);
    const steps: Step[] = [];
    if (isPeer && /^(read|recv)/.test(name) && succeeded) {
      steps.push({ kind: "received", text: call });
    }
    // What is sent is out as soon as the call begins, what is read or synced is there when it ends.
    if (isPeer && /^(write|send)/.test(name) && begins) steps.push({ kind: "sent", text: call });
    if (/^\d+\s+\w+\(\d+<[^>]*-wal>/.test(call)) {
      if (/^p?write/.test(name) && succeeded) steps.push({ kind: "logged", text: call });
      if (/^f(data)?sync$/.test(name)) {
        if (begins) steps.push({ kind: "syncing", text: thread });
        if (ends && /= 0$/.test(line)) steps.push({ kind: "synced", text: thread });
      }
    }
    return steps;
  });
}

/** Runs a server under strace while `run` talks to it; gives the steps from the first message on. */
async function trace(run: (client: BusClient) => Promise<void>): Promise<Step[]> {
  const directory = await Deno.makeTempDir({ prefix: "parley-queue-strace-" });
  try {
    const file = `${directory}/trace`;
    const calls =
      "trace=fsync,fdatasync,pwrite64,read,recvfrom,recvmsg,write,writev,sendto,sendmsg";
    const words = [
      ...[strace!, "-f", "-yy", "-s", String(SHOWN_BYTES), "-o", file, "-e", calls],
      ...[...COMMAND, "serve", "--json", "--data", `${directory}/data`],
      ...["--tcp", "127.0.0.1:0", "--raw", "", "--http", "", "--text", ""],
    ];
    await using running = new Running([], {}, { words });
    const [line] = await settles(running.lines(1), "the start of the server", 120_000);
    const [address] = JSON.parse(line).listeners[0].addresses;
    const port = Number(address.split(":").at(-1));
    {
      await using client = new BusClient(await Deno.connect({ hostname: "127.0.0.1", port }));
      client.startReading();
      await run(client);
    }
    Deno.kill(JSON.parse(line).pid, "SIGTERM");
    const { code, log } = await settles(running.ended(), "the end of the server", 120_000);
    assert.equal(code, 0, log);
    return stepsOf(await Deno.readTextFile(file), port);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name: `queue: strace sees an fsync between each request and what is said to it${WITHOUT_STRACE}`,
  ignore: strace === undefined,
  fn: async () => {
    const rounds = 5;
    const steps = await trace(async (client) => {
      // A Pull without an id is answered by jobs alone.
      const start = { queue: QUEUE, consumer: 1n, prefetch: 1 };
      const stop = { ...start, prefetch: 0 };
      for (let round = 0; round < rounds; round++) {
        await push(client, { queue: QUEUE, payload: bytesOf(`mark push ${round}`) });
        await client.send({ message: { case: "pull", value: start } });
        const [first] = await jobs(client, 1);
        contentOf(await settle(client, Verdict.NACK, [first], { delayMs: 0n }), "settled");
        const [again] = await jobs(client, 1);
        // What is next is handed out with the answer to this, in the fsync of its push.
        await ack(client, again);
        const [pushed] = await Promise.all([
          push(client, { queue: QUEUE, payload: bytesOf(`mark held ${round}`) }),
          jobs(client, 1).then(async ([job]) => {
            await client.send({ message: { case: "pull", value: stop } });
            await ack(client, job);
          }),
        ]);
        assert(pushed.seq > 0n);
      }
    });
    let [synced, sent, answered] = [false, 0, false];
    for (const { kind, text } of steps) {
      if (kind === "received") synced = answered = false;
      else if (kind === "synced") [synced, answered] = [true, false];
      else if (kind === "sent" && !text.includes("the server stops")) {
        // A busy machine may need two turns, and so two writes, for what one fsync covers.
        const isHandedOut = answered && text.includes("mark held");
        assert(synced || isHandedOut, `sent too early: ${text.slice(0, 200)}`);
        // What is sent next must be safe on its own: a job that comes again has a lease of its own.
        [synced, answered] = [false, synced];
        sent++;
      }
    }
    assert(sent >= 4 * rounds, `${sent} times something was sent`);
  },
});

Deno.test({
  name:
    `queue: strace sees each job in the log, and that synced, before its Ack or delivery${WITHOUT_STRACE}`,
  ignore: strace === undefined,
  fn: async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `<mark ${index}>`);
    const steps = await trace(async (client) => {
      await pull(client, QUEUE, 100);
      const acknowledging = pushAll(client, QUEUE, texts.slice(0, 20));
      for (const text of texts.slice(20)) {
        await push(client, { queue: QUEUE, payload: bytesOf(text) });
      }
      await acknowledging;
      const held = await jobs(client, texts.length);
      await ack(client, ...held);
    });
    for (const text of texts) {
      const logged = steps.findIndex((step) => step.kind === "logged" && step.text.includes(text));
      assert(logged >= 0, `${text} was written to the log`);
      const syncing = steps.findIndex(({ kind }, index) => index > logged && kind === "syncing");
      const thread = steps[syncing].text;
      const synced = steps.findIndex((step, index) =>
        index > syncing && step.kind === "synced" && step.text === thread
      );
      const sent = steps.findIndex((step) => step.kind === "sent" && step.text.includes(text));
      assert(synced > 0 && sent > synced, `${text}: synced ${synced}, sent ${sent}`);
    }
  },
});
