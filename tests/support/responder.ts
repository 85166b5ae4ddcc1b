/**
 * A service of a test: takes the calls of a client one by one, or answers all of them.
 */
import type { Call } from "../../lib/gen/parley/v1/service_pb.ts";
import type { BusClient } from "./bus_client.ts";
import { answer, register } from "./bus_messages.ts";

/** A call that was handed over, and the server's id of it. */
export interface HandedCall {
  readonly id: bigint;
  readonly value: Call;
}

/** Waits for the next call and takes it out of the messages. */
export async function nextCall(client: BusClient): Promise<HandedCall> {
  const place = () => client.messages.findIndex(({ message }) => message.case === "call");
  await client.when(() => place() >= 0, "a call");
  const { id, message } = client.messages.splice(place(), 1)[0];
  return { id, value: message.value as Call };
}

/** Waits until the server says that nobody waits for a call any more, and gives its id. */
export async function nextCancel(client: BusClient): Promise<bigint> {
  const place = () => client.messages.findIndex(({ message }) => message.case === "cancel");
  await client.when(() => place() >= 0, "a cancel");
  return client.messages.splice(place(), 1)[0].id;
}

/** Offers a method and answers its calls with what `reply` gives, until the connection ends. */
export async function serve(
  client: BusClient,
  method: string,
  reply: (call: Call) => Uint8Array,
): Promise<void> {
  await client.acknowledged(register(method));
  void answerAll(client, reply);
}

async function answerAll(client: BusClient, reply: (call: Call) => Uint8Array): Promise<void> {
  const isCall = () => client.messages.some(({ message }) => message.case === "call");
  while (client.ended === null) {
    await client.whenAny(isCall);
    if (!isCall()) return;
    const { id, value } = await nextCall(client);
    try {
      await client.send(answer({ payload: reply(value) }, id));
    } catch {
      return;
    }
  }
}
