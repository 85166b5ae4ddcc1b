/**
 * A server that answers the first bytes of a connection as it is told and resets it at the next ones.
 */
import { type AddressInfo, createServer, type Server } from "node:net";

/** Listens on a port the system hands out. */
export class ResettingServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts it; `answer` is what the first bytes get. Without one they are answered by the reset. */
  static async start(answer?: Uint8Array): Promise<ResettingServer> {
    const server = createServer((socket) => {
      let first = answer !== undefined;
      socket.on("data", () => {
        if (first) socket.write(answer!);
        else socket.resetAndDestroy();
        first = false;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ResettingServer(server);
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
