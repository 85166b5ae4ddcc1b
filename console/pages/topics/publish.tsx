/**
 * The form that publishes an event.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import { connected } from "../../data/ask.ts";
import { counted, exact } from "../../format/numbers.ts";
import { Dialog, DialogFoot, openDialog, useSubmit } from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";
import { inWords } from "../../data/ask.ts";

/** Asks for an event, and publishes it. */
export function publish(topic: string): void {
  openDialog(() => <PublishForm topic={topic} />);
}

/** Headers as they are written: one a line, `name: value`. Null when a line has no name. */
export function headersOf(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
    const colon = line.indexOf(":");
    if (colon < 1) return null;
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return headers;
}

function PublishForm({ topic: first }: { topic: string }) {
  const [topic, setTopic] = useState(first);
  const [payload, setPayload] = useState("");
  const [type, setType] = useState("");
  const [headers, setHeaders] = useState("");
  const read = headersOf(headers);
  const submit = useSubmit(async () => {
    const ack = await connected().publish(topic, payload, { type, headers: read ?? {} });
    done(
      ack.seq > 0n
        ? `Published as event ${exact(ack.seq)}.`
        : `Published to ${counted(ack.receivers ?? 0, "connection")}.`,
    );
  });
  return (
    <Dialog title="Publish an event">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (read !== null && topic !== "") submit.go();
        }}
      >
        <div class="dialog-body">
          <Field
            label="Topic"
            value={topic}
            onChange={setTopic}
            required
          />
          <Field label="Payload" value={payload} onChange={setPayload} rows={6} />
          <Field label="Type" value={type} onChange={setType} hint="May be empty." />
          <Field
            label="Headers"
            value={headers}
            onChange={setHeaders}
            rows={2}
            hint="One a line: name: value"
            wrong={read === null ? "Each line has a name, a colon and a value." : ""}
          />
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot action="Publish" busy={submit.busy} disabled={read === null || topic === ""} />
      </form>
    </Dialog>
  );
}
