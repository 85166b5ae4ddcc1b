/**
 * The roles that there are, with their rules. They stand in the configuration.
 */
import { Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { RoleRules } from "../../parts/rules.tsx";
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
          {roles.map((role) => (
            <section key={role.role} class="card" aria-label={`Role ${role.role}`}>
              <div class="card-head">
                <h2 class="break">{role.role}</h2>
              </div>
              <div class="card-body stack">
                <RoleRules role={role} />
              </div>
            </section>
          ))}
          {more && <p class="soft">There are more roles than are shown here.</p>}
        </>
      )}
    </Known>
  );
}
