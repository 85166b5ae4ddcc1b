/**
 * Removing a queue: its jobs, its dead letters and its name.
 *
 * A queue that has consumers stays, and so does one that holds jobs unless `force` is set. A job that is pushed
 * meanwhile keeps the queue: no acknowledged push is dropped unless that was asked for. A queue that the
 * configuration names is there again at once, and empty.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { DEAD_SUFFIX, isDeadName } from "../../logic/queues/policies.ts";
import type { Ticket } from "../connection/ticket.ts";
import { committed } from "../kept/committed.ts";
import { purge, unpauseQueue } from "./care.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { Queue } from "./queue.ts";
import type { Queues } from "./queues.ts";

/**
 * Removes the queue `name` with its dead letters; gives the number of dropped jobs once that is committed.
 * Rejects with FAILED_PRECONDITION when it is in use, or holds jobs and `force` is not set.
 */
export async function removeQueue(
  queues: Queues,
  name: string,
  force: boolean,
  turn: TurnTaker,
): Promise<number> {
  const all = (isDeadName(name) ? [name] : [name + DEAD_SUFFIX, name])
    .map((each) => queues.find(each)).filter((queue) => queue !== null);
  for (const queue of all) check(queue, force);
  let dropped = 0;
  for (const queue of all) {
    if (queue.machine.jobs > 0) dropped += await purge(queues, queue, turn);
    await unpauseQueue(queues, queue);
    // Nothing is awaited between this check and the handing over: a job that is pushed afterwards keeps the queue.
    check(queue, false);
    await forgetStored(queues, queue);
    queues.forget(queue);
  }
  return dropped;
}

function check(queue: Queue, force: boolean): void {
  const { name, pulling, machine } = queue;
  if (pulling > 0) {
    const who = pulling === 1 ? "a consumer pulls" : `${pulling} consumers pull`;
    throw refusal(name, `${who} from it`, "a queue that nobody pulls from");
  }
  if (machine.jobs > 0 && !force) {
    const jobs = machine.jobs === 1 ? "1 job" : `${machine.jobs} jobs`;
    throw refusal(name, `it holds ${jobs}`, "an empty queue, or force (--force) to drop its jobs");
  }
}

/** Removes a queue from the store, if it is there. */
async function forgetStored({ store }: Queues, queue: Queue): Promise<void> {
  if (!queue.isStored) return;
  await committed((ticket) => {
    const told: Ticket["committed"] = (...what) => {
      // In the very moment of the commit: the next push must not go to a queue that the store has forgotten.
      if (store.jobs.queue(queue.name) === null) queue.leftStore();
      ticket.committed(...what);
    };
    store.jobs.forget(queue.log, { ...ticket, committed: told });
  });
  if (queue.isStored) throw refusal(queue.name, "jobs were pushed meanwhile", "another try");
}

function refusal(name: string, why: string, accepted: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot remove ${quote(name)}: ${why}`,
    { accepted },
  );
}
