/**
 * Somebody who does nothing wrong, in a thread of its own: asks a server for an echo over and over with a pause
 * between, and says on request how long the answers took since it was last asked. It is told first whom to ask.
 */
import { echoMessage, frame, takeServerMessage } from "./frames.ts";

/** Whom an innocent asks. */
export interface InnocentTarget {
  readonly port: number;
  /** The authority to trust, for TLS. */
  readonly ca?: string;
  /** The frame of a Hello, when one is needed. */
  readonly hello?: Uint8Array;
}

const PAUSE_MS = 5;
const scope = self as unknown as {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(value: unknown): void;
};

let tookMs: number[] = [];
const message = frame(echoMessage("an innocent"));

function connectTo({ port, ca }: InnocentTarget): Promise<Deno.Conn> {
  const dial = { hostname: "127.0.0.1", port };
  return ca === undefined ? Deno.connect(dial) : Deno.connectTls({ ...dial, caCerts: [ca] });
}

/** Sends a frame, and reads one whole message; gives what it is. */
async function ask(connection: Deno.Conn, bytes: Uint8Array): Promise<string | undefined> {
  await connection.write(bytes);
  const into = new Uint8Array(4096);
  for (let have = 0;;) {
    const count = await connection.read(into.subarray(have));
    if (count === null) throw new Error("the innocent's connection was closed");
    have += count;
    const found = takeServerMessage(into.subarray(0, have), "delimited");
    if (found !== undefined) return found.message.message.case;
  }
}

async function askOn(target: InnocentTarget): Promise<void> {
  const connection = await connectTo(target);
  if (target.hello !== undefined) {
    const answer = await ask(connection, target.hello);
    if (answer !== "welcome") throw new Error(`an innocent's Hello was answered by ${answer}`);
  }
  scope.onmessage = () => {
    scope.postMessage(tookMs);
    tookMs = [];
  };
  for (;;) {
    const startedMs = performance.now();
    const answer = await ask(connection, message);
    if (answer !== "echoMessage") throw new Error(`an innocent was answered by ${answer}`);
    tookMs.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

scope.onmessage = ({ data }) => askOn(data);
