/**
 * A queue: push jobs, work on them, and see what became of one that cannot be done.
 *
 *   deno run --allow-net examples/typescript/worker.ts parley://localhost:7311
 */
import { connect, Reject } from "../../lib/client/mod.ts";

await using client = await connect(Deno.args[0] ?? "parley://localhost:7311");
const emails = client.queue("emails");
const run = crypto.randomUUID();
for (const to of ["ann", "bob", ""]) {
  // Queued once it is answered. With a messageId a push may be repeated: the same job is queued once.
  const { id } = await emails.push(JSON.stringify({ to }), { messageId: `${run} ${to}` });
  console.log("pushed", id);
}

// A handler that returns has done its job. One that throws has not: the job comes again after a while, or,
// for a Reject, becomes a dead letter at once. It may take its time: the lease is extended meanwhile. The
// signal says that the lease is lost all the same, and that somebody else will do the job.
await using _worker = emails.work((job, _signal) => {
  const { to } = job.json() as { to: string };
  if (to === "") throw new Reject("there is no address");
  console.log(`sent to ${to}, attempt ${job.attempt}`);
}, { concurrency: 1 });

// The other form: take jobs in a loop, and say what becomes of each. Leaving the loop gives back the rest.
for await (const letter of client.queue("emails.dead").pull({ prefetch: 1 })) {
  console.log(`${letter.death?.reason}: ${letter.death?.lastError}`);
  await letter.ack(); // also: nack, reject, release, extend
  break;
}
