/**
 * What is done to a queue as a whole: each asks first where something is lost, and says how much that is.
 */
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { detached } from "../../../lib/base/detached.ts";
import { ask } from "../../data/ask.ts";
import { counted } from "../../format/numbers.ts";
import { confirm } from "../../parts/dialog.tsx";
import { done, failed } from "../../parts/toasts.tsx";
import { navigate } from "../../router.ts";
import { jobsOf, MANY } from "./look.ts";

/** Stops a queue from handing out jobs, after asking. */
export function pause(queue: string, refresh: () => void): void {
  confirm({
    title: `Pause ${queue}?`,
    body: (
      <p>
        It goes on taking jobs and hands none out, also after a restart, until somebody resumes it.
      </p>
    ),
    action: "Pause",
    run: async () => {
      await ask(Queues.method.pause, { queue });
      done(`${queue} is paused.`);
      refresh();
    },
  });
}

/** Lets a queue hand out jobs again. */
export function resume(queue: string, refresh: () => void): void {
  detached(
    ask(Queues.method.resume, { queue }).then(() => {
      done(`${queue} hands out jobs again.`);
      refresh();
    }, (reason) => failed(`${queue} was not resumed`, reason)),
    "resume a queue",
  );
}

/** Drops all jobs of a queue that nobody holds. */
export function purge(queue: string, info: QueueInfo, refresh: () => void): void {
  const count = jobsOf(info) - info.leased;
  confirm({
    title: `Purge ${queue}?`,
    body: (
      <p>
        {counted(count, "job")} will be dropped and cannot be brought back.
        {info.leased > 0n &&
          ` ${
            counted(info.leased, "job that a consumer holds", "jobs that consumers hold")
          } will stay.`}
      </p>
    ),
    action: `Purge ${counted(count, "job")}`,
    danger: true,
    typed: count > MANY ? queue : undefined,
    run: async () => {
      const { dropped } = await ask(Queues.method.purge, { queue }, { timeoutMs: 120_000 });
      done(`${counted(dropped, "job")} of ${queue} dropped.`);
      refresh();
    },
  });
}

/** Removes a queue with all that it holds. */
export function remove(queue: string, info: QueueInfo): void {
  const count = jobsOf(info) + info.dead;
  confirm({
    title: `Remove ${queue}?`,
    body: (
      <p>
        The queue and its name go away
        {count > 0n ? `, with ${counted(count, "job")}, dead letters among them. ` : ". "}
        This cannot be undone. A queue that the configuration names is there again at once, and
        empty.
      </p>
    ),
    action: count > 0n ? `Remove with ${counted(count, "job")}` : "Remove",
    danger: true,
    typed: count > MANY ? queue : undefined,
    run: async () => {
      await ask(Queues.method.remove, { queue, force: true }, { timeoutMs: 120_000 });
      done(`${queue} is removed.`);
      navigate(["queues"]);
    },
  });
}
