/**
 * Users with their roles and tokens: who may come in, and with what.
 */
/// <reference lib="dom" />
import { type UserInfo, Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may } from "../../data/rights.ts";
import { counted, exact } from "../../format/numbers.ts";
import { openDialog } from "../../parts/dialog.tsx";
import { Choice, SearchField } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Badge, Empty, Known } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import type { Place } from "../../shell/places.ts";
import { AddUserForm } from "./forms.tsx";
import { Roles } from "./roles.tsx";
import { UserView } from "./user_view.tsx";

const LOOK_MS = 5_000;
const PAGE = 100;
/** The most users that the page reads. */
const MOST = 10_000;

/** The page. */
export const users: Place = {
  id: "users",
  title: "Users",
  icon: "users",
  key: "u",
  offered: () => may("manage", "server.users"),
  View: UsersView,
};

function UsersView({ path }: { path: readonly string[] }) {
  const [name] = path;
  return name !== undefined && name !== "" ? <UserView name={name} /> : <UserList />;
}

async function allUsers(signal: AbortSignal) {
  const all: UserInfo[] = [];
  for (;;) {
    const request = { after: all.at(-1)?.user ?? "", limit: PAGE };
    const page = await ask(Users.method.list, request, { signal });
    all.push(...page.users);
    if (!page.more || page.users.length === 0 || all.length >= MOST) {
      return { users: all, more: page.more, changeable: page.changeable };
    }
  }
}

function UserList() {
  const { find = "", show = "users" } = route.value.query;
  const known = usePolled("users", allUsers, LOOK_MS);
  return (
    <>
      <div class="page-head">
        <h1>Users</h1>
        <Choice
          label="What is shown"
          value={show}
          onChange={(value) => setQuery({ show: value })}
          options={[["users", "Users"], ["roles", "Roles"]]}
        />
        {known.data?.changeable === true && (
          <button
            type="button"
            class="button main"
            onClick={() => openDialog(() => <AddUserForm changed={known.refresh} />)}
          >
            <Icon name="plus" />
            New user
          </button>
        )}
      </div>
      {show === "roles" ? <Roles /> : (
        <>
          <SearchField
            label="Find users"
            value={find}
            onChange={(value) => setQuery({ find: value })}
          />
          <Known of={known}>
            {({ users, more, changeable }) => (
              <>
                <Table
                  label="Users"
                  rows={users.filter(({ user }) => user.includes(find))}
                  columns={COLUMNS}
                  idOf={({ user }) => user}
                  onOpen={({ user }) => navigate(["users", user])}
                  foot={more ? `the first ${exact(users.length)}` : counted(users.length, "user")}
                  empty={
                    <Empty title="No users">
                      <span>
                        {changeable
                          ? "Everybody is a guest."
                          : "The configuration names no file of users: parley init makes one."}
                      </span>
                    </Empty>
                  }
                />
              </>
            )}
          </Known>
        </>
      )}
    </>
  );
}

const COLUMNS: readonly Column<UserInfo>[] = [
  {
    id: "user",
    title: "User",
    width: "minmax(120px, 1fr)",
    cell: ({ user, disabled }) => (
      <>
        <a class="cut" href={href(["users", user])}>{user}</a>
        {disabled && <Badge tone="warn">disabled</Badge>}
      </>
    ),
  },
  {
    id: "roles",
    title: "Roles",
    width: "minmax(100px, 1fr)",
    cell: ({ roles }) => <span class="cut">{roles.join(", ")}</span>,
  },
  {
    id: "password",
    title: "Password",
    width: "90px",
    from: 560,
    cell: ({ hasPassword }) => hasPassword ? "yes" : "none",
  },
  {
    id: "tokens",
    title: "Tokens",
    width: "80px",
    end: true,
    from: 480,
    cell: ({ tokens }) => exact(tokens.length),
  },
  {
    id: "connections",
    title: "Connections",
    width: "110px",
    end: true,
    cell: ({ connections }) => exact(connections),
  },
];
