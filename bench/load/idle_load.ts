/**
 * Idle connections: opens many, holds them, lets them get acquainted when asked, and makes sure that
 * every one of them lives.
 *
 * One address has some 28,000 ports for connections of its own, of which those of earlier runs wait to be
 * free again; so the connections come from many addresses of the loopback network, others in each run.
 */
import { connect, type Socket } from "node:net";
import type { Dialect } from "../harness/subjects.ts";
import { atOnce } from "./at_once.ts";
import { frame, frameBytes } from "./dialect_parley.ts";
import type { Steps } from "./steps.ts";
import { concat, indexOfText, type Target } from "./target.ts";

/** What to hold. */
export interface IdleLoad {
  readonly kind: "idle";
  readonly target: Target;
  readonly connections: number;
}

/** How many connections come from one address. */
const PER_ADDRESS = 2000;
/** How often another port is tried when the system chose one that is not free yet. */
const TRIES = 10;
const HELLO_FIELD = 4;

/** Opens the connections, then does what each step says: `greet`. Ends with the steps. */
export async function holdConnections(load: IdleLoad, steps: Steps): Promise<void> {
  const { target, connections } = load;
  const indexes = Array.from({ length: connections }, (_, index) => index);
  const sockets = await atOnce(indexes, (index) => open(target.port, index));
  steps.answer({ open: sockets.length });
  while (await steps.next() !== undefined) {
    const [bytes, answered] = greeting(target.dialect);
    await atOnce(sockets, (socket) => exchange(socket, bytes, answered));
    steps.answer({ greeted: sockets.length });
  }
}

async function open(port: number, index: number): Promise<Socket> {
  const run = Deno.pid % 60_000;
  const network = `127.${1 + Math.floor(run / 250)}.${run % 250}`;
  const localAddress = `${network}.${1 + Math.floor(index / PER_ADDRESS)}`;
  for (let left = TRIES;; left--) {
    try {
      return await openFrom(localAddress, port);
    } catch (error) {
      const inUse = (error as { code?: string }).code === "EADDRINUSE";
      if (!inUse || left === 0) throw new Error(`connection ${index}: ${(error as Error).message}`);
    }
  }
}

function openFrom(localAddress: string, port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => resolve(socket.off("error", reject).pause()));
  });
}

/** What a client says first, and whether the answer has come whole. */
function greeting(dialect: Dialect): [Uint8Array, (answer: Uint8Array) => boolean] {
  const encoder = new TextEncoder();
  switch (dialect) {
    case "parley":
      return [
        frame(HELLO_FIELD, new Uint8Array(0), 1),
        (answer) => frameBytes(answer) !== undefined,
      ];
    case "nats":
      return [
        encoder.encode('CONNECT {"verbose":false}\r\nPING\r\n'),
        (answer) => indexOfText(answer, "PONG\r\n") >= 0,
      ];
    case "redis":
      return [encoder.encode("PING\r\n"), (answer) => indexOfText(answer, "+PONG\r\n") >= 0];
    case "bytes":
      return [new Uint8Array([1]), (answer) => answer.length === 1];
    case "amqp":
      throw new Error(`no idle connections are measured of ${dialect}`);
  }
}

function exchange(
  socket: Socket,
  bytes: Uint8Array,
  answered: (answer: Uint8Array) => boolean,
): Promise<void> {
  let answer: Uint8Array = new Uint8Array(0);
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error("the server ended a connection that was idle"));
    const data = (chunk: Uint8Array) => {
      answer = concat([answer, chunk]);
      if (!answered(answer)) return;
      socket.pause().off("data", data).off("end", end).off("error", reject);
      resolve();
    };
    socket.on("data", data).once("end", end).once("error", reject).resume();
    socket.write(bytes);
  });
}
