/**
 * The present, as times on the page are told against it: it moves once a second, and not while the page is hidden.
 */
/// <reference lib="dom" />
import { signal } from "@preact/signals";

/** The present, in milliseconds since 1970. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
