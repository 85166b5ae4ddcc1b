/**
 * The unix socket listener: the same bytes as tcp, on a path.
 *
 * A socket file that nobody listens on, left by a server that was killed, is replaced; one that somebody
 * answers on, or a file that is no socket, is not touched. The file is removed when the listener closes.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Link, LinkListener } from "../../ports/link.ts";
import { acceptLinks } from "./deno_link.ts";
import { listenError } from "./tcp.ts";

/** A listener on one path. */
class UnixLinkListener implements LinkListener {
  readonly kind = "unix";
  readonly dialect = "delimited";
  readonly address: string;
  readonly #listener: Deno.UnixListener;
  readonly #stopped = new AbortController();

  constructor(path: string) {
    this.address = path;
    this.#listener = Deno.listen({ transport: "unix", path });
  }

  [Symbol.asyncIterator](): AsyncIterator<Link> {
    return acceptLinks(this, this.#listener, this.#stopped.signal);
  }

  close(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#listener.close();
    try {
      Deno.removeSync(this.address);
    } catch {
      // Somebody removed it before.
    }
  }
}

/** Listens on `path`. Raises a ParleyError that says what to do. */
export async function listenUnix(path: string): Promise<LinkListener> {
  try {
    await removeStale(path);
    return new UnixLinkListener(path);
  } catch (reason) {
    if (reason instanceof ParleyError) throw reason;
    throw listenError("unix", path, reason);
  }
}

/** Removes a socket file that nobody listens on. Raises when somebody does, or it is another file. */
async function removeStale(path: string): Promise<void> {
  let file: Deno.FileInfo;
  try {
    file = await Deno.lstat(path);
  } catch (reason) {
    if (reason instanceof Deno.errors.NotFound) return;
    throw reason;
  }
  if (file.isSocket !== true) {
    throw new ParleyError(
      ErrorCode.ALREADY_EXISTS,
      `cannot listen on unix ${path}: a file that is no socket is there (choose another path)`,
    );
  }
  let answered = false;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    answered = true;
  } catch {
    // Nobody listens: the file was left behind.
  }
  if (answered) {
    throw listenError("unix", path, new Deno.errors.AddrInUse("somebody listens there"));
  }
  await Deno.remove(path);
}
