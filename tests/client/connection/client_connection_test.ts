/**
 * One connection, and its keeper, over a transport in memory: the test sees every single write.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { readSum } from "../../../lib/client/connection/answers.ts";
import {
  ClientConnection,
  type ConnectionOwner,
} from "../../../lib/client/connection/client_connection.ts";
import { NO_CREDENTIALS } from "../../../lib/client/connection/credentials.ts";
import { ConnectionKeeper } from "../../../lib/client/connection/keeper.ts";
import { DeadlineTimer } from "../../../lib/client/connection/deadline_timer.ts";
import { defaultHandlers } from "../../../lib/client/connection/message_handlers.ts";
import { PendingRequest } from "../../../lib/client/connection/pending_request.ts";
import { encodeAdd } from "../../../lib/client/connection/requests.ts";
import { settingsOf } from "../../../lib/client/settings.ts";
import type { Transport } from "../../../lib/client/transport/transport.ts";
import { BufferPool } from "../../../lib/wire/buffer_pool.ts";
import { OutboxBudget } from "../../../lib/wire/outbox_budget.ts";
import { join } from "../../support/frames.ts";
import { ManualWriter, turn } from "../../support/outbox.ts";
import { Destinations } from "../../../lib/client/connection/destinations.ts";
import { settles } from "../../support/until.ts";
import { serverFrame, welcome } from "../fake_server.ts";

/** What comes when the test says so; writes settle when it says so. */
class MemoryTransport implements Transport {
  readonly writer = new ManualWriter();
  #settle: ((bytes: Uint8Array | null) => void) | null = null;

  async read(into: Uint8Array): Promise<number | null> {
    const bytes = await new Promise<Uint8Array | null>((resolve) => this.#settle = resolve);
    if (bytes !== null) into.set(bytes);
    return bytes?.length ?? null;
  }

  write(batch: Uint8Array): Promise<void> {
    return this.writer.write(batch);
  }

  close(): void {
    this.arrive(null);
  }

  /** Lets the read that waits give `bytes`, or the end. */
  arrive(bytes: Uint8Array | null): void {
    this.#settle?.(bytes);
    this.#settle = null;
  }
}

/** A connection that has been welcomed, and whom it tells. */
async function open() {
  const told: string[] = [];
  const transport = new MemoryTransport();
  const owner: ConnectionOwner = {
    url: "the url",
    clientName: "",
    maxInFlight: 1000,
    timer: new DeadlineTimer(),
    buffers: new BufferPool(),
    budget: new OutboxBudget(1 << 20),
    handlers: defaultHandlers,
    hasRoom: () => told.push("room"),
    refused: () => told.push("refused"),
    draining: () => told.push("draining"),
    ended: () => told.push("ended"),
  };
  const connection = new ClientConnection(owner, transport);
  const greeting = connection.hello(NO_CREDENTIALS, 1000);
  await turn();
  await transport.writer.succeed();
  transport.arrive(serverFrame({ message: welcome(), id: 1n }));
  await greeting;
  await turn();
  return { connection, transport, owner, told };
}

function ask(connection: ClientConnection): Promise<unknown> {
  return new Promise((resolve, reject) =>
    connection.send(
      new PendingRequest(encodeAdd(1, 2), readSum, 1000).settles(resolve, reject),
    )
  );
}

/** Answers to the ids from `first` to `last`, each 3. */
function sums(first: number, last: number): Uint8Array {
  return join(
    ...Array.from(
      { length: last - first + 1 },
      (_, index) =>
        serverFrame({
          message: { case: "addResponse", value: { result: 3 } },
          id: BigInt(first + index),
        }),
    ),
  );
}

Deno.test("what is asked in one turn leaves in one write, and so does the next turn's", async () => {
  const { connection, transport, owner, told } = await open();
  const { batches } = transport.writer;
  const asked = Array.from({ length: 100 }, () => ask(connection));
  assert.equal(batches.length, 1);
  await turn();
  assert.equal(batches.length, 2);
  await transport.writer.succeed();
  // Those who go on with their answers ask again in the same turn, each in a microtask of its own.
  const again = asked.map((one) => one.then(() => ask(connection)));
  told.length = 0;
  transport.arrive(sums(2, 101));
  await turn();
  assert.equal(batches.length, 3);
  assert.deepEqual(told, ["room"]);
  await transport.writer.succeed();
  transport.arrive(sums(102, 201));
  assert.deepEqual(new Set(await Promise.all(again)), new Set([3]));
  connection.end(new ParleyError(ErrorCode.UNAVAILABLE, "done"));
  await connection.finished;
  owner.timer.close();
});

Deno.test("much is not held back until the end of the turn", async () => {
  const { connection, transport, owner } = await open();
  const body = new Uint8Array(70_000);
  assert(connection.post(body));
  assert.equal(transport.writer.batches.length, 2);
  await transport.writer.succeed();
  connection.end(new ParleyError(ErrorCode.UNAVAILABLE, "done"));
  await connection.finished;
  owner.timer.close();
});

Deno.test("a draining connection sends what wants no answer before it ends", async () => {
  const { connection, transport, owner, told } = await open();
  told.length = 0;
  assert(connection.post(new Uint8Array(10)));
  connection.drain(new ParleyError(ErrorCode.UNAVAILABLE, "enough"));
  assert.deepEqual([connection.state, ...told], ["draining", "draining"]);
  assert.equal(transport.writer.batches.length, 2);
  await transport.writer.succeed();
  await connection.finished;
  assert.deepEqual([connection.state, ...told], ["closed", "draining", "ended"]);
  assert.equal(connection.post(new Uint8Array(1)), false);
  owner.timer.close();
});

Deno.test("a write that fails ends the connection, and what is in flight rejects", async () => {
  const { connection, transport, owner } = await open();
  const asked = assert.rejects(ask(connection), /lost the connection to the url/);
  await turn();
  await transport.writer.fail(new Error("broken pipe"));
  transport.arrive(null);
  await asked;
  await connection.finished;
  assert.equal(connection.state, "closed");
  owner.timer.close();
});

Deno.test("a connection has finished when nothing of it is under way any more", async () => {
  const { connection, transport, owner } = await open();
  connection.post(new Uint8Array(10));
  await turn();
  connection.end(new ParleyError(ErrorCode.UNAVAILABLE, "done"));
  let finished = false;
  const finishing = connection.finished.then(() => finished = true);
  await turn();
  assert.equal(finished, false);
  await transport.writer.fail(new Error("closed"));
  await finishing;
  owner.timer.close();
});

Deno.test("a transport that opens after its attempt was given up is closed", async () => {
  const { owner, connection } = await open();
  const late = Promise.withResolvers<Transport>();
  const keeper = new ConnectionKeeper({
    destinations: new Destinations(
      [{ url: owner.url, target: { kind: "unix", path: "/nowhere" } }],
      false,
    ),
    credentials: { renews: false, next: () => Promise.resolve(NO_CREDENTIALS) },
    settings: settingsOf({}),
    timer: owner.timer,
    openTransport: () => late.promise,
    connectionOwner: owner,
    opened: () => assert.fail("nothing was opened"),
    gaveUp: () => assert.fail("a stopped keeper says nothing"),
  });
  const opening = keeper.open();
  await Promise.all([keeper.stop(new Error("enough")), assert.rejects(opening, /enough/)]);
  const closed = Promise.withResolvers<void>();
  const transport = new MemoryTransport();
  transport.close = () => closed.resolve();
  late.resolve(transport);
  await settles(closed.promise, "the end of the late transport");
  connection.end(new ParleyError(ErrorCode.UNAVAILABLE, "done"));
  owner.timer.close();
});
