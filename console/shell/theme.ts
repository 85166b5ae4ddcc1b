/**
 * Light or dark: as the system has it, or as the person chose in this browser.
 */
/// <reference lib="dom" />
import { effect, signal } from "@preact/signals";

/** What was chosen; auto follows the system. */
export type Theme = "auto" | "light" | "dark";

const KEPT = "parley.theme";

/** What is chosen. */
export const theme = signal<Theme>(remembered());

effect(() => {
  const { documentElement } = document;
  if (theme.value === "auto") delete documentElement.dataset.theme;
  else documentElement.dataset.theme = theme.value;
});

/** Chooses. */
export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(KEPT, chosen);
  } catch {
    // It counts for as long as the page is there.
  }
}

function remembered(): Theme {
  try {
    const text = localStorage.getItem(KEPT);
    return text === "light" || text === "dark" ? text : "auto";
  } catch {
    return "auto";
  }
}
