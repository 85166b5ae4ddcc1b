/**
 * The log on a stream of JetStream: each entry expects the one before as the stream's last, which is the fence, and has
 * a message id, so that it can be sent again.
 *
 * After an error the same message is sent again, with the same expectation and id: the stream holds it once at most. When
 * the stream says that it ends elsewhere, it is asked what it holds at that place: this very message, which is then
 * appended, or another writer's. Nothing is concluded from silence.
 */
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import {
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import {
  type CommitLog,
  LogError,
  type LogReader,
  type LogState,
  type LogTaker,
} from "../../ports/commit_log.ts";
import { ApiCode, codeOf } from "./codes.ts";
import { ID_HEADER, PART_HEADER } from "./headers.ts";
import { partsOf, partText } from "./parts.ts";
import { StreamReader } from "./reader.ts";

/** The parts of an entry that are under way at once. */
const PARTS_AT_ONCE = 8;
/** The pause before a message is sent again. */
const PAUSE_MS = 100;

/** The stream that a log is on. */
export interface LogStream {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly name: string;
  readonly subject: string;
  readonly epoch: string;
  readonly level: AckLevel;
  readonly replicas: number;
  /** The most bytes of one message. */
  readonly partBytes: number;
  /** How long one answer of a server is waited for, and the outcome of an append at most. */
  readonly answerMs: number;
  readonly outcomeMs: number;
  /** Whether there has been no connection for so long that another writer can be expected. */
  readonly isGone: () => boolean;
}

/** A part of an entry on its way. */
interface Part {
  readonly id: string;
  readonly text: string | null;
  readonly bytes: Uint8Array;
  /** The sequence behind which it is appended. */
  readonly behind: number;
}

/** A log on a stream. */
export class JetStreamLog implements CommitLog {
  readonly epoch: string;
  readonly level: AckLevel;
  readonly replicas: number;
  readonly #stream: LogStream;
  readonly #client: JetStreamClient;
  /** The beginning of this log's message ids: nobody else has it. */
  readonly #nonce = crypto.randomUUID();
  #appends = 0;

  constructor(stream: LogStream) {
    this.epoch = stream.epoch;
    this.level = stream.level;
    this.replicas = stream.replicas;
    this.#stream = stream;
    this.#client = jetstream(stream.connection, { timeout: stream.answerMs });
  }

  async append(bytes: Uint8Array, expectedLast: number): Promise<number> {
    const { partBytes, outcomeMs } = this.#stream;
    const count = partsOf(bytes.length, partBytes);
    const entry = `${this.#nonce}-${++this.#appends}`;
    const untilMs = performance.now() + outcomeMs;
    for (let first = 0; first < count; first += PARTS_AT_ONCE) {
      const parts: Part[] = [];
      for (let index = first; index < Math.min(first + PARTS_AT_ONCE, count); index++) {
        parts.push({
          id: `${entry}-${index}`,
          text: partText(index, count),
          bytes: bytes.subarray(index * partBytes, (index + 1) * partBytes),
          behind: expectedLast + index,
        });
      }
      await this.#appendAll(parts, untilMs);
    }
    return expectedLast + count;
  }

  async state(): Promise<LogState> {
    try {
      const { state, config } = await this.#stream.manager.streams.info(this.#stream.name);
      return {
        firstSequence: Math.max(state.first_seq, 1),
        lastSequence: state.last_seq,
        fullness: config.max_bytes > 0 ? state.bytes / config.max_bytes : 0,
      };
    } catch (error) {
      throw new LogError("unknown", "cannot ask the log what it holds", { cause: error });
    }
  }

  read(after: number, take: LogTaker): LogReader {
    return new StreamReader(this.#client, this.#stream, () => this.state(), { after, take });
  }

  async trim(sequence: number): Promise<void> {
    try {
      await this.#stream.manager.streams.purge(this.#stream.name, { seq: sequence });
    } catch (error) {
      throw new LogError("unknown", `cannot trim the log before ${sequence}`, { cause: error });
    }
  }

  /** Appends parts, all under way at once, and again those that have failed, in their order. */
  async #appendAll(parts: readonly Part[], untilMs: number): Promise<void> {
    let next = 0;
    while (next < parts.length) {
      const sent = parts.slice(next).map((part) => this.#publish(part));
      const outcomes = await Promise.allSettled(sent);
      const failed = outcomes.findIndex(({ status }) => status === "rejected");
      next = failed < 0 ? parts.length : next + failed;
      if (failed < 0) return;
      const { reason } = outcomes[failed] as PromiseRejectedResult;
      if (await this.#resolve(parts[next], reason)) next++;
      else if (performance.now() >= untilMs || this.#stream.isGone()) {
        throw new LogError("unknown", "the log does not say whether it holds an entry", {
          cause: reason,
        });
      } else await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #publish({ id, text, bytes, behind }: Part): Promise<void> {
    const { subject, answerMs } = this.#stream;
    let extra: MsgHdrs | undefined;
    if (text !== null) {
      extra = headers();
      extra.set(PART_HEADER, text);
    }
    const { seq } = await this.#client.publish(subject, bytes, {
      msgID: id,
      expect: { lastSequence: behind },
      timeout: answerMs,
      headers: extra,
    });
    if (seq !== behind + 1) {
      throw new LogError("fenced", `the log holds an entry at ${seq} and not at ${behind + 1}`);
    }
  }

  /** Whether a part that has failed for `reason` is in the log; false when that is not known. Raises when it is not there. */
  async #resolve(part: Part, reason: unknown): Promise<boolean> {
    if (reason instanceof LogError) throw reason;
    if (!(reason instanceof JetStreamApiError)) return false;
    const at = part.behind + 1;
    const isFull = reason.code === ApiCode.STREAM_FULL;
    if (reason.code !== ApiCode.WRONG_LAST_SEQUENCE && !isFull) return false;
    const present = await this.#idAt(at);
    if (present === part.id) return true;
    if (present !== null) {
      throw new LogError("fenced", `another writer has appended to the log at ${at}`);
    }
    if (!isFull) return false;
    throw new LogError("full", "the log has no room", { cause: reason, last: part.behind });
  }

  /** The message id at a sequence; null when there is no message, or that could not be learnt. */
  async #idAt(sequence: number): Promise<string | null> {
    const { manager, name } = this.#stream;
    try {
      const message = await manager.streams.getMessage(name, { seq: sequence });
      return message?.header.get(ID_HEADER) ?? null;
    } catch (error) {
      if (codeOf(error) !== ApiCode.NO_MESSAGE) return null;
    }
    // What was appended and dropped since was another's: nobody drops what its writer has not heard of.
    const { firstSequence } = await this.state().catch(() => ({ firstSequence: 0 }));
    return firstSequence > sequence ? "" : null;
  }
}
