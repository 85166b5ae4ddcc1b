/**
 * Lets admitted connections in at the rate that is allowed, fair between their addresses.
 *
 * Listeners accept meanwhile: a connection over the rate is accepted and waits here, since only an accepted
 * one has an address. So an address that opens connections faster than the rate waits for itself, and a newcomer
 * from elsewhere is next but one. Who waits has its place already; they take at most a quarter of the places, and
 * when that is full the address that has most of them in it loses its last.
 */
import { guard } from "../../base/defects.ts";
import { countedAs } from "../../base/ip_address.ts";
import { MAX_WAITING_CONNECTIONS } from "../../base/limits.ts";
import { WaitingLine } from "../../logic/waiting_line.ts";
import type { ServerContext } from "../../services/connection/server_context.ts";
import type { Admission } from "./admission.ts";

/** Called once: the connection may come in, or has to be closed without a word. */
export type Enter = (mayEnter: boolean) => void;

/** Where connections wait. */
export class Entrance {
  readonly #context: ServerContext;
  readonly #admission: Admission;
  readonly #line: WaitingLine<Enter>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(context: ServerContext, admission: Admission) {
    this.#context = context;
    this.#admission = admission;
    const share = Math.max(1, admission.maxConnections >>> 2);
    this.#line = new WaitingLine(Math.min(MAX_WAITING_CONNECTIONS, share));
  }

  /** Calls `enter` at once, or when it is the turn of a connection from `address`. */
  ask(address: string, enter: Enter): void {
    if (this.#closed) return enter(false);
    if (this.#line.size === 0) {
      this.#context.tick();
      const delayMs = this.#admission.delayMs(this.#context.nowMs);
      if (delayMs === 0) return enter(true);
      this.#wake(delayMs);
    }
    this.#line.push(countedAs(address), enter)?.(false);
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (let next = this.#line.shift(); next !== null; next = this.#line.shift()) next(false);
  }

  #wake(delayMs: number): void {
    this.#timer = setTimeout(() => guard("let connections in", () => this.#letIn()), delayMs);
  }

  #letIn(): void {
    while (this.#line.size > 0) {
      this.#context.tick();
      const delayMs = this.#admission.delayMs(this.#context.nowMs);
      if (delayMs > 0) return this.#wake(delayMs);
      this.#line.shift()!(true);
    }
  }
}
