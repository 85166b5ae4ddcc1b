/**
 * Where passwords wait to be hashed: a few at a time, because each takes a core and some megabytes, and a bounded
 * number that wait, fair between the addresses they come from. Whoever floods the line has its own pushed out.
 */
import { detached } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { MAX_HASHES_AT_ONCE, MAX_WAITING_HASHES } from "../../base/limits.ts";
import { WaitingLine } from "../../logic/waiting_line.ts";

/** One that waits: called once, with whether it is its turn. */
type Enter = (mayEnter: boolean) => void;

/** Hashes passwords, in turns. */
export class HashLine {
  readonly #atOnce: number;
  readonly #line: WaitingLine<Enter>;
  #underWay = 0;

  constructor(atOnce = MAX_HASHES_AT_ONCE, waiting = MAX_WAITING_HASHES) {
    this.#atOnce = atOnce;
    this.#line = new WaitingLine(waiting);
  }

  /** Hashes with `hash` when it is the turn of `address`. Rejects with RESOURCE_EXHAUSTED when too many wait. */
  async run<T>(address: string, hash: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#atOnce) {
      const mayEnter = await new Promise<boolean>((enter) => {
        this.#line.push(address, enter)?.(false);
      });
      if (!mayEnter) throw tooMany();
    } else this.#underWay++;
    const hashing = hash();
    detached(
      hashing.then(() => this.#next(), () => this.#next()),
      "let the next password be hashed",
    );
    return await hashing;
  }

  /** The place of one that is done is that of the next. */
  #next(): void {
    const next = this.#line.shift();
    if (next === null) this.#underWay--;
    else next(true);
  }
}

function tooMany(): ParleyError {
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    "cannot check the password now: too many others wait for that",
    { retryable: true, accepted: "another try in a moment, or a token", limit: "logins" },
  );
}
