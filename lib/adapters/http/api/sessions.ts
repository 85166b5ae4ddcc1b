/**
 * The sessions of HTTP clients: one for each connection that asks for something, as whom its requests say that they
 * are, and those that outlive their connections for the sake of jobs.
 *
 * Who they are is found out where it is for all listeners: what `Authorization` gives goes into a Hello. A connection
 * that says that it is somebody else gets another session. Sessions that outlive their connections are one for each
 * client and address, or more when it holds more than one can; they are bounded, and gone when nothing was held for a
 * while.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { countedAs } from "../../../base/ip_address.ts";
import { mayFail } from "../../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { type Limits, MAX_HELLO_NAME_BYTES } from "../../../base/limits.ts";
import { HelloSchema, type Welcome } from "../../../gen/parley/v1/session_pb.ts";
import type { Link } from "../../../ports/link.ts";
import type { WorkTurn } from "../../../ports/work_turn.ts";
import { isRelayed } from "../guard.ts";
import type { RequestHeaders } from "./content.ts";
import { LongSession } from "./long_session.ts";
import { MessageClient } from "./message_client.ts";

/** The most sessions that outlive their connections, and the most of them from one address. */
export const MAX_LONG_SESSIONS = 1024;
export const MAX_LONG_SESSIONS_PER_ADDRESS = 512;
/** One of them goes when it has held nothing for so long. */
export const LONG_IDLE_MS = 30_000;
/** Its consumers are closed so long after their leases are over. */
const LEASE_GRACE_MS = 5000;

/** What sessions are made of. */
export interface HttpSessionsOptions {
  /** Those of the server; they may change. */
  readonly limits: Pick<Limits, "maxFrameBytes" | "maxConsumersPerConnection">;
  /** Shared by all sessions: what they are told is handed on in turns with others. */
  readonly turn: WorkTurn;
  /** Hands over the link of a new session. */
  open(link: Link): void;
  nowMs(): number;
}

/** Where a session comes from. */
export interface Origin {
  readonly peer: string;
  readonly address: string;
  /** The bytes that the client has taken so far. */
  sent?(): number;
}

/** A session that outlives its connections, and whose it is. */
interface Owned {
  readonly session: LongSession;
  readonly owner: string;
  readonly address: string;
}

/** All sessions of one listener. */
export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #long = new Map<string, Owned>();
  /** Those that are being made, by owner and address: who comes together shares one. */
  readonly #making = new Map<string, Promise<LongSession>>();
  /** How many there are or are being made, and how many of each address. */
  #made = 0;
  readonly #byAddress = new Map<string, number>();

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
  }

  /** Opens a session as whom the headers say. Rejects with UNAUTHENTICATED and whatever a Hello is refused with. */
  async open(origin: Origin, headers: RequestHeaders): Promise<MessageClient> {
    const { user, password, token } = credentialsOf(headers["authorization"]);
    const { limits: { maxFrameBytes }, turn } = this.#options;
    const client = new MessageClient({
      ...origin,
      isRelayed: isRelayed(headers),
      maxFrameBytes,
      turn,
    });
    this.#options.open(client.link);
    const value = create(HelloSchema, {
      protocolVersion: 1,
      clientName: nameOf(headers["user-agent"] ?? ""),
      library: "http",
      user,
      password,
      token,
    });
    try {
      client.welcome = (await client.ask({ case: "hello", value })).value as Welcome;
    } catch (reason) {
      client.finish();
      throw reason;
    }
    return client;
  }

  /** A session that outlives the connection. Rejects as `open`, and with RESOURCE_EXHAUSTED when there are too many. */
  async long(origin: Origin, headers: RequestHeaders): Promise<LongSession> {
    const owner = ownerOf(headers);
    const { address } = origin;
    const { maxConsumersPerConnection } = this.#options.limits;
    for (const owned of this.#long.values()) {
      if (owned.owner !== owner || owned.address !== address) continue;
      const { session } = owned;
      if (session.client.end === null && session.pulls < maxConsumersPerConnection) return session;
    }
    const key = `${address} ${owner}`;
    const making = this.#making.get(key) ?? this.#make(origin, headers);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      this.#making.delete(key);
    }
  }

  /** The session of that name, if it is that of whom the headers say; null for none. */
  named(name: string, headers: RequestHeaders): LongSession | null {
    const owned = this.#long.get(name);
    const isTheirs = owned !== undefined && owned.owner === ownerOf(headers) &&
      owned.session.client.end === null;
    return isTheirs ? owned.session : null;
  }

  /** Lets go of what nobody needs any more. */
  sweep(): void {
    for (const [name, { session, address }] of this.#long) {
      session.sweep(LEASE_GRACE_MS);
      if (session.client.end === null && session.idleMs < LONG_IDLE_MS) continue;
      this.#long.delete(name);
      this.#forget(address);
      session.client.finish();
    }
  }

  /** Ends all of them: what they hold goes back. */
  close(): void {
    for (const { session } of this.#long.values()) session.client.finish();
    this.#long.clear();
    this.#byAddress.clear();
    this.#made = 0;
  }

  async #make({ peer, address }: Origin, headers: RequestHeaders): Promise<LongSession> {
    const key = countedAs(address);
    const sameAddress = this.#byAddress.get(key) ?? 0;
    if (this.#made >= MAX_LONG_SESSIONS || sameAddress >= MAX_LONG_SESSIONS_PER_ADDRESS) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot pull: jobs of ${this.#made} clients of this listener are held, ` +
          `${sameAddress} of them from this address`,
        {
          accepted: `at most ${MAX_LONG_SESSIONS} clients at once, and ` +
            `${MAX_LONG_SESSIONS_PER_ADDRESS} from one address`,
          retryable: true,
        },
      );
    }
    this.#made++;
    this.#byAddress.set(key, sameAddress + 1);
    try {
      return await this.#open({ peer, address }, headers);
    } catch (reason) {
      this.#forget(address);
      throw reason;
    }
  }

  /** Counts one less that is there, or being made. */
  #forget(address: string): void {
    const key = countedAs(address);
    const left = (this.#byAddress.get(key) ?? 0) - 1;
    this.#made--;
    if (left > 0) this.#byAddress.set(key, left);
    else this.#byAddress.delete(key);
  }

  async #open({ peer, address }: Origin, headers: RequestHeaders): Promise<LongSession> {
    const client = await this.open({ peer, address }, headers);
    const name = crypto.randomUUID();
    const session = new LongSession(name, client, () => this.#options.nowMs());
    this.#long.set(name, { session, owner: ownerOf(headers), address });
    return session;
  }
}

/** The session of one connection. */
export class ConnectionSession {
  readonly #sessions: HttpSessions;
  readonly #origin: Origin;
  #owner = "";
  #client: Promise<MessageClient> | null = null;

  constructor(sessions: HttpSessions, origin: Origin) {
    this.#sessions = sessions;
    this.#origin = origin;
  }

  /** The session as whom the headers say; the present one where that is the same. Rejects as `HttpSessions.open`. */
  async of(headers: RequestHeaders): Promise<MessageClient> {
    const owner = `${isRelayed(headers)} ${headers["authorization"] ?? ""}`;
    if (this.#client !== null && owner === this.#owner) {
      const client = await this.#client;
      if (client.end === null) return client;
    }
    this.end();
    this.#owner = owner;
    const opening = this.#client = this.#sessions.open(this.#origin, headers);
    try {
      return await opening;
    } catch (reason) {
      if (this.#client === opening) this.#client = null;
      throw reason;
    }
  }

  /** The connection is over. */
  end(): void {
    const opening = this.#client;
    this.#client = null;
    if (opening !== null) mayFail(opening.then((client) => client.finish()), "end a session");
  }
}

/** Whose a session is; the secret itself is not kept. */
function ownerOf(headers: RequestHeaders): string {
  return createHash("sha256").update(headers["authorization"] ?? "").digest("base64");
}

/** Who an Authorization header says that a client is. Raises UNAUTHENTICATED for one that says nothing known. */
function credentialsOf(header = ""): { user: string; password: string; token: string } {
  if (header === "") return { user: "", password: "", token: "" };
  const [, scheme, value] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? [];
  if (scheme?.toLowerCase() === "bearer") return { user: "", password: "", token: value };
  if (scheme?.toLowerCase() === "basic" && /^[A-Za-z0-9+/]+={0,2}$/.test(value)) {
    const text = Buffer.from(value, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon > 0) {
      return { user: text.slice(0, colon), password: text.slice(colon + 1), token: "" };
    }
  }
  throw new ParleyError(
    ErrorCode.UNAUTHENTICATED,
    "cannot come in: the Authorization header is malformed, or of a scheme that is not known here",
  );
}

/** The name of a program as a Hello takes it. */
function nameOf(agent: string): string {
  // A header is Latin-1: a character may be two bytes.
  return agent.replace(/[^\x20-\x7e]/g, "").slice(0, MAX_HELLO_NAME_BYTES);
}
