/**
 * Queues on a disk that is really full: a small tmpfs with a ballast file on it. Pushes are refused with a
 * typed error, acknowledgements are carried out or refused, and nothing that was acknowledged is lost; once
 * the ballast is gone all of it goes on by itself.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../lib/base/errors.ts";
import { type Job, Verdict } from "../../lib/gen/parley/v1/queue_pb.ts";
import { jobs, pull, settle } from "../services/queues/queue_support.ts";
import type { BusClient } from "../support/bus_client.ts";
import { contentOf, type ServerMessage } from "../support/frames.ts";
import { testAsRoot } from "../support/rights_of_root.ts";
import { settles } from "../support/until.ts";
import { infoOf, QueueDirectory, whenNoneIsOut } from "./queue_calls.ts";

const QUEUE = "sim.full";
const PAYLOAD_BYTES = 20_000;
const HELD = 10;
const REFUSALS = 5;

/** No lease ends by time here: however slow the machine is, what is held comes back when its link ends. */
const CONFIGURATION = `
[[queue]]
name = "${QUEUE}"
lease_ms = 600000
`;

async function run(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output())
    .success;
}

/** A small disk, and what takes up room on it. */
class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async mount(): Promise<SmallDisk> {
    const disk = new SmallDisk(await Deno.makeTempDir({ prefix: "parley-queue-full-" }));
    assert(await run("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", disk.path));
    await Deno.writeFile(`${disk.path}/ballast`, new Uint8Array(14 << 20));
    return disk;
  }

  /** Makes room. */
  dropBallast(): Promise<void> {
    return Deno.remove(`${this.path}/ballast`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", this.path);
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Fails unless this is the refusal of a disk that is full. */
function assertFull(answer: ServerMessage): void {
  const { code, retryable, message } = contentOf(answer, "error");
  assert.deepEqual([code, retryable], [ErrorCode.RESOURCE_EXHAUSTED, true], message);
}

/** Pushes numbered jobs, one after the other. */
class Producer {
  /** The ids of those that were acknowledged. */
  readonly pushed = new Set<bigint>();
  refused = 0;
  readonly #client: BusClient;

  constructor(client: BusClient) {
    this.#client = client;
  }

  async push(): Promise<void> {
    const value = { queue: QUEUE, payload: new Uint8Array(PAYLOAD_BYTES) };
    const answer = await this.#client.ask({ message: { case: "job", value } });
    if (answer.message.case === "ack") {
      const { seq } = answer.message.value;
      assert(!this.pushed.has(seq), `no two jobs are ${seq}`);
      this.pushed.add(seq);
    } else {
      assertFull(answer);
      this.refused++;
    }
  }
}

/** Acknowledges jobs one by one, and gives those of which that was refused. */
async function acknowledge(client: BusClient, held: readonly Job[]): Promise<Job[]> {
  const refused: Job[] = [];
  for (const job of held) {
    const answer = await settle(client, Verdict.ACK, [job]);
    if (answer.message.case === "settled") continue;
    assertFull(answer);
    refused.push(job);
  }
  return refused;
}

testAsRoot({
  file: import.meta.url,
  name: "queue: a full disk refuses pushes, loses nothing, and heals",
  needs: "mounting a tmpfs needs root or a user namespace",
  fn: async () => {
    await using disk = await SmallDisk.mount();
    await using directory = await QueueDirectory.make(CONFIGURATION, disk.path);
    await using server = await directory.start();
    await using pushing = await server.connect();
    const holding = await server.connect();
    const producer = new Producer(pushing);
    while (producer.pushed.size < HELD) await producer.push();
    await pull(holding, QUEUE, HELD);
    const held = await jobs(holding, HELD);
    await pull(holding, QUEUE, 0);

    while (producer.refused < REFUSALS) await producer.push();
    const waiting = producer.pushed.size;
    assert(waiting > 2 * HELD, `${waiting} jobs fitted`);
    const refused = await acknowledge(holding, held);

    await disk.dropBallast();
    await holding[Symbol.asyncDispose]();
    await using pulling = await server.connect();
    while (producer.pushed.size < waiting + HELD) await producer.push();
    const left = new Set(producer.pushed);
    for (const { id } of held) left.delete(id);
    for (const { id } of refused) left.add(id);
    await pull(pulling, QUEUE, 4);
    while (left.size > 0) {
      const [job] = await jobs(pulling, 1);
      assert(left.delete(job.id), `job ${job.id} is there to be done`);
      const again = refused.some(({ id }) => id === job.id);
      if (again) assert(job.redelivered && job.attempt > 1, `job ${job.id} is marked`);
      contentOf(await settle(pulling, Verdict.ACK, [job]), "settled");
    }
    const { ready, delayed } = await whenNoneIsOut(pulling, QUEUE);
    assert.equal(ready + delayed, 0n);
    assert.equal((await infoOf(pulling, QUEUE)).dead, 0n);
    const { code, log } = await settles(server.running.end("SIGTERM"), "the end");
    assert.equal(code, 0, log);
  },
});
