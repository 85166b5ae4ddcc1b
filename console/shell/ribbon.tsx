/**
 * The ribbon that says which server this is, in its colour, where the configuration names an environment.
 */
import { about } from "../data/server.ts";

const COLOURS: readonly string[] = ["gray", "blue", "green", "yellow", "orange", "red", "purple"];

/** The ribbon; nothing where there is no environment. */
export function Ribbon() {
  const { environment = "", environmentColor = "" } = about.value ?? {};
  if (environment === "") return <span class="no-ribbon" />;
  const colour = COLOURS.includes(environmentColor) ? environmentColor : "gray";
  return <div class={`ribbon ${colour}`}>{environment}</div>;
}
