/**
 * The bare loop that echo is measured against: a listener of the runtime that writes back what it reads.
 *
 * It is the least that a server of this runtime can do: no messages, no limits, no counters, one buffer
 * of 4 KiB a connection. It says where it listens as one line on standard output, and runs until it is
 * ended.
 */

const BUFFER_BYTES = 4096;

async function echo(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  try {
    connection.setNoDelay(true);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      for (let at = 0; at < count;) at += await connection.write(buffer.subarray(at, count));
    }
  } catch {
    // A peer that is gone; the loop has nobody to tell.
  } finally {
    connection.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening 127.0.0.1:${listener.addr.port}`);
for await (const connection of listener) void echo(connection);
