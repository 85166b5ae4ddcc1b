/**
 * A plain text connection as a Link: what the person types is read as messages, and messages that are
 * written become lines.
 *
 * To the session behind it this is a connection like any other, with the same limits, the same rooms and
 * the same ends. What is shown leaves in order, one write at a time.
 */
import { errorOf, isDefect, reportDefect } from "../../base/defects.ts";
import { detached, mayFail } from "../../base/detached.ts";
import { ClientMessageSchema, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { create } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import type { Link, LinkMemory } from "../../ports/link.ts";
import type { WorkTurn } from "../../ports/work_turn.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { DecodedMessages } from "./decoded_messages.ts";
import { TextDialogue } from "./dialogue.ts";
import { LineReader } from "./lines.ts";
import type { DialogueOptions } from "./options.ts";

const encoder = new TextEncoder();
const decoded = new DecodedMessages();

/** What it costs to show a message, in small messages; so many are shown before others may have their turn. */
const UNITS_A_MESSAGE = 8;
const SHOWN_AT_ONCE = 16;
/** Tag of ServerMessage.event, which a frame that carries one begins with. */
const EVENT_TAG = 0x1a;

/** What a link needs to know. */
export interface TextLinkOptions extends DialogueOptions {
  /** The largest message of the server. */
  readonly maxFrameBytes: number;
  /**
   * What is written is shown in turns with others. Shared by all links of a listener: a crowd at it gets no more
   * of the server than one connection that sends.
   */
  readonly turn: WorkTurn;
  /** How long a person may take to give a name, in milliseconds; absent for no limit of this kind. */
  readonly nameTimeoutMs?: number;
  /** Told once the link was closed and takes no descriptor any more; absent for nobody. */
  readonly released?: () => void;
}

/** One person's connection. */
export class TextLink implements Link {
  readonly kind = "text";
  readonly #link: Link;
  readonly #dialogue: TextDialogue;
  readonly #lines: LineReader;
  readonly #frames: FrameReader;
  readonly #turn: WorkTurn;
  readonly #released: TextLinkOptions["released"];
  #typed: Uint8Array = new Uint8Array(0);
  #shown: Promise<void> = Promise.resolve();
  isPreparing = false;
  #ended = false;
  #closed = false;
  /** Whether the server or the person has said something since it was last looked at. */
  #news = false;
  #reading = false;
  /** Whether events are left out, and how many were. */
  #leavesOut = false;
  #leftOut = 0;
  /** Why nothing more can be read; null while it can. */
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #nameTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(link: Link, options: TextLinkOptions) {
    this.#link = link;
    this.#turn = options.turn;
    this.#released = options.released;
    const { nameTimeoutMs } = options;
    if (nameTimeoutMs !== undefined) {
      this.#nameTimer = setTimeout(() => {
        if (!this.#dialogue.isNamed) this.close();
      }, nameTimeoutMs);
    }
    this.#dialogue = new TextDialogue(options);
    this.#lines = new LineReader(options.maxLineBytes);
    this.#frames = new FrameReader("delimited", 2 * options.maxFrameBytes);
    // The greeting is shown with the first read or write: a link that nobody wants has to be closed at once.
  }

  get peer(): string {
    return this.#link.peer;
  }

  get address(): string {
    return this.#link.address;
  }

  get answersProbes(): boolean {
    return this.#link.answersProbes;
  }

  get signs(): number {
    return this.#link.signs;
  }

  get bytesWritten(): number {
    return this.#link.bytesWritten;
  }

  holdIn(memory: LinkMemory): void {
    this.#lines.memory = memory;
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      this.#news = false;
      this.#takeLines();
      this.#collect();
      if (this.#typed.length > 0) return this.#give(into);
      await this.#show();
      if (this.#isOver) return null;
      if (this.#closed) throw new Error("the connection is closed");
      if (this.#news) continue;
      // An answer can make the dialogue ask further, whether or not something is typed meanwhile; and no
      // more is read while lines wait.
      if (this.#wantsLines) {
        if (this.#failure !== null) throw this.#failure;
        if (!this.#reading) detached(this.#readLines(), "read lines");
      }
      this.#lines.tell(this.#reading);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    this.isPreparing = true;
    try {
      await this.#receive(batch);
    } catch (reason) {
      // Without what could not be shown the rest makes no sense, and the session behind this only hears of reads that fail.
      if (isDefect(reason)) reportDefect("show a message to a person", reason);
      this.close();
      throw reason;
    } finally {
      this.isPreparing = false;
    }
    this.#news = true;
    this.#wake?.();
    await this.#show();
  }

  /** Gives the dialogue the messages of a batch, in turns with others. */
  async #receive(batch: Uint8Array): Promise<void> {
    const frames = this.#frames;
    let shown = 0;
    await this.#turn.admit();
    for (let from = 0; from < batch.length;) {
      const space = frames.space();
      const count = Math.min(space.length, batch.length - from);
      space.set(batch.subarray(from, from + count));
      frames.filled(count);
      from += count;
      while (frames.next()) {
        const message = frames.buffer.subarray(frames.messageStart, frames.messageEnd);
        if (this.#leavesOut && message[0] === EVENT_TAG) {
          this.#leftOut++;
          continue;
        }
        this.#tellLeftOut();
        this.#dialogue.receive(decoded.of(message));
        // At once: it may be ready for a line that waits, and none may be read before that is taken.
        this.#news = true;
        if (++shown % SHOWN_AT_ONCE !== 0) continue;
        await this.#turn.did(SHOWN_AT_ONCE * UNITS_A_MESSAGE);
        if (this.#closed) throw new Error("the connection is closed");
      }
    }
  }

  leaveOut(): void {
    this.#leavesOut = true;
  }

  /** Tells how many events were left out, before what comes next. */
  #tellLeftOut(): void {
    if (this.#leftOut === 0) return;
    const value = { topic: ">", count: BigInt(this.#leftOut) };
    this.#leftOut = 0;
    this.#dialogue.receive(create(ServerMessageSchema, { message: { case: "missed", value } }));
  }

  probe(idleMs: number): void {
    this.#link.probe(idleMs);
  }

  closeWrite(): void {
    mayFail(this.#shown.then(() => this.#link.closeWrite()), "finish sending to a person");
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#nameTimer);
    this.#wake?.();
    this.#link.close();
    if (!this.#reading) this.#lines.close();
    if (this.#released) {
      detached(this.#link.whenReleased().then(this.#released), "count who is gone");
    }
  }

  whenReleased(): Promise<void> {
    return this.#link.whenReleased();
  }

  /** Reads once; whoever waits for lines looks again. Its failure is met by the next `read`, if there is one. */
  async #readLines(): Promise<void> {
    this.#reading = true;
    try {
      const count = await this.#link.read(this.#lines.space());
      if (count === null) this.#ended = true;
      else this.#lines.filled(count);
    } catch (reason) {
      this.#failure = errorOf(reason);
    }
    this.#reading = false;
    if (this.#closed) this.#lines.close();
    this.#news = true;
    this.#wake?.();
  }

  /** Gives the dialogue the lines that it can take now. */
  #takeLines(): void {
    while (this.#dialogue.ready) {
      const line = this.#lines.next() ?? (this.#ended ? this.#lines.finish() : null);
      if (line === null) break;
      this.#dialogue.take(line);
    }
    if (this.#dialogue.dismissed) this.#lines.drop();
  }

  /** Whether nothing more will be asked of the server. */
  get #isOver(): boolean {
    const { finished, ready, dismissed } = this.#dialogue;
    if (dismissed) return this.#ended;
    // What was asked by then, the session behind this still answers.
    return finished || this.#ended && ready && this.#lines.empty;
  }

  /**
   * Whether more of what is typed can be taken: while the dialogue is ready, no whole line waits. After the server's
   * last word what comes is thrown away.
   */
  get #wantsLines(): boolean {
    const { finished, ready, dismissed } = this.#dialogue;
    if (this.#ended) return false;
    return dismissed || ready && !finished;
  }

  #give(into: Uint8Array): number {
    const count = Math.min(into.length, this.#typed.length);
    into.set(this.#typed.subarray(0, count));
    this.#typed = this.#typed.subarray(count);
    return count;
  }

  /** Takes over what the dialogue wants to ask. */
  #collect(): void {
    if (this.#typed.length > 0) return;
    const frames = this.#dialogue.takeRequests().map((message) =>
      sizeDelimitedEncode(ClientMessageSchema, message)
    );
    const typed = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of frames) {
      typed.set(frame, at);
      at += frame.length;
    }
    this.#typed = typed;
  }

  /** Writes what the dialogue wants to show, behind what is being written. */
  #show(): Promise<void> {
    const text = this.#dialogue.takeOutput();
    if (text === "") return this.#shown;
    this.#shown = this.#shown.then(() => this.#link.write(encoder.encode(text)));
    return this.#shown;
  }
}
