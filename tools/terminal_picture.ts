/**
 * A picture of a terminal: rows of text with the colours that the commands use, drawn by Chromium.
 */
import type { Browser } from "playwright-core";

/** What the codes of SGR that the commands write look like on a dark terminal. */
const STYLES: Readonly<Record<string, string>> = {
  "1": "font-weight:600;color:#fff",
  "2": "color:#8b95a5",
  "31": "color:#ff7b72",
  "32": "color:#7ee787",
  "36": "color:#79c0ff",
};

/** The rows as HTML: nothing of them is taken for markup. */
export function terminalHtml(lines: readonly string[]): string {
  const escaped = (text: string) =>
    text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return lines.map((line) =>
    // deno-lint-ignore no-control-regex
    line.split(/\x1b\[(\d+)m/).reduce((html, part, index, parts) => {
      if (index % 2 === 1) return html;
      const style = STYLES[parts[index - 1] ?? ""];
      return html + (style === undefined || part === ""
        ? escaped(part)
        : `<span style="${style}">${escaped(part)}</span>`);
    }, "")
  ).join("\n");
}

/** Draws rows of so many columns into a file. */
export async function drawTerminal(
  browser: Browser,
  lines: readonly string[],
  columns: number,
  path: string,
): Promise<void> {
  const page = await browser.newPage({ deviceScaleFactor: 2 });
  try {
    await page.setContent(`<!DOCTYPE html><meta charset="utf-8"><style>
      body { margin: 0; background: #0d1117; display: inline-block }
      pre { margin: 0; padding: 14px 16px; width: ${columns}ch; color: #d7dee8;
        font: 14px/1.35 "DejaVu Sans Mono", "Liberation Mono", monospace }
    </style><pre>${terminalHtml(lines)}</pre>`);
    await page.locator("body").screenshot({ path });
  } finally {
    await page.close();
  }
}
