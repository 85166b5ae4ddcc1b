/**
 * Whose a token or a JWT is by a configuration, without a server: for `parley explain`.
 */
import { nodeHasher } from "../adapters/secrets/node_hasher.ts";
import { systemClock } from "../base/clock.ts";
import { Accounts, type Identity } from "../logic/access/accounts.ts";
import { Logins } from "../services/access/logins.ts";
import type { Config } from "./config/schema.ts";
import { usersOf } from "./config/users_file.ts";

/** Rejects with UNAUTHENTICATED when it is nobody's, and says what is wrong with a JWT. */
export async function identityOfToken(config: Config, token: string): Promise<Identity> {
  const source = usersOf({ config });
  try {
    const read = await source.read();
    if (read === null) {
      throw new Error("broken invariant: whoever asks has seen that there are users");
    }
    const known = { accounts: new Accounts(read.settings), jwt: read.jwt };
    const client = { name: "", library: "" };
    const origin = { connection: 0, address: "", listener: "", sessionId: "", client };
    const credentials = { user: "", password: "", token };
    return await new Logins(nodeHasher, systemClock).identify(credentials, origin, () => known);
  } finally {
    source.close();
  }
}
