/**
 * The bus as one would explain it: a list of subscriptions that is looked through for each event.
 *
 * It says exactly what each connection is sent for what it and the others do, but for one thing: which
 * member of a group gets an event. That it is told, and checks. Nothing of lib/logic is used.
 */
import assert from "node:assert/strict";

/** One subscription of the model. */
export interface ModelSubscription {
  readonly owner: number;
  readonly pattern: string;
  readonly type: string;
  readonly group: string;
  echo: boolean;
  remaining: number;
}

/** One thing that a connection does. */
export type Step =
  | { do: "subscribe"; pattern: string; type: string; group: string; echo: boolean; id: number }
  | {
    do: "unsubscribe";
    pattern: string;
    type: string;
    group: string;
    afterEvents: number;
    id: number;
  }
  | { do: "publish"; topic: string; type: string; number: number; id: number };

/** Who received an event as a member of a group of that name, once for each time. */
export type GroupReceivers = (number: number, group: string) => number[];

/** Whether a pattern, empty for all, matches a topic. */
export function modelMatches(pattern: string, topic: string): boolean {
  if (pattern === "") return true;
  const levels = topic.split(".");
  const wanted = pattern.split(".");
  for (const [index, level] of wanted.entries()) {
    if (level === ">") return levels.length > index;
    if (index >= levels.length || (level !== "*" && level !== levels[index])) return false;
  }
  return levels.length === wanted.length;
}

/** The naive bus; `sent` is what each connection was to get, in words. */
export class BusModel {
  readonly sent = new Map<number, string[]>();
  #subscriptions: ModelSubscription[] = [];

  /** Carries a step of a connection out. */
  apply(owner: number, step: Step, groupReceivers: GroupReceivers): void {
    if (step.do === "publish") return this.#publish(owner, step, groupReceivers);
    const pattern = step.pattern === "" ? ">" : step.pattern;
    const index = this.#subscriptions.findIndex((one) =>
      one.owner === owner && one.pattern === pattern && one.type === step.type &&
      one.group === step.group
    );
    if (step.do === "subscribe") {
      const { type, group, echo } = step;
      const added = { owner, pattern, type, group, echo, remaining: Infinity };
      this.#subscriptions.splice(index < 0 ? this.#subscriptions.length : index, 1, added);
    } else {
      if (index < 0) return this.#tell(owner, `error NOT_FOUND id ${step.id}`);
      if (step.afterEvents === 0) this.#subscriptions.splice(index, 1);
      else this.#subscriptions[index].remaining = step.afterEvents;
    }
    if (step.id > 0) this.#tell(owner, `ack 0 id ${step.id}`);
  }

  /** Forgets a connection. */
  disconnect(owner: number): void {
    this.#subscriptions = this.#subscriptions.filter((one) => one.owner !== owner);
  }

  /** A subscription of this connection, if it has one at that place of its list. */
  pickOwn(owner: number, place: number): ModelSubscription | undefined {
    const own = this.#subscriptions.filter((one) => one.owner === owner);
    return own[place % Math.max(own.length, 1)];
  }

  #publish(
    owner: number,
    step: Extract<Step, { do: "publish" }>,
    groupReceivers: GroupReceivers,
  ): void {
    const wanting = this.#subscriptions.filter((one) =>
      modelMatches(one.pattern, step.topic) && (one.type === "" || one.type === step.type)
    );
    const plain = wanting.filter((one) => one.group === "" && (one.owner !== owner || one.echo));
    const receivers = new Set(plain.map((one) => one.owner));
    for (const receiver of receivers) this.#tell(receiver, `event ${step.number}`);
    for (const one of plain) this.#countDown(one);
    const groups = this.#toGroups(owner, wanting.filter((one) => one.group !== ""), step.number)(
      groupReceivers,
    );
    if (step.id > 0) this.#tell(owner, `ack ${receivers.size + groups} id ${step.id}`);
  }

  /** Checks that of each group and pattern one member got the event; gives how many did. */
  #toGroups(publisher: number, wanting: ModelSubscription[], number: number) {
    return (groupReceivers: GroupReceivers): number => {
      const byName = new Map<string, Map<string, ModelSubscription[]>>();
      for (const one of wanting) {
        const byPattern = byName.get(one.group) ?? new Map<string, ModelSubscription[]>();
        byName.set(one.group, byPattern);
        const members = byPattern.get(one.pattern) ?? [];
        byPattern.set(one.pattern, members);
        // Of each connection the first counts, whatever it says.
        if (members.every((other) => other.owner !== one.owner)) members.push(one);
      }
      let reached = 0;
      for (const [name, byPattern] of byName) {
        const choices = [...byPattern.values()]
          .map((members) => members.filter((one) => one.owner !== publisher || one.echo))
          .filter((members) => members.length > 0);
        const chosen = assign(choices, groupReceivers(number, name));
        assert(chosen !== null, `event ${number} goes to one member of each group "${name}"`);
        for (const one of chosen) this.#countDown(one);
        reached += chosen.length;
      }
      return reached;
    };
  }

  #countDown(subscription: ModelSubscription): void {
    if (--subscription.remaining > 0) return;
    this.#subscriptions = this.#subscriptions.filter((one) => one !== subscription);
  }

  #tell(owner: number, what: string): void {
    const told = this.sent.get(owner);
    if (told === undefined) this.sent.set(owner, [what]);
    else told.push(what);
  }
}

/** One member of each list so that together they are `receivers`; null when there is no such choice. */
function assign(choices: ModelSubscription[][], receivers: number[]): ModelSubscription[] | null {
  if (choices.length !== receivers.length) return null;
  if (choices.length === 0) return [];
  const [first, ...others] = choices;
  for (const [index, receiver] of receivers.entries()) {
    const member = first.find((one) => one.owner === receiver);
    if (member === undefined) continue;
    const rest = assign(others, receivers.toSpliced(index, 1));
    if (rest !== null) return [member, ...rest];
  }
  return null;
}
