/**
 * Subscribers of every node that read everything from the beginning and go on through whatever happens: no seq twice or left
 * out, the same order on every node, and all that was acknowledged.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import type { ReceivedEvent } from "../../../lib/client/mod.ts";
import { RoomEventSchema } from "../../../lib/gen/parley/v1/room_pb.ts";
import { ROOM } from "./people.ts";
import { type ChaosWorld, NODES } from "./world.ts";

/** The texts of each topic, in order. */
type Texts = Map<string, string[]>;

const PATTERNS = ["kept.>", `room.${ROOM}`];

/** A reader at each node. */
export class Readers {
  failure: unknown = null;
  readonly #texts: Texts[] = NODES.map(() => new Map());

  constructor(readonly world: ChaosWorld) {}

  async begin(): Promise<void> {
    for (const index of NODES) {
      const client = await this.world.client(index);
      const onGap = (gap: unknown) => this.#failed(new Error(`a gap: ${JSON.stringify(gap)}`));
      const take = (event: ReceivedEvent) => this.#take(this.#texts[index], event);
      for (const pattern of PATTERNS) {
        const options = { since: "all", echo: true, onGap } as const;
        const { closed } = await client.subscribe(pattern, options, take);
        closed.catch((error) => this.#failed(error));
      }
    }
  }

  /** Resolves once every reader has what was acknowledged, and fails unless all have the same. */
  async agree(
    events: ReadonlyMap<string, ReadonlyMap<number, string>>,
    said: ReadonlyMap<number, string>,
  ): Promise<void> {
    for (const [topic, known] of [...events, [`room.${ROOM}`, said] as const]) {
      const last = Math.max(0, ...known.keys());
      const texts = this.#texts.map((all) => all.get(topic) ?? []);
      await this.world.comes(
        `every reader has ${last} of ${topic}`,
        () =>
          this.failure !== null ||
          this.#texts.every((all) => (all.get(topic)?.length ?? 0) >= last),
      );
      if (this.failure !== null) throw this.failure;
      for (const [seq, text] of known) {
        assert.equal(this.#texts[0].get(topic)![seq - 1], text, `${topic} ${seq}`);
      }
      const least = Math.min(...texts.map(({ length }) => length));
      for (const other of texts.slice(1)) {
        assert.deepEqual(other.slice(0, least), texts[0].slice(0, least), `the order of ${topic}`);
      }
    }
  }

  #take(all: Texts, event: ReceivedEvent): void {
    try {
      const { topic, seq } = event;
      let texts = all.get(topic);
      if (texts === undefined) all.set(topic, texts = []);
      assert.equal(Number(seq), texts.length + 1, `${topic} comes in order, without gap or repeat`);
      texts.push(textOf(event));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.failure ??= error;
  }
}

/** What an event says, without what makes it large. */
function textOf(event: ReceivedEvent): string {
  if (!event.topic.startsWith("room.")) return event.text().trimEnd();
  const { event: happened } = fromBinary(RoomEventSchema, event.payload);
  return happened.case === "said" ? happened.value.text : happened.case ?? "";
}
