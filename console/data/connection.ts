/**
 * The console's connection to its server: Parley's own client over the WebSocket of the very host that the page came from.
 *
 * A lost connection is opened again for as long as the page is there. Who the person is stays in the memory of the page,
 * and in that of the tab when they ask for it; it is never written into the address.
 */
/// <reference lib="dom" />
import { computed, signal } from "@preact/signals";
import { detached } from "../../lib/base/detached.ts";
import {
  type Client,
  CloseReason,
  connect,
  ErrorCode,
  ParleyError,
} from "../../lib/client/browser.ts";

/** How the console stands: asking who somebody is, there, lost and trying again, or ended by the server. */
export type Phase = "connecting" | "login" | "connected" | "lost" | "ended";

/** Who somebody says they are. */
export interface Login {
  readonly user: string;
  readonly password: string;
  readonly token: string;
}

/** How the console stands. */
export const phase = signal<Phase>("connecting");
/** Why it stands like that, for a person; empty when there is nothing to say. */
export const problem = signal("");
/** The client; null before the first connection. */
export const client = signal<Client | null>(null);
/** Counts connections: what was read before may be old. */
export const generation = signal(0);
/** What the server said of itself and of who the person is. */
export const welcome = computed(() => {
  generation.value;
  return client.value?.welcome ?? null;
});

const KEPT = "parley.login";
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;
/** How often the connection is opened in vain before the page says that the server cannot be reached. */
const PATIENCE = 1;

/** Why the server ends a connection for good. */
const FINAL: readonly CloseReason[] = [CloseReason.KICKED, CloseReason.REPLACED];

/** Each attempt has a number: what an older one says does not count any more. */
let attempt = 0;

/** The address of the server's WebSocket, beside the page. */
function serverUrl(): string {
  const url = new URL("ws", document.baseURI.replace(/[?#].*$/, ""));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Connects with what the tab remembers, or as a guest. */
export function start(): void {
  detached(open(remembered()), "connect the console");
}

/** Connects as somebody; `remember` keeps it for as long as the tab is open. */
export function logIn(login: Login, remember: boolean): void {
  if (remember) sessionStorage.setItem(KEPT, JSON.stringify(login));
  detached(open(login), "log in");
}

/** Forgets who the person is, and asks again. */
export function logOut(): void {
  sessionStorage.removeItem(KEPT);
  attempt++;
  closeClient();
  problem.value = "";
  phase.value = "login";
}

/** Asks who the person is, while the connection goes on. */
export function askLogin(): void {
  logOut();
}

function closeClient(): void {
  const old = client.value;
  client.value = null;
  if (old !== null) detached(old.close(), "close a connection");
}

async function open(login: Login | null): Promise<void> {
  const mine = ++attempt;
  closeClient();
  if (phase.value !== "login") phase.value = "connecting";
  problem.value = "";
  for (let delayMs = FIRST_DELAY_MS, tries = 0;; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
    try {
      const fresh = await connect(serverUrl(), optionsOf(login, mine));
      if (mine !== attempt) return await fresh.close();
      client.value = fresh;
      generation.value++;
      problem.value = "";
      phase.value = "connected";
      return;
    } catch (reason) {
      if (mine !== attempt) return;
      if (!waits(ParleyError.from(reason), login)) return;
      if (++tries > PATIENCE) phase.value = "lost";
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (mine !== attempt) return;
  }
}

/** Says whether to try again, and tells the person otherwise. */
function waits(error: ParleyError, login: Login | null): boolean {
  const waitS = /too many were wrong; wait (\d+) s/.exec(error.reason)?.[1];
  if (error.code === ErrorCode.UNAUTHENTICATED || waitS !== undefined) {
    sessionStorage.removeItem(KEPT);
    problem.value = login === null
      ? ""
      : waitS !== undefined
      ? `Too many passwords were wrong. Try again in ${waitS} s.`
      : refusalOf(login, error);
    phase.value = "login";
    return false;
  }
  problem.value = plain(error);
  if (error.code === ErrorCode.UNAVAILABLE || error.code === ErrorCode.DEADLINE_EXCEEDED) {
    return true;
  }
  if (error.retryable) return true;
  phase.value = "ended";
  return false;
}

/** Why somebody may not come in, in plain words. */
function refusalOf({ token }: Login, error: ParleyError): string {
  if (token === "") return "The user or the password is wrong.";
  const [, why] = /JWT: (.*)$/.exec(error.reason) ?? [];
  return why === undefined ? "The token is wrong, or has ended." : `The JWT is not taken: ${why}`;
}

/** What a person need know of an error of the connection: not where it leads, which is this page's own server. */
function plain({ reason }: ParleyError): string {
  return reason.replace(/^cannot (?:connect|talk) to \S+?: /, "");
}

function optionsOf(login: Login | null, mine: number) {
  const { user, password, token } = login ?? { user: "", password: "", token: "" };
  const who = token !== "" ? { token } : user !== "" ? { user, password } : {};
  return {
    name: "console",
    reconnect: { minMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS },
    ...who,
    onStatus: (status: string, reason?: ParleyError) => {
      if (mine === attempt) changed(status, reason ?? null);
    },
  };
}

function changed(status: string, reason: ParleyError | null): void {
  if (status === "connected") {
    generation.value++;
    problem.value = "";
    phase.value = "connected";
  } else if (status === "reconnecting") {
    problem.value = reason === undefined || reason === null ? "" : plain(reason);
    phase.value = "lost";
  } else if (status === "closed" && reason !== null) {
    problem.value = plain(reason);
    const isUnknown = reason.code === ErrorCode.UNAUTHENTICATED &&
      !FINAL.includes(reason.closeReason);
    if (isUnknown) sessionStorage.removeItem(KEPT);
    phase.value = isUnknown ? "login" : "ended";
  }
}

function remembered(): Login | null {
  try {
    const { user = "", password = "", token = "" } = JSON.parse(
      sessionStorage.getItem(KEPT) ?? "null",
    );
    return { user: String(user), password: String(password), token: String(token) };
  } catch {
    return null;
  }
}
