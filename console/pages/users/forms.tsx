/**
 * The forms for users: a new one, a password, roles, and a new token, which is shown once.
 */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { ask, inWords } from "../../data/ask.ts";
import {
  closeDialog,
  Dialog,
  DialogFoot,
  openDialog,
  type Submit,
  useSubmit,
} from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";

const DAY_MS = 86_400_000;
const MAX_DAYS = 36_500;
/** The fewest characters of a password. */
const MIN_PASSWORD = 8;

interface ForUser {
  readonly user: string;
  readonly changed: () => void;
}

interface FormProps {
  readonly title: string;
  readonly action: string;
  readonly submit: Submit;
  readonly isGood: boolean;
  readonly children: ComponentChildren;
}

function Form({ title, action, submit, isGood, children }: FormProps) {
  return (
    <Dialog title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isGood) submit.go();
        }}
      >
        <div class="dialog-body form">
          {children}
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot action={action} busy={submit.busy} disabled={!isGood} />
      </form>
    </Dialog>
  );
}

/** Roles as they are typed: names with commas between them. */
function rolesOf(text: string): string[] {
  return text.split(",").map((role) => role.trim()).filter((role) => role !== "");
}

function passwordFault(password: string): string {
  if (password === "" || password.length >= MIN_PASSWORD) return "";
  return `At least ${MIN_PASSWORD} characters.`;
}

/** Adds a user. */
export function AddUserForm({ changed }: { changed: () => void }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [roles, setRoles] = useState("");
  const submit = useSubmit(async () => {
    await ask(Users.method.add, { user, password, roles: rolesOf(roles) });
    done(`${user} is added.`);
    changed();
  });
  const wrong = passwordFault(password);
  return (
    <Form title="New user" action="Add" submit={submit} isGood={user !== "" && wrong === ""}>
      <Field label="Name" value={user} onChange={setUser} required autoFocus autocomplete="off" />
      <Field
        label="Password"
        type="password"
        autocomplete="new-password"
        value={password}
        onChange={setPassword}
        wrong={wrong}
        hint="Empty for a user who comes in with tokens or a certificate."
      />
      <Field label="Roles" value={roles} onChange={setRoles} hint="Names with commas between." />
    </Form>
  );
}

/** Sets a password, or takes it away. */
export function PasswordForm({ user, changed }: ForUser) {
  const [password, setPassword] = useState("");
  const submit = useSubmit(async () => {
    await ask(Users.method.setPassword, { user, password });
    done(password === "" ? `${user} has no password any more.` : "The password is set.");
    changed();
  });
  const wrong = passwordFault(password);
  const action = password === "" ? "Take the password away" : "Set password";
  return (
    <Form title={`Password of ${user}`} action={action} submit={submit} isGood={wrong === ""}>
      <Field
        label="Password"
        type="password"
        autocomplete="new-password"
        value={password}
        onChange={setPassword}
        wrong={wrong}
        hint="Connections that came in with the former one end. Empty takes it away."
      />
    </Form>
  );
}

/** Gives other roles. */
export function RolesForm({ user, roles, changed }: ForUser & { roles: readonly string[] }) {
  const [text, setText] = useState(roles.join(", "));
  const submit = useSubmit(async () => {
    await ask(Users.method.setRoles, { user, roles: rolesOf(text) });
    done("The roles are in force.");
    changed();
  });
  return (
    <Form title={`Roles of ${user}`} action="Set roles" submit={submit} isGood>
      <Field label="Roles" value={text} onChange={setText} hint="Names with commas between." />
    </Form>
  );
}

/** Makes a token, and shows it. */
export function NewTokenForm({ user, changed }: ForUser) {
  const [tokenName, setTokenName] = useState("");
  const [days, setDays] = useState("90");
  const lasts = Number(days);
  const isTime = Number.isInteger(lasts) && lasts >= 0 && lasts <= MAX_DAYS;
  const submit = useSubmit(async () => {
    const lastsMs = BigInt(lasts) * BigInt(DAY_MS);
    const { token } = await ask(Users.method.newToken, { user, tokenName, lastsMs });
    changed();
    openDialog(() => <Shown tokenName={tokenName} token={token} />);
  }, true);
  return (
    <Form
      title={`New token of ${user}`}
      action="Make"
      submit={submit}
      isGood={tokenName !== "" && isTime}
    >
      <Field label="Name" value={tokenName} onChange={setTokenName} required autoFocus />
      <Field
        label="Days that it lasts"
        type="number"
        value={days}
        onChange={setDays}
        hint="0 for ever."
        wrong={isTime ? "" : "A whole number from 0 to 36,500."}
      />
    </Form>
  );
}

function Shown({ tokenName, token }: { tokenName: string; token: string }) {
  return (
    <Dialog title={`Token ${tokenName}`}>
      <div class="dialog-body form">
        <p>It is shown only now. Keep it secret.</p>
        <p class="mono break">{token}</p>
      </div>
      <div class="dialog-foot">
        <button type="button" class="button main" onClick={closeDialog}>I have it</button>
      </div>
    </Dialog>
  );
}
