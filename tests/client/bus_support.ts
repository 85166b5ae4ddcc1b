/**
 * What the tests of the client's bus share: clients of a real server, and what a fake one says.
 */
import { type Client, connect, type ConnectOptions } from "../../lib/client/mod.ts";
import type { ReceivedCall, ReceivedEvent, Subscription } from "../../lib/client/mod.ts";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";
import type { FakePeer, ServerMessageInit } from "./fake_server.ts";

/** Quick attempts, so that tests do not wait. */
export const reconnect = { minMs: 1, maxMs: 10 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A server and its clients, all gone at the end of the test. */
export class BusFixture implements AsyncDisposable {
  readonly server: TestServer;
  readonly #clients: Client[] = [];

  private constructor(server: TestServer) {
    this.server = server;
  }

  static async start(): Promise<BusFixture> {
    return new BusFixture(await startServer({ listen: { tcp: "127.0.0.1:0", raw: "", unix: "" } }));
  }

  /** Where clients connect to. */
  get url(): string {
    return `parley://127.0.0.1:${this.server.port("tcp")}`;
  }

  async client(options: ConnectOptions = {}): Promise<Client> {
    const client = await connect(this.url, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.server[Symbol.asyncDispose]();
  }
}

/** Collects what a subscription gets; `take` is its callback. */
export class Collector {
  readonly events: ReceivedEvent[] = [];
  readonly take = (event: ReceivedEvent): void => void this.events.push(event);

  /** The payloads as text. */
  get texts(): string[] {
    return this.events.map(textOf);
  }

  /** Resolves when so many events have come. */
  async count(count: number): Promise<void> {
    await until(() => this.events.length >= count, `${count} events, of ${this.events.length}`);
  }
}

/** Handlers that wait until they are let go, in the order of the calls. */
export class Gate {
  readonly calls: ReceivedCall[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly handler = async (call: ReceivedCall): Promise<string> => {
    this.calls.push(call);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return `answer to ${textOf(call)}`;
  };

  /** Lets the oldest handlers go. */
  open(count = Infinity): void {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  /** Resolves when so many handlers run or ran. */
  async entered(count: number): Promise<void> {
    await until(() => this.calls.length >= count, `${count} calls, of ${this.calls.length}`);
  }
}

/** The payload of an event as text. */
export function textOf(event: { payload: Uint8Array }): string {
  return decoder.decode(event.payload);
}

/** The payloads that the iterator gives until it ends; each is also given to `onText`. */
export function drain(
  subscription: Subscription,
  onText: (text: string) => void | Promise<void> = () => {},
): Promise<string[]> {
  const loop = async () => {
    const texts: string[] = [];
    for await (const event of subscription) {
      texts.push(textOf(event));
      await onText(textOf(event));
    }
    return texts;
  };
  return settles(loop(), `the end of the subscription to "${subscription.pattern}"`);
}

/** How many connections get an event on `topic`. */
export async function receiversOf(client: Client, topic: string): Promise<number | undefined> {
  return (await client.publish(topic, "probe")).receivers;
}

/** "0" to one below `count`. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** Everything that was published before this has reached `subscriber` after it: answers keep their place. */
export async function arrived(publisher: Client, ...subscribers: Client[]): Promise<void> {
  await publisher.publish("barrier", "");
  for (const subscriber of subscribers) await subscriber.ping();
}

/** An acknowledgement. */
export function ack(id: bigint, level = AckLevel.ROUTED, receivers = 0): ServerMessageInit {
  return { message: { case: "ack", value: { level, receivers } }, id };
}

/** A delivery. */
export function delivery(topic: string, text: string, more: object = {}): ServerMessageInit {
  const value = { topic, payload: encoder.encode(text), sender: "other", ...more };
  return { message: { case: "event", value } };
}

/** A call that the server hands over. */
export function handedCall(method: string, id: bigint, text = ""): ServerMessageInit {
  return { message: { case: "call", value: { method, payload: encoder.encode(text) } }, id };
}

/** Takes a Subscribe and acknowledges it. */
export async function acceptSubscribe(peer: FakePeer) {
  const { id, value } = await peer.expect("subscribe");
  await peer.send(ack(id));
  return value;
}
