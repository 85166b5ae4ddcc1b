/**
 * The names that logs are stored under: a topic has its own, a queue one that no topic can have.
 */

/** No name of a topic has a space in it. */
const PREFIX = "queue ";

/** The name that the jobs of a queue are stored under. */
export function storedNameOf(queue: string): string {
  return PREFIX + queue;
}

/** The name of the queue whose jobs are stored under `storedName`; null when that is a topic's. */
export function queueNameOf(storedName: string): string | null {
  return storedName.startsWith(PREFIX) ? storedName.slice(PREFIX.length) : null;
}

/** The topic or queue that is stored under `storedName`, in the words of an error. */
export function describeStored(storedName: string): string {
  const queue = queueNameOf(storedName);
  return queue === null ? `topic ${JSON.stringify(storedName)}` : `queue ${JSON.stringify(queue)}`;
}
