/**
 * Sessions whose peer is the test: no sockets, and a clock that moves only when told to.
 */
import { ManualClock } from "./manual_clock.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import type { Session } from "../../lib/services/connection/session.ts";
import type { Features } from "../../lib/services/features.ts";
import { beginSweep, sweepSession } from "../../lib/services/connection/sweep.ts";
import { type ClientFraming, type ServerMessage, takeServerMessage } from "./frames.ts";
import { makeFeatures, openSession } from "./features.ts";
import { MemoryLink } from "./memory_link.ts";
import { settles } from "./until.ts";

/** A session with everything around it. */
export class TestSession {
  readonly clock = new ManualClock();
  readonly host: Features;
  readonly link: MemoryLink;
  readonly session: Session;
  #run: Promise<void> | null = null;

  constructor(kind: ListenerKind = "tcp", limits: Partial<Limits> = {}) {
    // A server has mostly run for a while when somebody connects.
    this.clock.advance(1_000_000);
    this.host = makeFeatures({ ...DEFAULT_LIMITS, ...limits }, this.clock, "test");
    this.link = new MemoryLink(kind);
    this.session = openSession(this.host, this.link);
  }

  /** Starts to serve. */
  start(): this {
    this.#run = this.session.run();
    return this;
  }

  /** Resolves when the session has ended; fails when it hangs. */
  ended(): Promise<void> {
    return settles(this.#run ?? Promise.resolve(), "the end of the session");
  }

  /** Forgets the calls that its peer has asked or registered for. */
  dispose(): void {
    this.host.calls.close();
  }

  /** Lets time pass and sweeps, as the server does. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.host.context.tick();
    beginSweep(this.host.context);
    sweepSession(this.session, this.host.context.nowMs);
  }

  /** Everything the session has written so far, as messages. */
  messages(
    framing: ClientFraming = this.link.kind === "raw" ? "bare" : "delimited",
  ): ServerMessage[] {
    return messagesOf(this.link.written, framing);
  }

  /** Resolves when the session waits for input and has nothing more to write. */
  async idle(): Promise<void> {
    await this.link.when(
      () => this.link.reading && this.link.unreadBytes === 0 && this.session.outbox.size === 0,
      "the session is idle",
    );
  }

  /** Resolves when that many messages were written. */
  async wrote(count: number, framing?: ClientFraming): Promise<ServerMessage[]> {
    await this.link.when(() => this.messages(framing).length >= count, `${count} messages`);
    return this.messages(framing);
  }
}

/** The messages in some bytes; fails when the last is not whole. */
export function messagesOf(bytes: Uint8Array, framing: ClientFraming): ServerMessage[] {
  const messages: ServerMessage[] = [];
  for (let rest = bytes.slice(); rest.length > 0;) {
    const found = takeServerMessage(rest, framing);
    if (found === undefined) {
      throw new Error(`${rest.length} bytes at the end are no whole message`);
    }
    messages.push(found.message);
    rest = rest.slice(found.taken);
  }
  return messages;
}
