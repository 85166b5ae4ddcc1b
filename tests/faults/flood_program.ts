/**
 * Sends one frame over and over without a pause, as fast as the server takes it, and throws away what comes
 * back; `flood_program.ts PORT HEX`. Run by fair_turns_test.ts in a process of its own.
 */
import { hex, join } from "../support/frames.ts";

const CHUNK_BYTES = 64 * 1024;
const [port, digits] = Deno.args;
const frame = hex(digits);
const chunk = join(
  ...Array.from({ length: Math.max(1, Math.floor(CHUNK_BYTES / frame.length)) }, () => frame),
);
const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });

async function readAll(): Promise<void> {
  const into = new Uint8Array(256 * 1024);
  while (await connection.read(into) !== null);
}

// What comes back is read whenever the server takes no more.
async function flood(): Promise<void> {
  for (;;) {
    for (let sent = 0; sent < chunk.length;) sent += await connection.write(chunk.subarray(sent));
  }
}

try {
  await Promise.race([readAll(), flood()]);
} catch {
  // The server has gone.
}
Deno.exit(0);
