/**
 * The page of queues: the list of all, and one of them by its name in the address.
 */
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask } from "../../data/ask.ts";
import { navigate } from "../../router.ts";
import type { Command, Place } from "../../shell/places.ts";
import { QueueDetail } from "./detail.tsx";
import { QueueList } from "./list.tsx";

/** The most queues that the palette offers. */
const MAX_OFFERED = 15;

/** The page. */
export const queues: Place = {
  id: "queues",
  title: "Queues",
  icon: "queues",
  key: "q",
  View: ({ path }) =>
    path.length === 0 ? <QueueList /> : <QueueDetail key={path[0]} name={path[0]} />,
  commands: async (text, signal): Promise<readonly Command[]> => {
    const { queues } = await ask(Queues.method.list, { limit: 1000 }, { signal });
    const wanted = text.trim().toLowerCase();
    return queues.filter(({ queue }) => queue.toLowerCase().includes(wanted)).slice(0, MAX_OFFERED)
      .map(({ queue }) => ({
        title: queue,
        kind: "Queue",
        run: () => navigate(["queues", queue]),
      }));
  },
};
