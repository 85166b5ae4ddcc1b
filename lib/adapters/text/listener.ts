/**
 * The text listener: chat for whoever has `nc` or `telnet`, and nothing installed.
 */
import type { Link, LinkListener } from "../../ports/link.ts";
import { type Door, OPEN_DOOR } from "../socket/door.ts";
import { listenTcp, type TcpLinkListener } from "../socket/tcp.ts";
import { TEXT_BANNER } from "./banner.ts";
import { TextLink, type TextLinkOptions } from "./link.ts";

/** The longest line that a person may type: the longest text there may be. */
export const MAX_LINE_BYTES = 4096;

/** The most bytes that a message takes around a text. */
const AROUND_TEXT_BYTES = 256;

/** What the listener needs to know. */
type TextOptions = Omit<TextLinkOptions, "maxLineBytes" | "banner">;

/** A listener on one address. */
class TextLinkListener implements LinkListener {
  readonly kind = "text";
  readonly dialect = "delimited";
  readonly #listener: TcpLinkListener;
  readonly #options: TextOptions;

  constructor(listener: TcpLinkListener, options: TextOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  get address(): string {
    return this.#listener.address;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Link> {
    for await (const link of this.#listener) {
      // A line becomes one message, together with the name of the room.
      const room = this.#options.maxFrameBytes - AROUND_TEXT_BYTES;
      const maxLineBytes = Math.min(MAX_LINE_BYTES, room);
      yield new TextLink(link, { ...this.#options, banner: TEXT_BANNER, maxLineBytes });
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
  return listenTcp("text", hostname, port, door)
    .map((listener) => new TextLinkListener(listener, options));
}
