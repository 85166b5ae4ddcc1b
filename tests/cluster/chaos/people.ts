/**
 * People of every node in one room: what was acknowledged to them is in its history, and a name is one person's.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError, type Room } from "../../../lib/client/mod.ts";
import { Loops, mayPass, pause } from "./loop.ts";
import { NODES } from "./world.ts";

/** The room. */
export const ROOM = "lobby";
/** How long a person thinks between two sentences. */
const THINK_MS = 20;

/** One person a node. */
export class People extends Loops {
  /** What was acknowledged, by seq, and what was said and perhaps heard. */
  readonly said = new Map<number, string>();
  /** Why people who were in the room had to come in again. */
  readonly outs: string[] = [];
  readonly #rooms: (Room | null)[] = NODES.map(() => null);
  #count = 0;

  protected override async turn(home: number): Promise<void> {
    const text = `sentence-${++this.#count}`;
    try {
      const room = this.#rooms[home] ??= await this.#enter(home);
      const { seq } = await room.say(text);
      assert.equal(this.said.get(Number(seq)) ?? text, text, `${seq} was acknowledged for two`);
      this.said.set(Number(seq), text);
    } catch (error) {
      const { code } = error instanceof ParleyError ? error : { code: 0 };
      const isOut = code === ErrorCode.FAILED_PRECONDITION || code === ErrorCode.ALREADY_EXISTS;
      if (isOut) {
        this.outs.push(`user${home}: ${(error as Error).message}`);
        await this.#rooms[home]?.leave().catch(() => {});
        this.#rooms[home] = null;
      } else if (!mayPass(error)) throw error;
    }
    await pause(THINK_MS);
  }

  /** Fails unless of one at each node who want a name at the same time one gets it, and each person is there once. */
  async contest(round: number): Promise<void> {
    const nick = `prize${round}`;
    const clients = await Promise.all(NODES.map((index) => this.world.client(index)));
    const tries = clients.map(async (client) => {
      for (;;) {
        try {
          return await client.room("contest", { nick });
        } catch (error) {
          if (error instanceof ParleyError && error.code === ErrorCode.ALREADY_EXISTS) return null;
          if (!mayPass(error)) throw error;
          await pause();
        }
      }
    });
    const rooms = (await Promise.all(tries)).filter((room) => room !== null);
    assert.equal(rooms.length, 1, `${nick} is one person's`);
    const names = (await rooms[0].members()).map(({ name }) => name);
    assert.deepEqual(names, [nick]);
    await rooms[0].leave();
    for (const client of clients) await this.world.drop(client);
    const present = this.#rooms.find((room) => room !== null && !room.ended);
    if (present == null) return;
    const there = (await present.members()).map(({ name }) => name);
    assert.equal(new Set(there).size, there.length, `nobody is there twice: ${there}`);
  }

  async #enter(home: number): Promise<Room> {
    const room = await this.clients[home].room(ROOM, { nick: `user${home}`, history: 0 });
    void this.#listen(room);
    return room;
  }

  /** Reads what is said, so that nothing gathers. */
  async #listen(room: Room): Promise<void> {
    try {
      for await (const _message of room);
    } catch {
      // It is entered again.
    }
  }
}
