/**
 * The roles that there are, with their rules. They stand in the configuration.
 */
import { Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { counted } from "../../format/numbers.ts";
import { Empty, Known } from "../../parts/states.tsx";

const LOOK_MS = 10_000;

/** The first page of them. */
export function Roles() {
  const known = usePolled(
    "roles",
    (signal) => ask(Users.method.listRoles, {}, { signal }),
    LOOK_MS,
  );
  return (
    <Known of={known}>
      {({ roles, more }) => (
        <>
          {roles.length === 0 && <Empty title="No roles" />}
          {roles.map(({ role, allow, deny, rules }) => (
            <section key={role} class="card" aria-label={`Role ${role}`}>
              <div class="card-head">
                <h2 class="break">{role}</h2>
              </div>
              <div class="card-body stack">
                <Rules title="Allows" rules={allow} none="nothing" />
                <Rules title="Denies" rules={deny} none="nothing; what is not allowed is refused" />
                {rules > allow.length + deny.length && (
                  <p class="soft">{counted(rules, "rule")} in all; these are the first.</p>
                )}
              </div>
            </section>
          ))}
          {more && <p class="soft">There are more roles than are shown here.</p>}
        </>
      )}
    </Known>
  );
}

function Rules({ title, rules, none }: { title: string; rules: readonly string[]; none: string }) {
  return (
    <div>
      <strong>{title}</strong>
      {rules.length === 0 ? <span class="soft">{` ${none}`}</span> : (
        <ul>
          {rules.map((rule) => <li key={rule} class="mono break">{rule}</li>)}
        </ul>
      )}
    </div>
  );
}
