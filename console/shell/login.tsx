/**
 * What is shown instead of pages: the form to log in, that the server is not reached yet, and that it ended the connection.
 */
import { useState } from "preact/hooks";
import { logIn, phase, problem, start } from "../data/connection.ts";
import { Check, Choice, Field } from "../parts/fields.tsx";
import { Note } from "../parts/states.tsx";
import { Logo } from "./logo.tsx";

/** The form. */
export function LoginPage() {
  const [kind, setKind] = useState<"password" | "token">("password");
  const [user, setUser] = useState("");
  const [secret, setSecret] = useState("");
  const [remember, setRemember] = useState(false);
  const isReady = secret !== "" && (kind === "token" || user !== "");
  return (
    <div class="alone">
      <main class="card stack" id="main">
        <div class="row">
          <Logo />
          <h1>Log in to Parley</h1>
        </div>
        {problem.value !== "" && <Note tone="bad">{problem.value}</Note>}
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            if (!isReady) return;
            const login = kind === "token"
              ? { user: "", password: "", token: secret.trim() }
              : { user, password: secret, token: "" };
            setSecret("");
            logIn(login, remember);
          }}
        >
          <Choice
            label="By what"
            value={kind}
            options={[["password", "Password"], ["token", "Token"]]}
            onChange={(chosen) => {
              setKind(chosen);
              setSecret("");
            }}
          />
          {kind === "password" &&
            (
              <Field
                label="User"
                value={user}
                onChange={setUser}
                autocomplete="username"
                autoFocus
              />
            )}
          <Field
            label={kind === "token" ? "Token or JWT" : "Password"}
            type="password"
            value={secret}
            onChange={setSecret}
            autocomplete={kind === "token" ? "off" : "current-password"}
          />
          <Check
            label="Stay logged in while this tab is open"
            value={remember}
            onChange={setRemember}
          />
          <button type="submit" class="button main" disabled={!isReady}>Log in</button>
        </form>
      </main>
    </div>
  );
}

/** Nobody is connected yet, or the server ended the connection for good. */
export function WaitingPage() {
  const isOver = phase.value === "ended";
  return (
    <div class="alone">
      <main class="card stack" id="main">
        <div class="row">
          <Logo />
          <h1>{isOver ? "The server ended the connection" : "Connecting…"}</h1>
        </div>
        {isOver
          ? (
            <>
              <p class="break">{problem.value}</p>
              <button type="button" class="button main" onClick={start}>Connect again</button>
            </>
          )
          : (
            <>
              <p class="waits" role="status">
                {phase.value === "lost"
                  ? "The server cannot be reached. Trying again."
                  : "Waiting for the server."}
              </p>
              {problem.value !== "" && <p class="soft break">{problem.value}</p>}
            </>
          )}
      </main>
    </div>
  );
}
