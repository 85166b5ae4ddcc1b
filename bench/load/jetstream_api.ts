/**
 * What JetStream is asked before a load: for a stream, a consumer, or how it stands with one.
 */
import { nats, natsMessage } from "./dialect_nats.ts";
import { Setup, type Target } from "./target.ts";

/** Asks JetStream for something, and gives its answer; rejects when it refuses. What is there already, and is the same, is as good as new. */
export async function askJetStream(target: Target, what: string, body: unknown): Promise<unknown> {
  const setup = await Setup.open(target);
  await nats.open(setup);
  const inbox = `_INBOX.${crypto.randomUUID().slice(0, 8)}`;
  await nats.subscribe(setup, inbox);
  const request = new TextEncoder().encode(JSON.stringify(body));
  await setup.write(natsMessage(`PUB $JS.API.${what} ${inbox} ${request.length}`, request));
  const answer = new TextDecoder().decode(await setup.take(nats.deliveryBytes, what));
  setup.connection.close();
  const told = JSON.parse(answer.slice(answer.indexOf("{")));
  if (told.error !== undefined) throw new Error(`JetStream refused ${what}: ${answer}`);
  return told;
}
