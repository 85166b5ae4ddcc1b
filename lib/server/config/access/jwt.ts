/**
 * The table `auth.jwt`: with which keys JWTs are verified, what has to stand in them, and which claims say who it is.
 */
import { z } from "zod";
import { JWT_ALGORITHMS } from "../../../adapters/secrets/jwt_algorithms.ts";
import { isLoopbackIp } from "../../../base/ip_address.ts";
import { USUAL_CLAIMS } from "../../../logic/access/assertion.ts";
import { MAX_ROLES_OF_USER, userNameFault } from "../../../logic/access/names.ts";
import { duration, listOf } from "../fields.ts";

/** The most files of public keys, and audiences. */
const MAX_FILES = 32;
const MAX_AUDIENCES = 32;

const path = () => z.string().default("");

function checkAlgorithm(name: string): void {
  if (JWT_ALGORITHMS.includes(name)) return;
  throw new Error(`${JSON.stringify(name)} is none of ${JWT_ALGORITHMS.join(", ")}`);
}

function checkRole(name: string): void {
  const fault = userNameFault("the name of a role", name);
  if (fault !== null) throw new Error(fault);
}

function checkUrl(
  text: string,
  context: { addIssue(issue: { code: "custom"; message: string }): void },
) {
  const fault = text === "" ? null : urlFault(text);
  if (fault !== null) context.addIssue({ code: "custom", message: fault });
}

function urlFault(text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL like "https://login.example.com/jwks.json"';
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return "must be a URL without a user";
  if (protocol === "https:") return null;
  const host = hostname.replace(/^\[|\]$/g, "");
  if (protocol === "http:" && (host === "localhost" || isLoopbackIp(host))) return null;
  return "must be a URL of https, or of http on this machine: whoever can change the keys on the way decides who comes in";
}

/** The schema of the table. */
export const jwtSchema = z.strictObject({
  secret_file: path().describe(
    "The file with the secret of HS256, HS384 and HS512: its bytes but for a line break at the end, at least 32 of them.",
  ),
  public_keys: listOf(() => {}).refine(
    (files) => files.length <= MAX_FILES,
    `has more than ${MAX_FILES} files`,
  ).prefault("").describe("Files with a public key in PEM each."),
  jwks_file: path().describe("A file with public keys as JWKS."),
  jwks_url: z.string().default("").superRefine(checkUrl).describe(
    "Where public keys are to be had as JWKS: a URL of https, or of http on this machine.",
  ),
  jwks_ca: path().describe(
    "The file with the authorities, in PEM, that sign the certificate of jwks_url, besides those that the runtime trusts.",
  ),
  jwks_refresh_ms: duration(
    600_000,
    "How old the keys of jwks_url may be before they are fetched again; also fetched for a key that is not known, at " +
      "most every 30 s.",
    30_000,
  ),
  algorithms: listOf(checkAlgorithm).prefault("").describe(
    `Which algorithms are taken, of ${
      JWT_ALGORITHMS.join(", ")
    }; none means all of them. Each key is used for ` +
      "the algorithms of its kind only.",
  ),
  issuer: z.string().default("").describe("What the claim iss has to be; empty for anything."),
  audience: listOf(() => {}).refine(
    (audiences) => audiences.length <= MAX_AUDIENCES,
    `has more than ${MAX_AUDIENCES} audiences`,
  ).prefault("").describe(
    "Of these the claim aud has to have one. Needed with public keys: otherwise a JWT for another service would count here.",
  ),
  clock_tolerance_ms: duration(
    5000,
    "How far the clock of the issuer may be from this one, for exp and nbf.",
    0,
  ),
  user_claim: z.string().min(1).default(USUAL_CLAIMS.user).describe(
    'The claim with the name of the user. Like the others it may be a way, like "realm_access.roles".',
  ),
  roles_claim: z.string().min(1).default(USUAL_CLAIMS.roles).describe(
    "The claim with the roles, as a list or as a text with spaces between them. Those that are not configured allow nothing.",
  ),
  permissions_claim: z.string().default(USUAL_CLAIMS.permissions).describe(
    'The claim with permissions of the user\'s own, like {"allow": {"publish": ["orders.>"]}}; empty: they do not count.',
  ),
  roles: listOf(checkRole).refine(
    (roles) => roles.length <= MAX_ROLES_OF_USER,
    `a user has at most ${MAX_ROLES_OF_USER} roles`,
  ).prefault("").describe(
    "The roles of a user whose JWT has no claim of roles, and who is none of [[users]].",
  ),
}).prefault({}).describe(
  "JWTs in the place of passwords and tokens. They count as soon as one of secret_file, public_keys, jwks_file and " +
    "jwks_url is set; those files are read again when they change, and on SIGHUP. See [security](security.md#jwts).",
);

/** The values of the table. */
export type JwtConfig = z.output<typeof jwtSchema>;

/** Whether there is any key, so that JWTs count. */
export function hasJwtKeys(jwt: JwtConfig): boolean {
  return jwt.secret_file !== "" || hasPublicKeys(jwt);
}

function hasPublicKeys(jwt: JwtConfig): boolean {
  return jwt.public_keys.length > 0 || jwt.jwks_file !== "" || jwt.jwks_url !== "";
}

/** Something that does not fit together, and the keys that take part in it. */
export interface JwtFault {
  readonly message: string;
  readonly paths: readonly (readonly string[])[];
}

/** Says what does not fit together. */
export function jwtFaults(jwt: JwtConfig): JwtFault[] {
  const faults: JwtFault[] = [];
  const unless = (holds: boolean, message: string, ...keys: string[]) => {
    if (!holds) faults.push({ message, paths: keys.map((key) => ["auth", "jwt", key]) });
  };
  const set = (["issuer", "permissions_claim"] as const).find((key) => jwt[key] !== "") ??
    (["algorithms", "audience", "roles"] as const).find((key) => jwt[key].length > 0);
  unless(
    set === undefined || hasJwtKeys(jwt),
    `${set} is of no use without keys for JWTs; set secret_file, public_keys, jwks_file or jwks_url`,
    set ?? "",
  );
  unless(
    jwt.jwks_ca === "" || jwt.jwks_url !== "",
    "jwks_ca is of no use without jwks_url; set both, or neither",
    "jwks_ca",
    "jwks_url",
  );
  unless(
    jwt.audience.length > 0 || !hasPublicKeys(jwt),
    "JWTs with public keys need an audience, or one for another service would count here; set audience",
    "audience",
    "public_keys",
    "jwks_file",
    "jwks_url",
  );
  return faults;
}
