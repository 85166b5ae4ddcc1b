/**
 * A server that says what no honest one would: it delivers any event to whoever subscribes, unchecked, and says that it has
 * measured such topics.
 *
 * It knows Hello, Subscribe, Unsubscribe and one call, one connection at a time, and nothing else.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { ClientMessageSchema, ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import type { EventSchema } from "../../lib/gen/parley/v1/event_pb.ts";
import { MeasureTopicsResponseSchema } from "../../lib/gen/parley/v1/topic_pb.ts";

type Message = MessageInitShape<typeof ServerMessageSchema>["message"];

/** The server; it ends with the test. */
export class HostileServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #events: readonly MessageInitShape<typeof EventSchema>[];
  readonly #running: Promise<void>;

  /** `events` are what each subscriber gets at once. */
  constructor(events: readonly MessageInitShape<typeof EventSchema>[]) {
    this.#events = events;
    this.#running = this.#run();
  }

  /** Where clients find it. */
  get environment(): Record<string, string> {
    const { port } = this.#listener.addr as Deno.NetAddr;
    return { PARLEY_SERVER: `parley://127.0.0.1:${port}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      for await (const connection of this.#listener) await this.#serve(connection);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const writer = connection.writable.getWriter();
    const send = (message: Message, id = 0n) =>
      writer.write(
        sizeDelimitedEncode(ServerMessageSchema, create(ServerMessageSchema, { message, id })),
      );
    try {
      const messages = sizeDelimitedDecodeStream(ClientMessageSchema, connection.readable);
      for await (const { message, id } of messages) {
        if (message.case === "hello") {
          await send({ case: "welcome", value: { sessionId: "s", protocolVersion: 1 } }, id);
          continue;
        }
        if (message.case === "call") {
          const topics = this.#events.map(({ topic }) => ({ topic, events: 1n, totalEvents: 1n }));
          const payload = toBinary(
            MeasureTopicsResponseSchema,
            create(MeasureTopicsResponseSchema, { topics, elapsedMicros: 1000n }),
          );
          await send({ case: "answer", value: { payload } }, id);
          continue;
        }
        await send({ case: "ack", value: {} }, id);
        if (message.case !== "subscribe") continue;
        for (const value of this.#events) await send({ case: "event", value });
      }
    } catch {
      // The client has had enough; the next one may come.
    }
    await writer.close().catch(() => {});
  }
}
