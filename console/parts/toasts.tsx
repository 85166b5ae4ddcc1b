/**
 * Short words about what was done or went wrong. Those that went wrong stay until they are closed.
 *
 * Bounded: the oldest goes when there are more than `MAX_TOASTS`.
 */
/// <reference lib="dom" />
import { signal } from "@preact/signals";
import { inWords } from "../data/ask.ts";
import { Icon } from "./icons.tsx";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
}

const MAX_TOASTS = 4;
const SHOWN_MS = 5_000;

const toasts = signal<readonly Toast[]>([]);
let last = 0;

function show(text: string, isBad: boolean): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, isBad }].slice(-MAX_TOASTS);
  if (!isBad) setTimeout(() => close(id), SHOWN_MS);
}

function close(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Says that something was done. */
export function done(text: string): void {
  show(text, false);
}

/** Says what went wrong. */
export function failed(what: string, reason: unknown): void {
  show(`${what}: ${inWords(reason)}`, true);
}

/** Where they are shown. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, isBad }) => (
        <div key={id} class={isBad ? "toast bad" : "toast"}>
          <span class="grow">{text}</span>
          <button
            type="button"
            class="button bare small icon"
            aria-label="Close"
            onClick={() =>
              close(id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
