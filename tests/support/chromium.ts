/**
 * The browser of tests: Debian's Chromium, which fetches nothing by itself.
 */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** The program; undefined where there is none. */
export const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => `/usr/bin/${name}`).find((path) => existsSync(path));

/** What a test's name says where there is no browser; otherwise empty. */
export const NO_CHROMIUM = CHROMIUM === undefined
  ? " (ignored: there is no Chromium; apt-get install chromium)"
  : "";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name that its owner has pointed at this machine.
  "--host-resolver-rules=MAP rebound.test 127.0.0.1",
];

/** Starting a browser on a busy machine takes its time. */
export const BROWSER_MS = 120_000;

/** Starts a browser, by this program. */
export function openChromium(executablePath = CHROMIUM): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGUMENTS, timeout: BROWSER_MS });
}
