/**
 * `parley serve` with faults on demand: each line of its standard input names something that goes wrong in the
 * process, outside of any request.
 *
 *     deno run -A tests/server/faulty_program.ts serve --json --data DIRECTORY …
 */
import { Duplex } from "node:stream";
import { main } from "../../lib/cli/main.ts";

/** The Workers that the server has started: the store's writer, then its reader. */
const workers: Worker[] = [];
globalThis.Worker = class extends Worker {
  constructor(specifier: string | URL, options?: WorkerOptions) {
    super(specifier, options);
    workers.push(this);
  }
};

function fail(what: string): never {
  throw new TypeError(`a fault in ${what}`);
}

/** What can go wrong. */
const FAULTS: Readonly<Record<string, () => void>> = {
  timer: () => setTimeout(() => fail("timer"), 0),
  "async timer": () => setTimeout(() => Promise.reject(new TypeError("a fault in async timer")), 0),
  microtask: () => queueMicrotask(() => fail("microtask")),
  rejection: () => void Promise.reject(new TypeError("a fault in rejection", { cause: "why" })),
  event: () => {
    const target = new EventTarget();
    target.addEventListener("any", () => fail("event"));
    target.dispatchEvent(new Event("any"));
  },
  stream: () => {
    const stream = new Duplex({ read() {} });
    stream.on("data", () => fail("stream"));
    stream.push("x");
  },
  nothing: () => void Promise.reject(undefined),
  "no text": () => void Promise.reject(Object.create(null)),
  writer: () => workers[0].postMessage(null),
  reader: () => workers[1].postMessage(null),
};

async function takeFaults(): Promise<void> {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) FAULTS[line]();
  }
}

takeFaults();
Deno.exit(await main(Deno.args));
