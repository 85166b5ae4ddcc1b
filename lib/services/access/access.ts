/**
 * Who the peers of one server are: gives each an identity when it comes and when it says who it is, and brings that
 * up to date when users and roles change or a token ends.
 *
 * Without users peers have no identity, and everything is allowed. With users a peer is whom its certificate stands
 * for, else a guest, else a stranger: a stranger has to say who it is within a time, and may do nothing else.
 * A change is in force in the moment in which it is made: sessions of who is gone end, and `narrowed` is told of the
 * others, to take from them what they may not have any more.
 */
import { guard } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { TEXT_LOGIN_TIMEOUT_MS } from "../../base/limits.ts";
import { quote } from "../../base/quote.ts";
import { logger } from "../../base/log.ts";
import { STRANGER } from "../../logic/access/access.ts";
import { calloutName } from "../../logic/access/assertion.ts";
import { type AccessSettings, Accounts, type Identity } from "../../logic/access/accounts.ts";
import { isJwt } from "../../logic/access/token.ts";
import { foldName } from "../../logic/rooms/person_name.ts";
import type { JwtVerifier } from "../../ports/jwt.ts";
import type { SecretHasher } from "../../ports/secrets.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import { RefusalPauses } from "./refusal_pauses.ts";
import { Usages } from "./usage.ts";
import { type Asker, type Credentials, type Known, Logins, type Origin } from "./logins.ts";

const log = logger("server");

/** The identities of all peers. */
export class Access {
  /** Told of a peer whose permissions are others than before. */
  narrowed: (peer: Peer) => void = () => {};
  /** Told that permissions have changed, before anything else is decided by them; and who there was before. */
  changed: (accounts: Accounts, before: Accounts | null) => void = () => {};

  readonly #context: ServerContext;
  readonly #logins: Logins;
  #accounts: Accounts | null = null;
  #jwt: JwtVerifier | null = null;
  readonly #peers = new Set<Peer>();
  readonly #usages = new Usages();
  readonly #pauses = new RefusalPauses();
  /** Strangers, and when they have to go; those who came first have to go first, but for people. */
  readonly #deadlines = new Map<Peer, number>();

  constructor(context: ServerContext, hasher: SecretHasher) {
    this.#context = context;
    this.#logins = new Logins(hasher, context.clock);
    this.#usages.limitsOf = (user) => this.#accounts?.limitsOf(user) ?? null;
  }

  /** Asks `asker` about those who are not known, where a service for that is configured. */
  askBy(asker: Asker): void {
    this.#logins.asker = asker;
  }

  /** Has `tell` know of wrong passwords. */
  tellOfRefusals(tell: (origin: Origin, user: string) => void): void {
    this.#logins.refused = tell;
  }

  /** Whether `method` is the one by which the server asks who somebody is. */
  isCallout(method: string): boolean {
    return this.#accounts?.callout?.method === method;
  }

  /** The users that there are; null when none are configured. */
  get accounts(): Accounts | null {
    return this.#accounts;
  }

  /** The connections that there are. */
  get peers(): ReadonlySet<Peer> {
    return this.#peers;
  }

  /**
   * Who gives these credentials with a request that is no connection of its own; who gives none is a guest. Null where
   * there are no users. Rejects as `logIn` does.
   */
  async whoIs(credentials: Credentials | null, address: string): Promise<Identity | null> {
    if (this.#accounts === null) return null;
    if (credentials === null) return this.#accounts.guest ?? STRANGER;
    const client = { name: "", library: "" };
    const origin = { connection: 0, address, listener: "http", sessionId: "", client };
    return await this.#logins.identify(credentials, origin, () => this.#known());
  }

  /** A connection has come: it gets an identity before it is read. */
  enter(peer: Peer): void {
    this.#peers.add(peer);
    if (this.#accounts === null) return;
    const identity = this.#first(peer, this.#accounts);
    try {
      this.#usages.checkRoom(peer, identity);
      this.#become(peer, identity);
    } catch (reason) {
      // It may do nothing, and is told when it is ready for that.
      this.#become(peer, STRANGER);
      const telling = Promise.resolve().then(() => peer.end(tooManyConnections(reason)));
      detached(telling, "end a connection that is one too many");
    }
  }

  /** A client of another node, whose work is done here, counts with what its user makes from now on. */
  host(peer: Peer, identity: Identity): void {
    this.#usages.host(peer, identity, this.#context.clock.monotonicMs());
  }

  /** A client of another node is gone. */
  unhost(peer: Peer): void {
    this.#usages.leave(peer);
  }

  /** A connection is gone. */
  leave(peer: Peer): void {
    this.#peers.delete(peer);
    this.#usages.leave(peer);
    this.#pauses.forget(peer);
    this.#deadlines.delete(peer);
  }

  /**
   * The peer says Hello without credentials. Raises UNAUTHENTICATED when it has to give some.
   */
  checkKnown(peer: Peer): void {
    if (peer.identity !== STRANGER) return;
    throw new ParleyError(
      ErrorCode.UNAUTHENTICATED,
      "cannot come in without a user: this server has users, and guests are not welcome",
      { accepted: "a Hello with user and password, or with a token" },
    );
  }

  /** Raises when `name`, under which a peer wants to be known to others, is or looks like that of a user who it is not. */
  checkName(peer: Peer, name: string): void {
    const own = peer.identity?.user ?? "";
    if (own !== "" && foldName(own) === foldName(name)) return;
    const owner = this.#accounts?.usersLike(name).find((user) => user.name !== own);
    if (owner === undefined) return;
    const isGuest = peer.identity?.user === "";
    throw new ParleyError(
      isGuest ? ErrorCode.UNAUTHENTICATED : ErrorCode.ALREADY_EXISTS,
      `cannot take the name ${quote(name)}: it ${
        foldName(name) === foldName(owner.name) ? "is" : "looks like"
      } that of a user`,
      { accepted: isGuest ? "the password of the user, or another name" : "another name" },
    );
  }

  /** Whether credentials decide anything here: otherwise they are passed over. */
  get asksWho(): boolean {
    return this.#accounts !== null;
  }

  /**
   * Makes the peer whom its credentials prove it to be; one that has been welcomed stays who it is. Rejects with
   * UNAUTHENTICATED, RESOURCE_EXHAUSTED or UNAVAILABLE, with FAILED_PRECONDITION for another user, and then nothing changes.
   */
  async logIn(
    peer: Peer,
    credentials: Credentials,
    client: Origin["client"],
  ): Promise<void> {
    const { number: connection, link: { address, kind: listener }, sessionId } = peer;
    const origin = { connection, address, listener, sessionId, client };
    const stop = this.#stopClock(peer);
    let identity: Identity;
    try {
      const known = () => this.#known();
      identity = await this.#logins.identify(credentials, origin, known).finally(stop);
    } catch (reason) {
      // A stranger's time goes on meanwhile.
      if (isJwt(credentials.token) && this.#peers.has(peer)) await this.#pauses.refused(peer);
      throw reason;
    }
    this.#pauses.forget(peer);
    if (!this.#peers.has(peer) || !peer.takesDeliveries) return;
    if (peer.client !== null && peer.identity?.user !== identity.user) throw another(peer);
    this.#usages.checkRoom(peer, identity);
    this.#become(peer, identity);
  }

  /** The time that the server takes to look at a password is not the client's: `stop` has its clock go on. */
  #stopClock(peer: Peer): () => void {
    const deadlineMs = this.#deadlines.get(peer);
    if (deadlineMs === undefined) return () => {};
    const leftMs = deadlineMs - this.#context.nowMs;
    this.#deadlines.delete(peer);
    return () => {
      if (this.#peers.has(peer) && peer.identity === STRANGER) {
        this.#deadlines.set(peer, this.#context.nowMs + leftMs);
      }
    };
  }

  /** Puts other users and roles in force, and what verifies JWTs, if they count. */
  configure(settings: AccessSettings, jwt: JwtVerifier | null = null): void {
    this.#jwt = jwt;
    const before = this.#accounts;
    const accounts = this.#accounts = new Accounts(settings);
    this.changed(accounts, before);
    for (const peer of this.#peers) {
      guard("bring a connection up to date with the users", () => this.#renew(peer, accounts));
    }
  }

  /** Ends those who have not said in time who they are, and those whose tokens have ended. */
  sweep(): void {
    const { clock, nowMs } = this.#context;
    for (const [peer, deadlineMs] of this.#deadlines) {
      if (nowMs >= deadlineMs) guard("end a stranger's connection", () => endStranger(peer));
    }
    if (this.#accounts === null) return;
    const wallMs = clock.wallMs();
    for (const peer of this.#peers) {
      const { identity } = peer;
      if (identity !== null && identity.expiresMs <= wallMs) {
        guard("end a connection whose token has ended", () => endRevoked(peer));
      }
    }
  }

  #known(): Known {
    const accounts = this.#accounts;
    if (accounts === null) throw new Error("broken invariant: users do not go while a server runs");
    return { accounts, jwt: this.#jwt };
  }

  /** Whether what an identity rests on counts still, as far as it was said outside. */
  #isBelieved({ assertion }: Identity): boolean {
    if (assertion === null) return true;
    const callout = this.#accounts?.callout ?? null;
    return this.#jwt?.keys.has(assertion.by) === true ||
      callout !== null && calloutName(callout.method) === assertion.by;
  }

  /** Who a peer is that has said nothing. */
  #first({ link }: Peer, accounts: Accounts): Identity {
    const user = link.certificateIdentity ?? "";
    return (user === "" ? null : accounts.of(user, {})) ?? accounts.guest ?? STRANGER;
  }

  #renew(peer: Peer, accounts: Accounts): void {
    const { identity } = peer;
    if (peer.state === "closing" || peer.state === "closed") return;
    const renewed = identity === null || identity === STRANGER || identity.user === ""
      ? this.#first(peer, accounts)
      : this.#isBelieved(identity)
      ? accounts.renew(identity, this.#context.clock.wallMs())
      : null;
    if (renewed === null) return endRevoked(peer);
    // Who was welcome as a guest, or came before there were users, has said nothing that counts now.
    if (renewed === STRANGER && identity !== STRANGER) return endRevoked(peer);
    this.#become(peer, renewed);
  }

  #become(peer: Peer, identity: Identity): void {
    const { limits, nowMs } = this.#context;
    const before = peer.identity;
    if (before === identity) return;
    peer.become(identity, this.#usages.enter(peer, identity, this.#context.clock.monotonicMs()));
    if (identity === STRANGER) {
      const timeoutMs = peer.link.kind === "text" ? TEXT_LOGIN_TIMEOUT_MS : limits.loginTimeoutMs;
      this.#deadlines.set(peer, nowMs + timeoutMs);
      return;
    }
    this.#deadlines.delete(peer);
    if (before !== STRANGER) this.narrowed(peer);
  }
}

/** The refusal of credentials that are those of somebody else. */
function another({ identity }: Peer): ParleyError {
  const who = identity === null || identity.user === "" ? "a guest" : quote(identity.user);
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot become another user on this connection: it is that of ${who}`,
    { accepted: "a password or a token of the same user, or another connection" },
  );
}

/** A refusal as the end of a connection. */
function tooManyConnections(reason: unknown): ParleyError {
  const { code, message, accepted, limit } = ParleyError.from(reason);
  return new ParleyError(code, message, {
    accepted,
    limit: limit ?? undefined,
    closeReason: CloseReason.TOO_MANY_CONNECTIONS,
    retryable: true,
  });
}

function endStranger(peer: Peer): void {
  peer.end(
    new ParleyError(ErrorCode.UNAUTHENTICATED, "the client did not say in time who it is", {
      closeReason: CloseReason.AUTH_TIMEOUT,
      accepted: "a Hello with user and password, or with a token",
    }),
  );
}

function endRevoked(peer: Peer): void {
  log.info(
    "connection ended: its user, password or token was changed, disabled or removed, or has ended",
    {
      connection: peer.number,
      peer: peer.link.peer,
      user: peer.identity?.user ?? "",
    },
  );
  peer.end(
    new ParleyError(
      ErrorCode.UNAUTHENTICATED,
      "the login of this connection is over: its user, password or token was changed, disabled or removed, or has ended",
      { closeReason: CloseReason.REVOKED, accepted: "a Hello on another connection" },
    ),
  );
}
