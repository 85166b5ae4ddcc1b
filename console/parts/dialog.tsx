/**
 * Dialogs: one at a time, over everything; Escape closes it and the focus goes back to where it was.
 *
 * The browser's own `<dialog>` keeps the focus inside. `confirm` asks before anything is lost: what it is, of how many, and
 * the verb on the button.
 */
/// <reference lib="dom" />
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { detached } from "../../lib/base/detached.ts";
import { inWords } from "../data/ask.ts";
import { Note } from "./states.tsx";

/** What is open. */
const open = signal<{ readonly id: number; readonly view: () => ComponentChildren } | null>(null);
let last = 0;

/** Opens a dialog: `view` makes a `Dialog`. */
export function openDialog(view: () => ComponentChildren): void {
  open.value = { id: ++last, view };
}

/** Closes the dialog that is open. */
export function closeDialog(): void {
  open.value = null;
}

/** Where dialogs are shown. */
export function Dialogs() {
  return open.value === null ? null : <div key={open.value.id}>{open.value.view()}</div>;
}

/** The frame of a dialog. */
export function Dialog(
  { title, children, class: kind = "", label }: {
    title?: string;
    children: ComponentChildren;
    class?: string;
    /** What it is called where it has no title. */
    label?: string;
  },
) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={kind}
      aria-label={label}
      aria-labelledby={title === undefined ? undefined : "dialog-title"}
      onClose={closeDialog}
      onMouseDown={(event) => {
        if (event.target === ref.current) ref.current?.close();
      }}
    >
      {title !== undefined && <h2 id="dialog-title" class="dialog-head">{title}</h2>}
      {children}
    </dialog>
  );
}

/** What is asked before something is done. */
export interface Question {
  readonly title: string;
  /** What will happen, and to how many. */
  readonly body?: ComponentChildren;
  /** The verb on the button: "Purge 42 jobs". */
  readonly action: string;
  /** Whether something is lost by it. */
  readonly danger?: boolean;
  /** A word that has to be typed first, where much is lost. */
  readonly typed?: string;
  /** Does it; what it rejects with is told in the dialog, which stays open. */
  readonly run: () => Promise<unknown>;
}

/** Asks, and does it when the answer is yes. */
export function confirm(question: Question): void {
  openDialog(() => <Confirmation {...question} />);
}

function Confirmation({ title, body, action, danger = false, typed, run }: Question) {
  const [text, setText] = useState("");
  const submit = useSubmit(run);
  const isReady = !submit.busy && (typed === undefined || text === typed);
  return (
    <Dialog title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) submit.go();
        }}
      >
        <div class="dialog-body">
          {body}
          {typed !== undefined && <TypedWord word={typed} value={text} onChange={setText} />}
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot action={action} danger={danger} busy={submit.busy} disabled={!isReady} />
      </form>
    </Dialog>
  );
}

/** A word that has to be typed before much is lost. */
export function TypedWord(
  { word, value, onChange }: { word: string; value: string; onChange: (value: string) => void },
) {
  return (
    <div class="field">
      <label for="confirm-typed">
        Type <code class="break">{word}</code> to go on
      </label>
      <input
        id="confirm-typed"
        class="input"
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}

/** The buttons of a dialog's form. */
export function DialogFoot(
  { action, danger = false, busy, disabled }: {
    action: string;
    danger?: boolean;
    busy: boolean;
    disabled?: boolean;
  },
) {
  return (
    <div class="dialog-foot">
      <button type="button" class="button" onClick={closeDialog}>Cancel</button>
      <button
        type="submit"
        class={danger ? "button main danger" : "button main"}
        disabled={disabled || busy}
        aria-busy={busy}
      >
        {action}
      </button>
    </div>
  );
}

/** Something that is done once at a time: whether it is under way, and why it failed. */
export interface Submit {
  readonly busy: boolean;
  readonly error: unknown;
  readonly go: () => void;
}

/** Does `run` when it is told to; the dialog closes when it is done (`stays`: it does not). */
export function useSubmit(run: () => Promise<unknown>, stays = false): Submit {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = () => {
    if (busy) return;
    setBusy(true);
    setError(null);
    detached(
      run().then(() => {
        setBusy(false);
        if (!stays) closeDialog();
      }, (reason) => {
        setBusy(false);
        setError(reason);
      }),
      "do what a dialog asks",
    );
  };
  return { busy, error, go };
}
