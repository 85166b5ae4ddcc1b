/**
 * The place where `parley user` and `parley token` look after users: the file that a server reads, or a server over the
 * connection when one is named. What they print and refuse is the same.
 */
import type { Command } from "commander";
import { callMethod, type Client } from "../../client/mod.ts";
import { Users } from "../../gen/parley/v1/user_pb.ts";
import type { NewToken } from "../../services/administration.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { loadFor } from "../server/config_flags.ts";
import { UsageError } from "../usage_error.ts";

/** The options of all these commands. */
export interface PlaceOptions extends ServerOptions {
  readonly config?: string;
  readonly file?: string;
}

/** A token as it is listed. */
export interface ListedToken {
  readonly name: string;
  /** When it ends, as Unix time in milliseconds; 0 for never. */
  readonly expiresMs: number;
}

/** A user as it is listed. */
export interface ListedUser {
  readonly name: string;
  readonly roles: readonly string[];
  readonly disabled: boolean;
  readonly hasPassword: boolean;
  readonly tokens: readonly ListedToken[];
}

/** What can be done with users, wherever they are. */
export interface UserPlace {
  /** What it is called: a path, or a URL. */
  readonly name: string;
  /** All users, or that one: then an empty list says that there is none. */
  list(user?: string): Promise<ListedUser[]>;
  /** Rejects when there is no such user that can be changed, as far as that is known. */
  check(user: string): Promise<void>;
  add(user: string, password: string, roles: readonly string[]): Promise<void>;
  setPassword(user: string, password: string): Promise<void>;
  /** Gives a user these roles, and no others. */
  setRoles(user: string, roles: readonly string[]): Promise<void>;
  setDisabled(user: string, disabled: boolean): Promise<void>;
  remove(user: string): Promise<void>;
  newToken(user: string, token: string, lastsMs: number): Promise<NewToken>;
  revokeToken(user: string, token: string): Promise<void>;
}

/** Adds `--config`, `--file`, and the options that reach a server. */
export function withPlaceOptions(command: Command): Command {
  return withServerOptions(
    command
      .option(
        "--config <file>",
        "the server's configuration (PARLEY_CONFIG; default: parley.toml if there is one)",
      )
      .option("--file <file>", "the file of users (default: auth.users_file of the configuration)"),
  ).addHelpText("after", ABOUT_PLACES);
}

const ABOUT_PLACES = `
Without a server the file of users is changed, which a running server takes over within a second. With --server or --context the
server is asked, which changes its file itself: that needs the permission "manage server.users".`;

/** A command, and what was said with it. */
export interface Said<Options extends PlaceOptions = PlaceOptions> {
  readonly command: Command;
  readonly options: Options;
}

/** Has `use` work where the command line says. Raises UsageError when no place is named. */
export async function withPlace<Result>(
  { command, options }: Said,
  { io }: CliContext,
  use: (place: UserPlace) => Promise<Result>,
): Promise<Result> {
  if (isRemote(command, options)) {
    return await withClient(options, io, (client) => use(serverPlace(client)));
  }
  return await use(await filePlace(options, io));
}

/** Whether a server is named on the command line: what the environment says is for commands that always ask one. */
function isRemote(command: Command, { config, file }: PlaceOptions): boolean {
  const isNamed = ["server", "context"].some((name) =>
    command.getOptionValueSource(name) === "cli"
  );
  if (isNamed && (config !== undefined || file !== undefined)) {
    throw new UsageError("name either a server or, with --config or --file, a file of users");
  }
  return isNamed;
}

async function filePlace(options: PlaceOptions, io: CliContext["io"]): Promise<UserPlace> {
  const { config } = await loadFor({ config: options.config }, io);
  const path = options.file ?? config.auth.users_file;
  const { UsersFile } = await import("../../server/users_administration.ts");
  const file = new UsersFile({
    config: { ...config, auth: { ...config.auth, users_file: path } },
    // A server that runs looks at the file by itself.
    reload: () => Promise.resolve(true),
  });
  // What is only looked at may stand in the configuration alone.
  const named = <Result>(does: () => Promise<Result>): Promise<Result> => {
    if (path !== "") return does();
    return Promise.reject(
      new UsageError(
        "there is no file of users: set auth.users_file in the configuration, or name it with --file, or a server with --server",
      ),
    );
  };
  return {
    name: path,
    list: async (user) => {
      const { readUsersFile } = await import("../../server/config/users_file.ts");
      const written = path === "" ? [] : (await readUsersFile(path)).tables.users;
      const all = [...written, ...config.users].map((one) => ({
        name: one.name,
        roles: one.roles,
        disabled: one.disabled,
        hasPassword: one.password !== "",
        tokens: one.tokens.map(({ name, expires }) => ({
          name,
          expiresMs: expires === "" ? 0 : Date.parse(expires),
        })),
      }));
      return all.filter(({ name }) => user === undefined || name === user)
        .toSorted((one, other) => one.name < other.name ? -1 : 1);
    },
    check: (user) => named(() => file.check(user)),
    add: (user, password, roles) => named(() => file.add(user, password, roles)),
    setPassword: (user, password) => named(() => file.setPassword(user, password)),
    setRoles: (user, roles) => named(() => file.setRoles(user, roles)),
    setDisabled: (user, disabled) => named(() => file.setDisabled(user, disabled)),
    remove: (user) => named(() => file.remove(user)),
    newToken: (user, token, lastsMs) => named(() => file.newToken(user, token, lastsMs)),
    revokeToken: (user, token) => named(() => file.revokeToken(user, token)),
  };
}

function serverPlace(client: Client): UserPlace {
  const { list, add, setPassword, setRoles, setDisabled, remove, newToken, revokeToken } = Users
    .method;
  const listed = async (user = "") => {
    const users: ListedUser[] = [];
    for (let more = true; more;) {
      const page = await callMethod(client, list, { user, after: users.at(-1)?.name ?? "" });
      for (const { user: name, roles, disabled, hasPassword, tokens } of page.users) {
        const told = tokens.map(({ tokenName, expiresUnixMicros }) => ({
          name: tokenName,
          expiresMs: Number(expiresUnixMicros / 1000n),
        }));
        users.push({ name, roles, disabled, hasPassword, tokens: told });
      }
      more = page.more && page.users.length > 0;
    }
    return users;
  };
  return {
    name: client.url,
    list: listed,
    check: async (user) => {
      if ((await listed(user)).length > 0) return;
      const { noSuchUser } = await import("../../server/users_administration.ts");
      throw noSuchUser(user);
    },
    add: async (user, password, roles) => {
      await callMethod(client, add, { user, password, roles: [...roles] });
    },
    setPassword: async (user, password) => {
      await callMethod(client, setPassword, { user, password });
    },
    setRoles: async (user, roles) => {
      await callMethod(client, setRoles, { user, roles: [...roles] });
    },
    setDisabled: async (user, disabled) => {
      await callMethod(client, setDisabled, { user, disabled });
    },
    remove: async (user) => {
      await callMethod(client, remove, { user });
    },
    newToken: async (user, tokenName, lastsMs) => {
      const made = await callMethod(client, newToken, {
        user,
        tokenName,
        lastsMs: BigInt(lastsMs),
      });
      return { token: made.token, expiresMs: Number(made.expiresUnixMicros / 1000n) };
    },
    revokeToken: async (user, tokenName) => {
      await callMethod(client, revokeToken, { user, tokenName });
    },
  };
}
