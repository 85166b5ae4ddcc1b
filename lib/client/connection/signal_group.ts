/**
 * The requests that one AbortSignal can give up, behind one listener.
 *
 * Programs share a signal among many requests. A listener for each would make Node warn of a leak at the
 * eleventh, and taking one away would search through all. A signal with no request left has no listener.
 */

/** What a signal gives up. */
export interface Abortable {
  /** The signal was aborted. Called once. */
  aborted(): void;
}

const groups = new WeakMap<AbortSignal, SignalGroup>();

/** Lets `signal` give up `member` from now on. It is not aborted yet. */
export function joinSignal(signal: AbortSignal, member: Abortable): void {
  let group = groups.get(signal);
  if (group === undefined) groups.set(signal, group = new SignalGroup(signal));
  group.join(member);
}

/** Ends what `joinSignal` began. */
export function leaveSignal(signal: AbortSignal, member: Abortable): void {
  groups.get(signal)?.leave(member);
}

class SignalGroup {
  readonly #signal: AbortSignal;
  readonly #members = new Set<Abortable>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  join(member: Abortable): void {
    if (this.#members.size === 0) this.#signal.addEventListener("abort", this);
    this.#members.add(member);
  }

  leave(member: Abortable): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#signal.removeEventListener("abort", this);
  }

  handleEvent(): void {
    for (const member of [...this.#members]) member.aborted();
  }
}
