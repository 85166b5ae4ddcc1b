/**
 * What the person may do: what they may not is not offered. The server decides again each time.
 *
 * It is asked once for all questions of a moment, and its answers hold for one connection. What is not known yet is not
 * offered, for as long as the answer takes.
 */
import { signal } from "@preact/signals";
import { detached } from "../../lib/base/detached.ts";
import type { DescMethodUnary } from "../../lib/client/browser.ts";
import { Server } from "../../lib/gen/parley/v1/server_pb.ts";
import { ask } from "./ask.ts";
import { generation } from "./connection.ts";

/** What permissions are about. */
export type Verb = "publish" | "subscribe" | "call" | "serve" | "join" | "push" | "pull" | "manage";

/** The most questions of one request, and the most answers that are remembered. */
const MAX_QUESTIONS = 256;
const MAX_REMEMBERED = 5_000;

/** The server's own methods that the person may call with some request at least; null while that is not known. */
export const methods = signal<ReadonlySet<string> | null>(null);
/** The verbs of which the person may do something. */
const verbs = signal<ReadonlySet<string>>(new Set());
/** The answers so far, by question. */
const answers = signal<ReadonlyMap<string, boolean>>(new Map());
/** What is to be asked, by question. */
const open = new Map<string, { verb: Verb; name: string }>();
let isAsking = false;

/** Whether something may be done; not, while that is not known. */
export function may(verb: Verb, name: string): boolean {
  return answerTo(verb, name) ?? false;
}

/** Whether something may be done; undefined while that is not known. */
export function answerTo(verb: Verb, name: string): boolean | undefined {
  const question = `${verb} ${name}`;
  const known = answers.value.get(question);
  if (known === undefined) {
    open.set(question, { verb, name });
    if (!isAsking) {
      isAsking = true;
      queueMicrotask(() => detached(askOpen(), "ask what may be done"));
    }
  }
  return known;
}

/** Whether something of a verb may be done. */
export function mayAny(verb: Verb): boolean {
  return verbs.value.has(verb);
}

/** Whether one of the server's own methods may be called with some request at least. */
export function mayCall({ parent, name }: DescMethodUnary): boolean {
  return methods.value?.has(`${parent.typeName}/${name}`) ?? false;
}

/** Learns anew what the person may do. Rejects when that cannot be told. */
export async function learnRights(): Promise<void> {
  const { methods: names, verbs: known } = await ask(Server.method.permissions, {});
  answers.value = new Map();
  verbs.value = new Set(known);
  methods.value = new Set(names);
}

async function askOpen(): Promise<void> {
  const asked = [...open].slice(0, MAX_QUESTIONS);
  const mine = generation.value;
  for (const [question] of asked) open.delete(question);
  try {
    const questions = asked.map(([, { verb, name }]) => ({ verb, name }));
    const { allowed } = await ask(Server.method.permissions, { questions });
    if (mine !== generation.value) return;
    const known = answers.value.size > MAX_REMEMBERED ? new Map() : new Map(answers.value);
    asked.forEach(([question], index) => known.set(question, allowed[index] ?? false));
    answers.value = known;
  } catch {
    // Asked again when it is shown again: nothing is offered meanwhile.
  } finally {
    isAsking = false;
    if (open.size > 0) {
      isAsking = true;
      detached(askOpen(), "ask what may be done");
    }
  }
}
