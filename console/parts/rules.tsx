/**
 * What a role allows and denies, rule by rule.
 */
import type { RoleInfo } from "../../lib/gen/parley/v1/user_pb.ts";
import { counted } from "../format/numbers.ts";

/** The rules of a role. */
export function RoleRules({ role: { allow, deny, rules } }: { role: RoleInfo }) {
  return (
    <>
      <Rules title="Allows" rules={allow} none="nothing" />
      <Rules title="Denies" rules={deny} none="nothing; what is not allowed is refused" />
      {rules > allow.length + deny.length && (
        <p class="soft">{counted(rules, "rule")} in all; these are the first.</p>
      )}
    </>
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
