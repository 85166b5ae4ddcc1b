/**
 * The connection of one process to the servers of NATS: made in the background, tried again for ever, with pauses that grow.
 *
 * Invariants: whoever uses the connection is told each time that it is there or gone, in turns; a server that does not answer
 * pings counts as gone; secrets come from files, which are read again with each attempt, and are part of no log line.
 * Non-goals: what is sent (engine, and the replicated log).
 */
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { detached } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";

const log = logger("cluster");

/** Pauses between attempts: the first, and the longest. Each is cut by a random part of up to a half. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** A server that takes longer to greet than this is passed over. */
const CONNECT_TIMEOUT_MS = 5000;
/** A server is asked for a sign of life this often, and is gone when it owes so many. */
const PING_INTERVAL_MS = 1500;
const MAX_PINGS_OWED = 2;
/** How long the last messages may take to leave. */
const LAST_FLUSH_MS = 500;
/** The shortest time between two log lines about attempts that failed. */
const WARN_INTERVAL_MS = 30_000;

/** Where the servers are, and how to come in. Paths are empty where there is nothing to read. */
export interface NatsOptions {
  /** URLs like `nats://host:4222` or `tls://host:4222`, at least one. */
  readonly servers: readonly string[];
  /** What the servers call this process. */
  readonly name: string;
  /** A file of credentials, as `nsc` makes them. */
  readonly credentialsFile: string;
  /** A file with a token. */
  readonly tokenFile: string;
  /** A user, and a file with the password. */
  readonly user: string;
  readonly passwordFile: string;
  /** A file with the authorities that sign the servers' certificates. */
  readonly caFile: string;
  /** A certificate of this process, and its key. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Is told of the connection: the connection each time that it is there, null each time that it is gone, and why. */
export type NatsListener = (connection: NatsConnection | null, why: string) => void;

/** A connection that comes and goes. */
export class NatsServers {
  readonly #options: NatsOptions;
  readonly #listeners: NatsListener[] = [];
  #connection: NatsConnection | null = null;
  #isUp = false;
  /** Since when there is no connection, in milliseconds of the machine; null while there is one. */
  #downSinceMs: number | null = performance.now();
  #closed = false;
  #attempts = 0;
  #warnedMs = -Infinity;
  #wake: (() => void) | null = null;
  #running: Promise<void> | null = null;

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  /** The connection; null while there is none. */
  get connection(): NatsConnection | null {
    return this.#isUp ? this.#connection : null;
  }

  /** For how long there has been no connection, in milliseconds; 0 while there is one. */
  get downMs(): number {
    return this.#downSinceMs === null ? 0 : performance.now() - this.#downSinceMs;
  }

  /** The servers that are known: the one in use first. */
  get servers(): readonly string[] {
    const used = this.#isUp ? this.#connection?.getServer() : undefined;
    return used === undefined ? this.#options.servers : [used];
  }

  /** Has `listener` told of the connection from now on; at once when it is there. */
  listen(listener: NatsListener): void {
    this.#listeners.push(listener);
    if (this.connection !== null) listener(this.connection, "");
  }

  /** Begins to connect; once. */
  open(): void {
    this.#running = this.#run();
    detached(this.#running, "stay connected to NATS");
  }

  /** Ends the connection, after what was sent has left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.length = 0;
    this.#wake?.();
    const connection = this.#connection;
    if (connection !== null) {
      // Who is gone cannot be waited for.
      if (this.#isUp) await atMost(LAST_FLUSH_MS, flushed(connection));
      await connection.close();
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const connection = await this.#connect();
      if (connection === null) {
        await this.#pause();
        continue;
      }
      this.#connection = connection;
      if (this.#closed) break;
      this.#up(connection);
      await this.#watch(connection);
      this.#down("it was closed");
      this.#connection = null;
    }
    if (this.#connection?.isClosed() === false) await this.#connection.close();
  }

  async #connect(): Promise<NatsConnection | null> {
    try {
      return await connect(await this.#connectionOptions());
    } catch (reason) {
      this.#noteFailure((reason as Error).message);
      return null;
    }
  }

  /** Tells what happens to a connection until it is closed; it comes back by itself. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (this.#closed) continue;
      if (status.type === "disconnect") this.#down(`${status.server} is gone`);
      else if (status.type === "reconnect") this.#up(connection);
      else if (status.type === "error") this.#noteFailure(status.error.message);
    }
  }

  #up(connection: NatsConnection): void {
    this.#attempts = 0;
    this.#warnedMs = -Infinity;
    this.#isUp = true;
    this.#downSinceMs = null;
    log.info("connected to NATS at {server}", {
      server: connection.getServer(),
      version: connection.info?.version ?? "",
    });
    for (const listener of this.#listeners) listener(connection, "");
  }

  #down(why: string): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#downSinceMs = performance.now();
    if (this.#closed) return;
    log.warning("the connection to NATS is lost: {why}", { why });
    for (const listener of this.#listeners) listener(null, why);
  }

  #noteFailure(why: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#warnedMs < WARN_INTERVAL_MS) return;
    this.#warnedMs = nowMs;
    log.warning("cannot connect to NATS at {servers}: {why}; it is tried again and again", {
      servers: this.#options.servers.join(", "),
      why,
    });
  }

  /** The next pause between two attempts. */
  #pauseMs(): number {
    const longest = Math.min(
      LONGEST_PAUSE_MS,
      FIRST_PAUSE_MS * 2 ** Math.min(this.#attempts++, 10),
    );
    return Math.round(longest * (1 - Math.random() / 2));
  }

  async #pause(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#closed) resolve();
      else timer = setTimeout(resolve, this.#pauseMs());
    });
    clearTimeout(timer);
    this.#wake = null;
  }

  async #connectionOptions(): Promise<ConnectionOptions> {
    const { servers, name, caFile, certificateFile, keyFile } = this.#options;
    const tls = caFile !== "" || certificateFile !== "" || servers.some((url) => /^tls:/.test(url))
      ? {
        ...caFile === "" ? {} : { caFile },
        ...certificateFile === "" ? {} : { certFile: certificateFile, keyFile },
      }
      : undefined;
    return {
      servers: servers.map((url) => url.replace(/^(nats|tls):\/\//, "")),
      name,
      authenticator: await this.#authenticators(),
      ...tls === undefined ? {} : { tls },
      noEcho: true,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: MAX_PINGS_OWED,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
      reconnectDelayHandler: () => this.#pauseMs(),
    };
  }

  async #authenticators(): Promise<Authenticator[]> {
    const { credentialsFile, tokenFile, user, passwordFile } = this.#options;
    const authenticators: Authenticator[] = [];
    if (credentialsFile !== "") {
      authenticators.push(credsAuthenticator(await Deno.readFile(credentialsFile)));
    }
    if (tokenFile !== "") authenticators.push(tokenAuthenticator(await readSecret(tokenFile)));
    if (user !== "") {
      const password = passwordFile === "" ? "" : await readSecret(passwordFile);
      authenticators.push(usernamePasswordAuthenticator(user, password));
    }
    return authenticators;
  }
}

async function readSecret(file: string): Promise<string> {
  return (await Deno.readTextFile(file)).trim();
}

async function flushed(connection: NatsConnection): Promise<void> {
  try {
    await connection.flush();
  } catch {
    // The connection went in the meantime; there is nothing left to wait for.
  }
}

/** Waits for `work`, which never rejects, but not for longer. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([work, over]);
  clearTimeout(timer);
}
