/**
 * A service manager for the tests: the socket that NOTIFY_SOCKET names, and what a server has told there.
 */
import { Running } from "./processes.ts";

/** The other end of NOTIFY_SOCKET: prints each datagram as a line of JSON. */
const RECEIVER = `
import json, socket, sys
path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + path[1:] if path[0] == "@" else path)
print("bound", flush=True)
while True:
    print(json.dumps(receiver.recv(65536).decode().split("\\n")), flush=True)
`;

/**
 * Runs `run` with a socket at `address` of a new folder; `told` gives the lines of each datagram so far, and the environment
 * has what a service manager gives to those it starts.
 */
export async function withManager(
  address: (folder: string) => string,
  run: (
    folder: string,
    environment: Record<string, string>,
    told: () => string[][],
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "parley-notify-" });
  const socket = address(folder);
  await using manager = new Running([], {}, { words: ["python3", "-c", RECEIVER, socket] });
  await manager.lines(1);
  let output = "";
  const reading = manager.shows((text) => {
    output = text;
    return false;
  }, "nothing").catch(() => {});
  try {
    const told = () => output.trim().split("\n").slice(1).map((line) => JSON.parse(line));
    await run(folder, { NOTIFY_SOCKET: socket }, told);
  } finally {
    manager.child.kill("SIGKILL");
    await manager.ended();
    await reading;
    await Deno.remove(folder, { recursive: true });
  }
}
