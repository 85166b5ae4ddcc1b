/**
 * What HTTP requests pull: each pull is a consumer that is closed as soon as it holds nothing, so that none is left behind.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { LongSession } from "../../../lib/adapters/http/api/long_session.ts";
import type {
  MessageClient,
  Question,
  Said,
} from "../../../lib/adapters/http/api/message_client.ts";
import { JobSchema } from "../../../lib/gen/parley/v1/queue_pb.ts";

/** A session whose server hands out as many jobs as it is asked for, of those that are there. */
class Ground {
  nowMs = 0;
  /** The consumers that are open. */
  readonly open = new Set<bigint>();
  readonly session: LongSession;
  #jobs: number;
  #token = 0n;

  constructor(jobs: number) {
    this.#jobs = jobs;
    const client = { end: null, deliver: () => {}, ask: (asked: Question) => this.#ask(asked) };
    this.session = new LongSession("s", client as unknown as MessageClient, () => this.nowMs);
  }

  pull(most: number) {
    const gone = new AbortController().signal;
    return this.session.pull("work", { most, waitMs: 0, gone });
  }

  #ask({ case: name, value }: Question): Promise<Said> {
    if (name !== "pull") throw new Error(`nobody asks for ${name} here`);
    if (value.close) this.open.delete(value.consumer);
    else this.open.add(value.consumer);
    for (let more = value.prefetch ?? 0; more > 0 && this.#jobs > 0; more--, this.#jobs--) {
      const job = { consumer: value.consumer, token: ++this.#token, leaseMs: 1000 };
      this.session.client.deliver({ case: "job", value: create(JobSchema, job) });
    }
    return Promise.resolve({ case: "ack", value: {} } as Said);
  }
}

Deno.test("http: a pull that got nothing is closed at once", async () => {
  const ground = new Ground(0);
  await ground.pull(3);
  assert.deepEqual([ground.session.pulls, ground.open.size], [0, 0]);
});

Deno.test("http: a pull is closed with its last job, and not before", async () => {
  const ground = new Ground(2);
  const pulled = await ground.pull(3);
  const [one, two] = pulled.jobs.map(({ token }) => token);
  ground.session.settled(pulled, [one]);
  assert.deepEqual([ground.session.pulls, ground.open.size], [1, 1]);
  ground.session.settled(pulled, [two]);
  assert.deepEqual([ground.session.pulls, ground.open.size], [0, 0]);
});

Deno.test("http: a pull whose leases are over is closed after the grace, and one that was extended is not", async () => {
  const ground = new Ground(2);
  const [one, other] = [await ground.pull(1), await ground.pull(1)];
  ground.session.extended(other, other.jobs.map(({ token }) => token), 5000);
  ground.nowMs = 1499;
  ground.session.sweep(500);
  assert.equal(ground.open.size, 2);
  ground.nowMs = 1500;
  ground.session.sweep(500);
  assert.deepEqual([...ground.open], [other.number]);
  assert.equal(ground.session.pulled(one.number), undefined);
  assert(ground.session.pulled(other.number) !== undefined);
});
