/**
 * Finds out who somebody is who gives a password, a token or a JWT.
 *
 * A wrong password, a user who is not there, a disabled one and one without a password are one and the same to
 * whoever tries: the same words after the same work. Guessing is slowed down by logic/access/guess_throttle. No
 * secret is kept, logged or part of an error.
 */
import type { Clock } from "../../base/clock.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { countedAs } from "../../base/ip_address.ts";
import { logger } from "../../base/log.ts";
import type { Accounts, CalloutRules, Identity } from "../../logic/access/accounts.ts";
import {
  type Assertion,
  AssertionFault,
  assertionOf,
  calloutName,
} from "../../logic/access/assertion.ts";
import { GuessThrottle } from "../../logic/access/guess_throttle.ts";
import {
  HASH_BYTES,
  isSameSecret,
  MAX_PASSWORD_BYTES,
  type PasswordHash,
  SALT_BYTES,
  toBase64Url,
} from "../../logic/access/password_hash.ts";
import { isJwt, isToken } from "../../logic/access/token.ts";
import { foldName } from "../../logic/rooms/person_name.ts";
import type { JwtVerifier } from "../../ports/jwt.ts";
import type { SecretHasher } from "../../ports/secrets.ts";
import { HashLine } from "./hash_line.ts";

const log = logger("connection");

/** What somebody gives to prove who they are. */
export interface Credentials {
  /** May be empty with a token. */
  readonly user: string;
  readonly password: string;
  /** A token or a JWT; empty for a password. */
  readonly token: string;
}

/** All that says who there is, at one moment. */
export interface Known {
  readonly accounts: Accounts;
  /** Null where JWTs do not count. */
  readonly jwt: JwtVerifier | null;
}

/** Where somebody tries to come in from: for the log, against guessing, and for a service that is asked. */
export interface Origin {
  readonly connection: number;
  readonly address: string;
  readonly listener: string;
  readonly sessionId: string;
  readonly client: { readonly name: string; readonly library: string };
}

/** Asks somebody else about those who are not known here. */
export interface Asker {
  /** What is said of whoever gives these credentials; null when they are wrong. Rejects with UNAVAILABLE. */
  ask(rules: CalloutRules, credentials: Credentials, origin: Origin): Promise<Assertion | null>;
}

/** Checks passwords, tokens and JWTs. */
export class Logins {
  readonly #hasher: SecretHasher;
  readonly #clock: Clock;
  readonly #line = new HashLine();
  readonly #throttle = new GuessThrottle();
  /** Asked about those who are not known, where that is configured. */
  asker: Asker | null = null;
  /** Told of a wrong password, and of the user whose it was to be; empty when there is none of that name. */
  refused: (origin: Origin, user: string) => void = () => {};

  constructor(hasher: SecretHasher, clock: Clock) {
    this.#hasher = hasher;
    this.#clock = clock;
  }

  /**
   * Who gives these credentials, by what `knownNow` gives. Rejects with UNAUTHENTICATED when they are wrong,
   * RESOURCE_EXHAUSTED or UNAVAILABLE when they cannot be looked at now.
   */
  async identify(
    credentials: Credentials,
    origin: Origin,
    knownNow: () => Known,
  ): Promise<Identity> {
    const { accounts, jwt } = knownNow();
    if (jwt !== null && isJwt(credentials.token)) {
      return await this.#byJwt(credentials, jwt, origin, knownNow);
    }
    if (accounts.callout !== null && this.asker !== null && isOthers(credentials, accounts)) {
      return await this.#byCallout(credentials, origin, this.asker, knownNow);
    }
    if (credentials.token !== "") return this.#byToken(credentials, accounts);
    return await this.#byPassword(credentials, origin, () => knownNow().accounts);
  }

  async #byPassword(
    credentials: Credentials,
    origin: Origin,
    accountsNow: () => Accounts,
  ): Promise<Identity> {
    const { user, password } = credentials;
    const stored = await this.#throttled(
      user,
      origin,
      (address) => this.#check(user, password, address, accountsNow()),
      // A name that is nobody's may be a password that was typed in the wrong place.
      () => nameOfUser(accountsNow(), user),
    );
    // The accounts may be others by now.
    const accounts = accountsNow();
    const identity = accounts.user(user)?.password === stored
      ? accounts.of(user, { password: stored })
      : null;
    if (identity === null) throw wrong();
    return identity;
  }

  #byToken({ user, token }: Credentials, accounts: Accounts): Identity {
    const identity = isToken(token)
      ? accounts.ofToken(toBase64Url(this.#hasher.sha256(token)), this.#clock.wallMs())
      : null;
    if (identity === null || user !== "" && user !== identity.user) throw wrong();
    return identity;
  }

  async #byJwt(
    { user, token }: Credentials,
    jwt: JwtVerifier,
    { connection, address }: Origin,
    knownNow: () => Known,
  ): Promise<Identity> {
    let said: Assertion;
    try {
      const { claims, expiresMs, key } = await jwt.verify(token, this.#clock.wallMs());
      said = assertionOf(claims, knownNow().accounts.claimNames, { expiresMs, by: key });
    } catch (reason) {
      const refusal = reason instanceof AssertionFault ? notUsable(reason) : reason;
      if (refusal instanceof ParleyError) {
        log.info("a JWT was refused: {why}", { connection, address, why: refusal.message });
      }
      throw refusal;
    }
    const known = knownNow();
    // The keys, and the accounts, may be others by now.
    const isStillGood = known.jwt?.keys.has(said.by) === true;
    const identity = isStillGood ? known.accounts.ofAssertion(said) : null;
    if (identity === null || user !== "" && user !== identity.user) throw wrong();
    return identity;
  }

  async #byCallout(
    credentials: Credentials,
    origin: Origin,
    asker: Asker,
    knownNow: () => Known,
  ): Promise<Identity> {
    const rules = knownNow().accounts.callout!;
    // All tokens of an address together, and no name of a user is like that.
    const account = credentials.token === "" ? credentials.user : "a token";
    const said = await this.#throttled(
      account,
      origin,
      () => asker.ask(rules, credentials, origin),
    );
    const { accounts } = knownNow();
    const isAsked = accounts.callout !== null && calloutName(accounts.callout.method) === said.by;
    const isOver = said.expiresMs <= this.#clock.wallMs();
    const identity = isAsked && !isOver ? accounts.ofAssertion(said) : null;
    if (identity === null || credentials.user !== "" && credentials.user !== identity.user) {
      throw wrong();
    }
    return identity;
  }

  /** What `check` finds, unless too many tries were wrong; null counts as one, and is refused. */
  async #throttled<T>(
    account: string,
    origin: Origin,
    check: (address: string) => Promise<T | null>,
    nameOf: () => string = () => "",
  ): Promise<T> {
    const { connection, address: whole } = origin;
    const address = countedAs(whole);
    const waitMs = this.#throttle.begin(account, address, this.#clock.monotonicMs());
    if (waitMs > 0) throw tooSoon(waitMs);
    let found: T | null;
    try {
      found = await check(address);
    } catch (reason) {
      this.#throttle.dropped(account, address);
      throw reason;
    }
    if (found !== null) {
      this.#throttle.right(account, address, this.#clock.monotonicMs());
      return found;
    }
    this.#throttle.wrong(account, address, this.#clock.monotonicMs());
    const user = nameOf();
    log.info("a password was wrong", { connection, address: whole, user });
    this.refused(origin, user);
    throw wrong();
  }

  /** The stored password that the given one fits; null when it fits none. It takes the same work either way. */
  async #check(
    user: string,
    password: string,
    address: string,
    accounts: Accounts,
  ): Promise<string | null> {
    if (new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES) return null;
    const known = accounts.passwordOf(user);
    const stored = known ?? this.#decoyOf(user, accounts);
    const hash = await this.#line.run(
      address,
      () => this.#hasher.scrypt(password, stored.salt, stored.cost, stored.hash.length),
    );
    const fits = isSameSecret(hash, stored.hash);
    return known !== null && fits ? accounts.user(user)!.password : null;
  }

  /**
   * What is hashed with for a user who is not there: at the cost of one who is, always of the same one for a name, and
   * nobody outside knows of which.
   */
  #decoyOf(user: string, { decoyCosts, decoySeed }: Accounts): PasswordHash {
    const [first, second, third] = this.#hasher.sha256(`${decoySeed}\n${user}`);
    const cost = decoyCosts[((first << 16) + (second << 8) + third) % decoyCosts.length];
    return { cost, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) };
  }
}

/** The user whose name was given, in small letters or capitals; empty when there is none of that name. */
function nameOfUser(accounts: Accounts, given: string): string {
  // Looked up for every name, so that the time says nothing of who there is.
  const alike = accounts.usersLike(given).filter(({ name }) => foldName(name) === foldName(given));
  return (alike.find(({ name }) => name === given) ?? alike.at(0))?.name ?? "";
}

/** Whether the server itself cannot know these: a user that is not configured, or a token of another form. */
function isOthers({ user, token }: Credentials, accounts: Accounts): boolean {
  return token === "" ? user !== "" && accounts.user(user) === null : !isToken(token);
}

function notUsable({ message }: AssertionFault): ParleyError {
  return new ParleyError(
    ErrorCode.UNAUTHENTICATED,
    `cannot come in with the JWT: ${message}`,
    {
      accepted: "a JWT whose claims say who the user is, as the server is configured to read them",
    },
  );
}

function wrong(): ParleyError {
  return new ParleyError(
    ErrorCode.UNAUTHENTICATED,
    "cannot come in: the user, the password or the token is wrong",
    { accepted: "the name of a user with its password, or a token that has not ended" },
  );
}

function tooSoon(waitMs: number): ParleyError {
  const seconds = Math.ceil(waitMs / 1000);
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot try another password now: too many were wrong; wait ${seconds} s`,
    { retryable: true, accepted: `another try after ${seconds} s`, limit: "logins" },
  );
}
