/**
 * One user: its roles, its password, its tokens, and whether it may come in.
 */
import { type TokenInfo, type UserInfo, Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { counted, size } from "../../format/numbers.ts";
import { confirm, openDialog } from "../../parts/dialog.tsx";
import { Badge, Empty, Known, Note } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";
import { href, navigate } from "../../router.ts";
import { NewTokenForm, PasswordForm, RolesForm } from "./forms.tsx";

const LOOK_MS = 5_000;

/** The page of the user called `name`. */
export function UserView({ name }: { name: string }) {
  const known = usePolled(
    `user ${name}`,
    (signal) => ask(Users.method.list, { user: name }, { signal }),
    LOOK_MS,
  );
  return (
    <>
      <p>
        <a href={href(["users"])}>Users</a>
      </p>
      <Known of={known}>
        {({ users: [user] }) =>
          user === undefined
            ? <Empty title={`There is no user ${name}`} />
            : <Told user={user} changed={known.refresh} />}
      </Known>
    </>
  );
}

function Told({ user, changed }: { user: UserInfo; changed: () => void }) {
  const { user: name, roles, disabled, hasPassword, tokens, changeable, connections, keptBytes } =
    user;
  return (
    <>
      <div class="page-head">
        <h1 class="break">{name}</h1>
        {disabled && <Badge tone="warn">disabled</Badge>}
      </div>
      {!changeable && (
        <Note tone="warn">This user stands in the configuration, and is changed there.</Note>
      )}
      <section class="card" aria-label="User">
        <div class="card-body stack">
          <p>Roles: {roles.length === 0 ? "none" : roles.join(", ")}</p>
          <p>Password: {hasPassword ? "set" : "none"}</p>
          <p>
            {counted(connections, "connection")} now, {size(keptBytes)}{" "}
            kept in topics and queues that it made
          </p>
          {changeable && <Actions user={user} changed={changed} />}
        </div>
      </section>
      <div class="page-head">
        <h2>Tokens</h2>
        {changeable && (
          <button
            type="button"
            class="button"
            onClick={() => openDialog(() => <NewTokenForm user={name} changed={changed} />)}
          >
            New token
          </button>
        )}
      </div>
      <Table
        label="Tokens"
        rows={tokens}
        columns={tokenColumns(user, changed)}
        idOf={({ tokenName }) => tokenName}
        most={12}
        empty={<Empty title="No tokens" />}
      />
    </>
  );
}

function Actions({ user, changed }: { user: UserInfo; changed: () => void }) {
  const { user: name, roles, disabled } = user;
  return (
    <div class="row">
      <button
        type="button"
        class="button"
        onClick={() => openDialog(() => <RolesForm user={name} roles={roles} changed={changed} />)}
      >
        Change roles
      </button>
      <button
        type="button"
        class="button"
        onClick={() => openDialog(() => <PasswordForm user={name} changed={changed} />)}
      >
        Set password
      </button>
      <button type="button" class="button" onClick={() => askDisabled(name, !disabled, changed)}>
        {disabled ? "Enable" : "Disable"}
      </button>
      <button type="button" class="button danger" onClick={() => askRemove(name)}>Remove</button>
    </div>
  );
}

function askDisabled(name: string, disabled: boolean, changed: () => void): void {
  confirm({
    title: disabled ? `Disable ${name}?` : `Enable ${name}?`,
    body: (
      <p>
        {disabled
          ? "The user may not come in any more, and its connections end."
          : "The user may come in again."}
      </p>
    ),
    action: disabled ? "Disable" : "Enable",
    danger: disabled,
    run: async () => {
      await ask(Users.method.setDisabled, { user: name, disabled });
      done(disabled ? `${name} is disabled.` : `${name} is enabled.`);
      changed();
    },
  });
}

function askRemove(name: string): void {
  confirm({
    title: `Remove ${name}?`,
    body: <p>The user and its tokens are gone for good, and its connections end.</p>,
    action: "Remove",
    danger: true,
    typed: name,
    run: async () => {
      await ask(Users.method.remove, { user: name });
      done(`${name} is removed.`);
      navigate(["users"]);
    },
  });
}

function tokenColumns(
  { user, changeable }: UserInfo,
  changed: () => void,
): readonly Column<TokenInfo>[] {
  return [
    {
      id: "name",
      title: "Token",
      width: "minmax(120px, 1fr)",
      cell: ({ tokenName, ended }) => (
        <>
          <span class="cut">{tokenName}</span>
          {ended && <Badge tone="warn">ended</Badge>}
        </>
      ),
    },
    {
      id: "ends",
      title: "Ends",
      width: "120px",
      cell: ({ expiresUnixMicros }) =>
        expiresUnixMicros === 0n ? "never" : <Time micros={expiresUnixMicros} />,
    },
    {
      id: "do",
      title: "",
      width: "100px",
      end: true,
      cell: ({ tokenName }) =>
        changeable && (
          <button
            type="button"
            class="button small"
            onClick={() =>
              confirm({
                title: `Revoke ${tokenName}?`,
                body: <p>Connections that came in with it end.</p>,
                action: "Revoke",
                danger: true,
                run: async () => {
                  await ask(Users.method.revokeToken, { user, tokenName });
                  done(`${tokenName} is revoked.`);
                  changed();
                },
              })}
          >
            Revoke
          </button>
        ),
    },
  ];
}
