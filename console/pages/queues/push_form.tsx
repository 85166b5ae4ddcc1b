/**
 * The form that pushes a job, or several alike.
 */
import { useState } from "preact/hooks";
import { connected } from "../../data/ask.ts";
import { inWords } from "../../data/ask.ts";
import { Dialog, DialogFoot, openDialog, useSubmit } from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";
import { headersOf, wholeOf } from "../../format/forms.ts";

/** Opens it. */
export function openPushForm(queue: string, refresh: () => void): void {
  openDialog(() => <PushForm queue={queue} refresh={refresh} />);
}

function PushForm({ queue, refresh }: { queue: string; refresh: () => void }) {
  const [payload, setPayload] = useState("");
  const [type, setType] = useState("");
  const [headers, setHeaders] = useState("");
  const [key, setKey] = useState("");
  const [priority, setPriority] = useState("");
  const [delay, setDelay] = useState("");
  const [messageId, setMessageId] = useState("");
  const parsed = headersOf(headers);
  const priorityValue = wholeOf(priority, 9);
  const delayValue = wholeOf(delay, 366 * 86_400);
  const submit = useSubmit(async () => {
    const { id, duplicate } = await connected().queue(queue).push(payload, {
      type,
      headers: parsed.headers,
      key,
      priority: priorityValue.value,
      delayMs: (delayValue.value ?? 0) * 1000,
      messageId,
    });
    done(
      duplicate ? `A job with this message id is there already: ${id}.` : `Job ${id} is pushed.`,
    );
    refresh();
  });
  const isReady = parsed.wrong === "" && priorityValue.wrong === "" && delayValue.wrong === "";
  return (
    <Dialog title={`Push a job into ${queue}`} class="wide">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) submit.go();
        }}
      >
        <div class="dialog-body form">
          <Field
            label="Payload"
            value={payload}
            onChange={setPayload}
            rows={5}
            placeholder='{"to": "ada@example.com"}'
          />
          <div class="side-by-side">
            <Field label="Type" value={type} onChange={setType} placeholder="acme.v1.Email" />
            <Field
              label="Key"
              value={key}
              onChange={setKey}
              hint="Jobs of one key run in order, in ordered queues."
            />
          </div>
          <div class="side-by-side">
            <Field
              label="Priority"
              value={priority}
              onChange={setPriority}
              placeholder="0"
              hint="0 to 9; higher ones go first."
              wrong={priorityValue.wrong}
            />
            <Field
              label="Delay in seconds"
              value={delay}
              onChange={setDelay}
              placeholder="0"
              wrong={delayValue.wrong}
            />
            <Field
              label="Message id"
              value={messageId}
              onChange={setMessageId}
              hint="The same one again makes no second job."
            />
          </div>
          <Field
            label="Headers"
            value={headers}
            onChange={setHeaders}
            rows={2}
            hint="One a line: name: value"
            wrong={parsed.wrong}
          />
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot action="Push" busy={submit.busy} disabled={!isReady} />
      </form>
    </Dialog>
  );
}
