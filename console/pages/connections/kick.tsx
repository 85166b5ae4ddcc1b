/**
 * Ends connections, after asking: which ones, how many, and what they are told.
 */
import { useState } from "preact/hooks";
import type { ConnectionSummary } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { ask, inWords } from "../../data/ask.ts";
import { welcome } from "../../data/connection.ts";
import { counted } from "../../format/numbers.ts";
import { Dialog, DialogFoot, openDialog, useSubmit } from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";

/** The most that one request names. */
const MAX_IDS = 1000;
/** The most that are listed in the question. */
const MAX_NAMED = 5;

/** Asks, and ends them; the console's own connection is left out. */
export function kick(wanted: readonly ConnectionSummary[], changed: () => void): void {
  const others = wanted.filter(({ sessionId }) => sessionId !== welcome.value?.sessionId);
  openDialog(() => <KickForm connections={others} changed={changed} />);
}

function KickForm(
  { connections, changed }: { connections: readonly ConnectionSummary[]; changed: () => void },
) {
  const [reason, setReason] = useState("");
  const count = counted(connections.length, "connection");
  const submit = useSubmit(async () => {
    let kicked = 0;
    const ids = connections.map(({ sessionId }) => sessionId);
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      const request = { sessionIds: ids.slice(start, start + MAX_IDS), reason };
      kicked += (await ask(Admin.method.kick, request)).kicked;
    }
    done(`${counted(kicked, "connection")} ended.`);
    changed();
  });
  const beyond = connections.length - MAX_NAMED;
  return (
    <Dialog title={`End ${count}?`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit.go();
        }}
      >
        <div class="dialog-body form">
          <ul>
            {connections.slice(0, MAX_NAMED).map(({ sessionId, clientName, peer }) => (
              <li key={sessionId} class="break">
                <strong>{clientName || "unnamed"}</strong> from {peer}
              </li>
            ))}
            {beyond > 0 && <li>and {counted(beyond, "more", "more")}</li>}
          </ul>
          {connections.length === 0
            ? <Note tone="warn">This console does not end its own connection.</Note>
            : (
              <p>
                They are told so, and do not connect again by themselves. Jobs that they hold go
                back to their queues.
              </p>
            )}
          <Field
            label="Reason"
            value={reason}
            onChange={setReason}
            hint="Told to them; may be empty."
          />
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot
          action={`End ${count}`}
          danger
          busy={submit.busy}
          disabled={connections.length === 0}
        />
      </form>
    </Dialog>
  );
}
