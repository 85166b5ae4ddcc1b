/**
 * A receiver of webhooks under test: a real HTTP server, with TLS or without, that answers as it is told.
 */
import { testCertificate } from "./certificate.ts";
import { until } from "./until.ts";

/** One request that came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly text: string;
}

type Answer = (received: Received, number: number) => Response | Promise<Response>;

/** A receiver. */
export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Requests that are under way, and the most that were. */
  underWay = 0;
  mostUnderWay = 0;
  answer: Answer;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #scheme: string;

  private constructor(answer: Answer, tls: { cert: string; key: string } | null) {
    this.answer = answer;
    this.#scheme = tls === null ? "http" : "https";
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls ?? {} };
    this.#server = Deno.serve(options, (request) => this.#serve(request));
  }

  /** Starts one with TLS, by the certificate of tests. */
  static async start(
    answer: Answer = () => new Response(null, { status: 204 }),
  ): Promise<Receiver> {
    const { certificate: cert, key } = await testCertificate();
    return new Receiver(answer, { cert, key });
  }

  /** Starts one without TLS. */
  static plain(answer: Answer = () => new Response(null, { status: 204 })): Receiver {
    return new Receiver(answer, null);
  }

  get port(): number {
    return this.#server.addr.port;
  }

  url(path = "/jobs?a=b", hostname = "localhost"): string {
    return `${this.#scheme}://${hostname}:${this.port}${path}`;
  }

  /** Waits until so many requests have come. */
  async came(count: number): Promise<Received[]> {
    await until(() => this.received.length >= count, `${count} requests`);
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #serve(request: Request): Promise<Response> {
    const body = await request.bytes();
    const { pathname, search } = new URL(request.url);
    const received = {
      method: request.method,
      path: pathname + search,
      headers: request.headers,
      body,
      text: new TextDecoder().decode(body),
    };
    this.received.push(received);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    try {
      return await this.answer(received, this.received.length);
    } finally {
      this.underWay--;
    }
  }
}
