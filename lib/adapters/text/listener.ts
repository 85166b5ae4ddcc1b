/**
 * The text listener: chat for whoever has `nc` or `telnet`, and nothing installed.
 */
import type { Link, LinkListener } from "../../ports/link.ts";
import { listenTcp, type TcpLinkListener } from "../socket/tcp.ts";
import type { DialogueOptions } from "./dialogue.ts";
import { TextLink } from "./link.ts";

/** The longest line that a person may type: the longest text there may be. */
export const MAX_LINE_BYTES = 4096;

/** The most bytes that a message takes around a text. */
const AROUND_TEXT_BYTES = 256;

/** What the listener needs to know of the dialogue. */
type TextOptions = Omit<DialogueOptions, "maxLineBytes">;

/** A listener on one address. */
class TextLinkListener implements LinkListener {
  readonly kind = "text";
  readonly dialect = "delimited";
  readonly #listener: TcpLinkListener;
  readonly #options: TextOptions;
  readonly #maxFrameBytes: number;

  constructor(listener: TcpLinkListener, options: TextOptions, maxFrameBytes: number) {
    this.#listener = listener;
    this.#options = options;
    this.#maxFrameBytes = maxFrameBytes;
  }

  get address(): string {
    return this.#listener.address;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Link> {
    // A line becomes one message, together with the name of the room.
    const maxLineBytes = Math.min(MAX_LINE_BYTES, this.#maxFrameBytes - AROUND_TEXT_BYTES);
    const options = { ...this.#options, maxLineBytes };
    for await (const link of this.#listener) yield new TextLink(link, options, this.#maxFrameBytes);
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
  maxFrameBytes: number,
): LinkListener[] {
  return listenTcp("text", "delimited", hostname, port)
    .map((listener) => new TextLinkListener(listener, options, maxFrameBytes));
}
