/**
 * The text listener: chat for whoever has `nc` or `telnet`, and nothing installed.
 */
import { settled } from "../../base/detached.ts";
import type { Link, LinkListener } from "../../ports/link.ts";
import { type Door, OPEN_DOOR } from "../socket/door.ts";
import { listenTcp, type TcpLinkListener } from "../socket/tcp.ts";
import { CLASSIC_BANNER, TEXT_BANNER } from "./banner.ts";
import { TextLink, type TextLinkOptions } from "./link.ts";

/** The longest line that a person may type: the longest text there may be. */
export const MAX_LINE_BYTES = 4096;

/** The most bytes that a message takes around a text. */
const AROUND_TEXT_BYTES = 256;

/** Of ten places none is kept for long for somebody without a name. */
const CLASSIC_NAME_TIMEOUT_MS = 60_000;
/** What a classic listener is called. */
const CLASSIC_LISTENER = "text_classic";
/** The most people at a classic listener. */
const MAX_CLASSIC_PEOPLE = 10;
const FULL = new TextEncoder().encode(
  `The chat is full: at most ${MAX_CLASSIC_PEOPLE} people. Come back later.\n`,
);

/** What the listener needs to know. */
type TextOptions = Omit<TextLinkOptions, "maxLineBytes" | "banner" | "released" | "nameTimeoutMs">;

/** How a listener greets, and how many people it takes at once. */
interface Manner {
  readonly name: string;
  readonly banner: string;
  readonly maxPeople: number;
  readonly nameTimeoutMs?: number;
}

/** A listener on one address. */
class TextLinkListener implements LinkListener {
  readonly kind = "text";
  readonly dialect = "delimited";
  readonly #listener: TcpLinkListener;
  readonly #options: TextOptions;
  readonly #manner: Manner;
  #people = 0;

  constructor(listener: TcpLinkListener, options: TextOptions, manner: Manner) {
    this.#listener = listener;
    this.#options = options;
    this.#manner = manner;
  }

  get name(): string {
    return this.#manner.name;
  }

  get address(): string {
    return this.#listener.address;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Link> {
    const { banner, maxPeople, nameTimeoutMs } = this.#manner;
    for await (const link of this.#listener) {
      if (this.#people >= maxPeople) {
        // One after the other: those who are told take no more than one descriptor.
        await refuse(link);
        continue;
      }
      this.#people++;
      const released = () => void this.#people--;
      // A line becomes one message, together with the name of the room.
      const room = this.#options.maxFrameBytes - AROUND_TEXT_BYTES;
      const maxLineBytes = Math.min(MAX_LINE_BYTES, room);
      const manner = { banner, maxLineBytes, nameTimeoutMs, released };
      yield new TextLink(link, { ...this.#options, ...manner });
    }
  }

  close(): void {
    this.#listener.close();
  }
}

/** Listens on `hostname` and `port`; as `listenTcp`. */
export function listenText(
  hostname: string,
  port: number,
  options: TextOptions,
  door: Door = OPEN_DOOR,
): LinkListener[] {
  const manner = { name: "text", banner: TEXT_BANNER, maxPeople: Infinity };
  return listenTcp("text", hostname, port, door)
    .map((listener) => new TextLinkListener(listener, options, manner));
}

/** Listens as `listenText` does, with the greeting of the classic chat exercise, for `MAX_CLASSIC_PEOPLE` at once on each address. */
export function listenClassicText(
  hostname: string,
  port: number,
  options: TextOptions,
  door: Door = OPEN_DOOR,
): LinkListener[] {
  const manner = {
    name: CLASSIC_LISTENER,
    banner: CLASSIC_BANNER,
    maxPeople: MAX_CLASSIC_PEOPLE,
    nameTimeoutMs: CLASSIC_NAME_TIMEOUT_MS,
  };
  return listenTcp("text", hostname, port, door)
    .map((listener) => new TextLinkListener(listener, options, manner));
}

/** Tells somebody that there is no room, and lets them go. A few bytes into an empty buffer need no reader. */
async function refuse(link: Link): Promise<void> {
  await settled(link.write(FULL), "tell somebody that the chat is full");
  link.close();
  await link.whenReleased();
}
