/**
 * The web console as pages of the http listener: one document at `/`, with one script and one style sheet.
 *
 * The same for everybody: it holds nothing of the server's but its version. What a person sees, the script asks over a
 * WebSocket, where the permissions of every other client hold. The document's policy allows scripts, styles and connections
 * of this very origin and nothing else, and has the browser refuse to take any text for HTML (Trusted Types).
 */
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import type { Page, PageAnswer, PageRequest, Pages } from "../../ports/http_page.ts";
import { CONSOLE_ASSETS } from "./assets.ts";

/** What the document allows itself. */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** A file's name changes with what it holds, so that a browser need not ask twice. */
const FOREVER = "public, max-age=31536000, immutable";

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

const ICON = "icon.svg";
const ICON_TEXT = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
  `<path fill="#2563eb" d="M6 3h20a4 4 0 0 1 4 4v13a4 4 0 0 1-4 4H14l-7 6v-6H6a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z"/>` +
  `<path fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" d="M9 10h14M9 16.5h9"/></svg>`;

/** The pages of the console by their paths. */
export function consolePages(): Pages {
  const pages = new Map<string, Page>([["/", answered(documentAnswer())]]);
  for (const { name, gzip } of CONSOLE_ASSETS) {
    pages.set(`/console/${name}`, fileOf(name, Buffer.from(gzip, "base64")));
  }
  const icon = { status: 200, type: TYPES.svg, body: ICON_TEXT };
  pages.set(
    `/console/${ICON}`,
    answered({ ...icon, headers: { "Cache-Control": "max-age=86400" } }),
  );
  return pages;
}

function answered(answer: PageAnswer): Page {
  return () => Promise.resolve(answer);
}

function documentAnswer(): PageAnswer {
  const path = (extension: string) =>
    `console/${CONSOLE_ASSETS.find(({ name }) => name.endsWith(extension))?.name}`;
  const body = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Parley</title>
<link rel="icon" href="console/${ICON}" type="image/svg+xml">
<link rel="stylesheet" href="${path(".css")}">
<script type="module" src="${path(".js")}"></script>
</head>
<body>
<div id="console"><div class="alone"><p class="waits">Connecting…</p></div></div>
<noscript><p class="no-script">The console of Parley needs JavaScript. The commands do the same: parley top, parley queue, parley topic.</p></noscript>
</body>
</html>
`;
  return {
    status: 200,
    type: "text/html; charset=utf-8",
    body,
    headers: {
      "Content-Security-Policy": CONSOLE_POLICY,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    },
  };
}

/** A file, compressed for those who take that, and otherwise as it is. */
function fileOf(name: string, compressed: Uint8Array): Page {
  const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
  const headers = { "Cache-Control": FOREVER, "Vary": "Accept-Encoding" };
  const small: PageAnswer = {
    status: 200,
    type,
    body: compressed,
    headers: { ...headers, "Content-Encoding": "gzip" },
  };
  let whole: PageAnswer | null = null;
  return (request) => {
    if (takesGzip(request)) return Promise.resolve(small);
    whole ??= { status: 200, type, body: gunzipSync(compressed), headers };
    return Promise.resolve(whole);
  };
}

function takesGzip({ headers }: PageRequest): boolean {
  const codings = (headers["accept-encoding"] ?? "").toLowerCase().split(",");
  return codings.some((coding) =>
    /^\s*(?:gzip|\*)\s*(?:;\s*q=(?:1|0\.0*[1-9])[\d.]*\s*)?$/.test(coding)
  );
}
