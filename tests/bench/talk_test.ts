/**
 * The load of a room must not be fooled, either: a message that a member misses, gets twice or out of
 * order must fail it. And the pings must count what a server withholds.
 */
import assert from "node:assert/strict";
import { fields, frame, frameBytes } from "../../bench/load/dialect_parley.ts";
import { Pinger } from "../../bench/load/pinger.ts";
import { Talk } from "../../bench/load/talk.ts";
import { writeAll } from "../../bench/load/target.ts";
import { settles } from "../support/until.ts";

const TEXT_BYTES = 20;
const EVENT = 3;
const ERROR = 6;
const ANSWER = 10;

/** A message of the server, without its prefix. */
function message(field: number, text = ""): Uint8Array {
  const whole = frame(field, fields("room.bench", text), 0);
  return whole.subarray(1);
}

/** A talk of two members in which the first `count` messages were said. */
function talkOf(count: number): { talk: Talk; texts: string[]; done: Promise<void> } {
  const talk = new Talk(2, count, TEXT_BYTES);
  const done = talk.allow(count, false);
  const texts = Array.from({ length: count }, (_, index) => talk.next(index)!);
  return { talk, texts, done };
}

Deno.test("a talk is over when all is answered and everybody has heard it", async () => {
  const { talk, texts, done } = talkOf(2);
  let over = false;
  void done.then(() => over = true);
  assert(texts.every((text) => text.length === TEXT_BYTES), texts.join());
  assert.equal(talk.next(0), undefined);
  for (const member of [0, 1]) {
    talk.take(member, message(EVENT, "somebody came"), 0);
    for (const text of texts) talk.take(member, message(EVENT, text), 5);
  }
  talk.take(0, message(ANSWER), 0);
  await Promise.resolve();
  assert.equal(over, false);
  talk.take(0, message(ANSWER), 0);
  await settles(done, "the talk ends");
  assert.equal(talk.deliveries, 4);
  assert.equal(talk.delays.count, 4);
  assert.equal(talk.delays.maxMs, 5);
});

Deno.test("no more messages are under way than may be, and those of the warm-up are not recorded", () => {
  const talk = new Talk(1, 2, TEXT_BYTES);
  void talk.allow(3, true);
  const first = talk.next(0)!;
  assert.notEqual(talk.next(0), undefined);
  assert.equal(talk.next(0), undefined);
  talk.take(0, message(ANSWER), 0);
  assert.notEqual(talk.next(0), undefined);
  assert.equal(talk.next(0), undefined);
  talk.take(0, message(EVENT, first), 1);
  assert.equal(talk.deliveries, 1);
  assert.equal(talk.delays.count, 0);
});

Deno.test("a talk fails on what is missing, doubled or refused", () => {
  const faults: [RegExp, (talk: Talk, texts: readonly string[]) => void][] = [
    [/got message 1 instead of 0/, (talk, [, second]) => talk.take(0, message(EVENT, second), 0)],
    [/got message 0 instead of 1/, (talk, [first]) => {
      talk.take(1, message(EVENT, first), 0);
      talk.take(1, message(EVENT, first), 0);
    }],
    [/got message 2/, (talk, texts) => {
      for (const text of texts) talk.take(0, message(EVENT, text), 0);
      talk.take(0, message(EVENT, texts[1].replace("1", "2")), 0);
    }],
    [
      /the server refused: .*no such room/s,
      (talk) => talk.take(0, message(ERROR, "no such room"), 0),
    ],
  ];
  for (const [expected, fault] of faults) {
    const { talk, texts } = talkOf(2);
    assert.throws(() => fault(talk, texts), expected);
  }
});

Deno.test("pings go on while a server withholds its answers, and all are counted", async () => {
  const held = Promise.withResolvers<void>();
  await using server = new HeldEcho(5, held.resolve);
  const pinger = await Pinger.start(server.target, 1);
  await settles(held.promise, "questions come without answers");
  const trips = await settles(pinger.stop(), "all are answered");
  assert.equal(trips.length, server.questions - 1);
  assert(trips.length >= 5);
  assert(trips.every(({ tookMs }) => tookMs >= 0));
});

Deno.test("pings fail when the server ends their connection", async () => {
  const held = Promise.withResolvers<void>();
  await using server = new HeldEcho(Infinity, held.resolve);
  const pinger = await Pinger.start(server.target, 1);
  server.end();
  await assert.rejects(settles(pinger.stop(), "they end"), /ended the connection|reset|[Bb]roken/);
});

/** Answers the first question, and then none until `hold` more have come. */
class HeldEcho implements AsyncDisposable {
  questions = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #task: Promise<void>;
  readonly #hold: number;
  readonly #came: () => void;
  #connection: Deno.TcpConn | null = null;

  constructor(hold: number, came: () => void) {
    this.#hold = hold;
    this.#came = came;
    this.#task = this.#serve();
  }

  get target() {
    return { dialect: "parley", port: this.#listener.addr.port, pid: Deno.pid } as const;
  }

  end(): void {
    try {
      this.#connection?.close();
    } catch {
      // It has ended already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.end();
    await this.#task;
  }

  async #serve(): Promise<void> {
    try {
      const connection = this.#connection = await this.#listener.accept();
      const question = frame(1, fields("ping"), 0);
      assert.equal(frameBytes(question), question.length);
      const buffer = new Uint8Array(4096);
      let [bytes, answered] = [0, 0];
      for (let count = await connection.read(buffer); count !== null;) {
        bytes += count;
        this.questions = Math.floor(bytes / question.length);
        if (this.questions > this.#hold) this.#came();
        if (answered === 0 || this.questions > this.#hold) {
          while (answered < this.questions) {
            await writeAll(connection, question);
            answered++;
          }
        }
        count = await connection.read(buffer);
      }
    } catch {
      // The test has ended it.
    }
  }
}
