/**
 * A plain text connection as a Link: what the person types is read as messages, and messages that are
 * written become lines.
 *
 * To the session behind it this is a connection like any other, with the same limits, the same rooms and
 * the same ends. What is shown leaves in order, one write at a time.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ClientMessageSchema, ServerMessageSchema } from "../gen/parley/v1/envelope_pb.ts";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import type { Link } from "../ports/link.ts";
import { FrameReader } from "../wire/frame_reader.ts";
import { type DialogueOptions, TextDialogue } from "./text_dialogue.ts";
import { LineReader } from "./text_lines.ts";

/** What one read of the connection asks for. */
const READ_BYTES = 4096;
const encoder = new TextEncoder();

/** One person's connection. */
export class TextLink implements Link {
  readonly kind = "text";
  readonly #link: Link;
  readonly #dialogue: TextDialogue;
  readonly #lines: LineReader;
  readonly #frames: FrameReader;
  readonly #chunk = new Uint8Array(READ_BYTES);
  #typed: Uint8Array = new Uint8Array(0);
  #shown: Promise<void> = Promise.resolve();
  #ended = false;
  #reading: Promise<number | null> | null = null;
  #wake: (() => void) | null = null;

  /** `maxFrameBytes` is the largest message of the server. */
  constructor(link: Link, options: DialogueOptions, maxFrameBytes: number) {
    this.#link = link;
    this.#dialogue = new TextDialogue(options);
    this.#lines = new LineReader(options.maxLineBytes);
    this.#frames = new FrameReader("delimited", 2 * maxFrameBytes);
    // That it cannot be shown is found out by the first read or write as well.
    this.#show().catch(() => {});
  }

  get peer(): string {
    return this.#link.peer;
  }

  get address(): string {
    return this.#link.address;
  }

  get bytesWritten(): number {
    return this.#link.bytesWritten;
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      this.#collect();
      if (this.#typed.length > 0) return this.#give(into);
      if (this.#ended || this.#dialogue.finished) return null;
      // An answer can make the dialogue ask further, whether or not something is typed meanwhile.
      const typed = this.#reading ??= this.#readLink();
      const asked = new Promise<"asked">((resolve) => this.#wake = () => resolve("asked"));
      const got = await Promise.race([typed, asked]);
      if (got === "asked") continue;
      this.#reading = null;
      this.#take(got);
      await this.#show();
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    const frames = this.#frames;
    for (let from = 0; from < batch.length;) {
      const space = frames.space();
      const count = Math.min(space.length, batch.length - from);
      space.set(batch.subarray(from, from + count));
      frames.filled(count);
      from += count;
      while (frames.next()) {
        const message = frames.buffer.slice(frames.messageStart, frames.messageEnd);
        this.#dialogue.receive(fromBinary(ServerMessageSchema, message));
      }
    }
    this.#wake?.();
    await this.#show();
  }

  closeWrite(): void {
    this.#shown.then(() => this.#link.closeWrite(), () => {});
  }

  close(): void {
    this.#link.close();
  }

  #readLink(): Promise<number | null> {
    const reading = this.#link.read(this.#chunk);
    // Its failure is met by the next `read`, if there is one.
    reading.catch(() => {});
    return reading;
  }

  /** Takes what was typed: `count` bytes of the chunk, or the end. */
  #take(count: number | null): void {
    const lines = count === null ? [] : this.#lines.take(this.#chunk.subarray(0, count));
    if (count === null) {
      this.#ended = true;
      const last = this.#lines.finish();
      if (last !== null) lines.push(last);
    }
    for (const line of lines) if (!this.#dialogue.finished) this.#dialogue.take(line);
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
