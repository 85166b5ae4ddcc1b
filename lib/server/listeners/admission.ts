/**
 * Who gets in: the number of connections at once, from one address, and new ones a second.
 *
 * A connection over a cap is told so with RESOURCE_EXHAUSTED and closed; when many are, most of them are closed
 * without a word. A connection over the rate waits at the entrance instead.
 *
 * A connection has its place until the system has its descriptor back, whatever has become of it. So all that
 * were accepted and take a descriptor are counted: at most `maxConnections` in places, `MAX_TOLD_REFUSALS` that
 * are told, and one on each listener that is closed in the turn in which it was accepted.
 */
import { CloseReason, ErrorCode, type LimitName, ParleyError } from "../../base/errors.ts";
import { countedAs, isLoopbackIp } from "../../base/ip_address.ts";
import {
  type Limits,
  MAX_TOLD_REFUSALS,
  REFUSAL_FILES,
  USUAL_CONNECTIONS_PER_IP,
} from "../../base/limits.ts";
import { TokenBucket } from "../../logic/access/token_bucket.ts";

/** Counts connections and refuses those over a cap. */
export class Admission {
  readonly #limits: Limits;
  readonly #openFiles: number;
  #bucket: TokenBucket;
  /** The rate that the bucket was made for. */
  #rate: number;
  readonly #byAddress = new Map<string, number>();
  #open = 0;
  #telling = 0;

  /** `limits` may change; `openFiles` is the process's limit of open files, Infinity where there is none. */
  constructor(limits: Limits, openFiles: number, nowMs: number) {
    this.#limits = limits;
    this.#openFiles = openFiles;
    const rate = this.#rate = limits.maxNewConnectionsPerSecond;
    this.#bucket = new TokenBucket(rate, rate, nowMs);
  }

  /** The connections at once that are really possible here. */
  get maxConnections(): number {
    const { maxConnections, reservedFiles } = this.#limits;
    return Math.max(1, Math.min(maxConnections, this.#openFiles - reservedFiles - REFUSAL_FILES));
  }

  /** The connections that have a place. */
  get open(): number {
    return this.#open;
  }

  /** The milliseconds to wait before the next connection may be accepted; 0 when it may be now. */
  delayMs(nowMs: number): number {
    const rate = this.#limits.maxNewConnectionsPerSecond;
    if (rate !== this.#rate) {
      this.#rate = rate;
      this.#bucket = new TokenBucket(rate, rate, nowMs);
    }
    return this.#bucket.take(nowMs);
  }

  /** Takes a connection from `address` (empty where there is none), or gives the reason for refusing it. */
  admit(address: string): ParleyError | null {
    if (this.#open >= this.maxConnections) {
      return refusal(
        `the server has its limit of ${this.maxConnections} connections`,
        "connections",
      );
    }
    if (address !== "") {
      const name = countedAs(address);
      const count = this.#byAddress.get(name) ?? 0;
      if (count >= this.#mostFrom(address)) {
        return refusal(`${name} has its limit of ${count} connections`, "connections_per_address");
      }
      this.#byAddress.set(name, count + 1);
    }
    this.#open++;
    return null;
  }

  /** Whether one more refused connection may be told why. Then `told` is called when it is closed. */
  mayTell(): boolean {
    if (this.#telling >= MAX_TOLD_REFUSALS) return false;
    this.#telling++;
    return true;
  }

  /** Says that a refused connection that was told why takes no descriptor any more. */
  told(): void {
    this.#telling--;
  }

  /** Gives back the place of an admitted connection, which takes no descriptor any more. */
  release(address: string): void {
    this.#open--;
    if (address === "") return;
    const name = countedAs(address);
    const count = this.#byAddress.get(name) ?? 0;
    if (count > 1) this.#byAddress.set(name, count - 1);
    else this.#byAddress.delete(name);
  }

  #mostFrom(address: string): number {
    const { maxConnectionsPerIp: most } = this.#limits;
    if (most > 0) return most;
    return isLoopbackIp(address) ? Infinity : USUAL_CONNECTIONS_PER_IP;
  }
}

function refusal(why: string, limit: LimitName): ParleyError {
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, `cannot take the connection: ${why}`, {
    closeReason: CloseReason.TOO_MANY_CONNECTIONS,
    limit,
    retryable: true,
  });
}
