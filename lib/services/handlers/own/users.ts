/**
 * The methods `parley.v1.Users/…`: which users and roles there are, and changing users and their tokens.
 *
 * What users come in with is never told, but for a token in the moment in which it is made.
 */
import { invalidArgument } from "../../../base/errors.ts";
import type { ListRolesRequest, ListUsersRequest, Users } from "../../../gen/parley/v1/user_pb.ts";
import { MAX_ROLES_OF_USER } from "../../../logic/access/names.ts";
import type { Accounts, UserEntry } from "../../../logic/access/accounts.ts";
import { roleOf } from "../../access/role_info.ts";
import { keyOfUser } from "../../access/usage.ts";
import type { UserAdministration } from "../../administration.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import { administrationFor } from "./admin.ts";
import type { Methods } from "./method.ts";

/** The most users, or roles, of one page. */
const MAX_PAGE = 100;
/** The bytes of a user, a token or a role in a list, without texts. */
const INFO_BYTES = 32;
/** The number of connections that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;
/** The longest that a token may last: a hundred years. */
const MAX_LIFE_MS = 100 * 365 * 86_400_000;

/** The methods of the service Users. */
export const USER_METHODS: Methods<typeof Users> = {
  list: { list: "users", run: list },
  listRoles: { list: "roles", run: listRoles },
  add: async (features, peer, { user, password, roles }) => {
    await usersFor(features, peer, "add users").add(user, password, rolesOf(roles));
    return {};
  },
  setPassword: async (features, peer, { user, password }) => {
    await usersFor(features, peer, "change passwords").setPassword(user, password);
    return {};
  },
  setRoles: async (features, peer, { user, roles }) => {
    await usersFor(features, peer, "change roles").setRoles(user, rolesOf(roles));
    return {};
  },
  setDisabled: async (features, peer, { user, disabled }) => {
    await usersFor(features, peer, "disable users").setDisabled(user, disabled);
    return {};
  },
  remove: async (features, peer, { user }) => {
    await usersFor(features, peer, "remove users").remove(user);
    return {};
  },
  newToken: async (features, peer, { user, tokenName, lastsMs }) => {
    const users = usersFor(features, peer, "make tokens");
    if (lastsMs > BigInt(MAX_LIFE_MS)) {
      throw invalidArgument(`cannot make a token that lasts ${lastsMs} ms`, {
        accepted: `at most ${MAX_LIFE_MS} ms, or 0 for ever`,
      });
    }
    const { token, expiresMs } = await users.newToken(user, tokenName, Number(lastsMs));
    return { token, expiresUnixMicros: BigInt(expiresMs) * 1000n };
  },
  revokeToken: async (features, peer, { user, tokenName }) => {
    await usersFor(features, peer, "take tokens back").revokeToken(user, tokenName);
    return {};
  },
};

function usersFor(features: Features, peer: Peer, action: string): UserAdministration {
  return administrationFor(features, peer, action).users;
}

function rolesOf(roles: readonly string[]): readonly string[] {
  if (roles.length <= MAX_ROLES_OF_USER) return roles;
  throw invalidArgument(`cannot give a user ${roles.length} roles`, {
    accepted: `at most ${MAX_ROLES_OF_USER}`,
  });
}

async function list(features: Features, peer: Peer, request: ListUsersRequest) {
  const users = usersFor(features, peer, "list users");
  const accounts = features.access?.accounts ?? null;
  const changeable = users.hasFile;
  if (accounts === null) return { users: [], more: false, changeable };
  const { page, more } = pageOf(accounts, request, peer.context.limits.maxFrameBytes >>> 1);
  const connections = await connectionsOf(features, peer, page);
  const nowMs = peer.context.clock.wallMs();
  const infos = page.map((user) => ({
    user: user.name,
    roles: [...user.roles],
    disabled: user.disabled,
    hasPassword: user.password !== "",
    tokens: user.tokens.map(({ name, expiresMs }) => ({
      tokenName: name,
      expiresUnixMicros: Number.isFinite(expiresMs) ? BigInt(expiresMs) * 1000n : 0n,
      ended: expiresMs <= nowMs,
    })),
    changeable: changeable && !users.isConfigured(user.name),
    connections: connections.get(user.name) ?? 0,
    keptBytes: BigInt(keptBytesOf(features, user.name)),
  }));
  return { users: infos, more, changeable };
}

/** How many bytes are kept of a user. */
function keptBytesOf({ kept }: Features, user: string): number {
  return kept?.store.holders.find(keyOfUser(user))?.bytes ?? 0;
}

/** The users of one page, as many as fit into `left` bytes. */
function pageOf(accounts: Accounts, { user, after, limit }: ListUsersRequest, left: number) {
  const most = Math.min(limit || MAX_PAGE, MAX_PAGE);
  const names = [...accounts.names()].filter((name) => name > after && (!user || name === user))
    .sort();
  const page: UserEntry[] = [];
  for (const name of names.slice(0, most)) {
    const entry = accounts.user(name)!;
    const texts = [name, ...entry.roles, ...entry.tokens.map((token) => token.name)];
    left -= texts.reduce((sum, { length }) => sum + INFO_BYTES + 3 * length, 0);
    if (left < 0 && page.length > 0) break;
    page.push(entry);
  }
  return { page, more: page.length < names.length };
}

/** How many connections each of these users has. */
async function connectionsOf({ access }: Features, peer: Peer, users: readonly UserEntry[]) {
  const counts = new Map(users.map(({ name }) => [name, 0]));
  const turn = peer.callsTurn;
  await turn.admit();
  let looked = 0;
  for (const { identity } of access?.peers ?? []) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    const count = counts.get(identity?.user ?? "");
    if (count !== undefined) counts.set(identity!.user, count + 1);
  }
  return counts;
}

function listRoles(features: Features, peer: Peer, { after }: ListRolesRequest) {
  usersFor(features, peer, "list roles");
  const roles = (features.access?.accounts?.roles ?? []).filter(({ name }) => name > after)
    .toSorted((one, other) => one.name < other.name ? -1 : 1);
  let left = peer.context.limits.maxFrameBytes >>> 1;
  const page = [];
  for (const role of roles.slice(0, MAX_PAGE)) {
    const { told, bytes } = roleOf(role, left);
    left -= bytes;
    if (left < 0 && page.length > 0) break;
    page.push(told);
  }
  return { roles: page, more: page.length < roles.length };
}
