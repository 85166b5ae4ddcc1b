/**
 * The console: joins its pages and its frame, and connects.
 */
/// <reference lib="dom" />
import { render } from "preact";
import { start } from "./data/connection.ts";
import { places } from "./shell/places.ts";
import { Shell } from "./shell/shell.tsx";
import { listenForKeys } from "./shell/shortcuts.tsx";
import { overview } from "./pages/overview/overview.tsx";

places.value = [overview];
listenForKeys();
start();
render(<Shell />, document.getElementById("console")!);
