/**
 * Finds what two rules forbid in sources: promises that are left alone, and long lists of parameters.
 *
 * A rejection that nobody hears would end the process, so a promise is awaited, given back, kept, or handed to a function of lib/base/detached.ts. Found are
 * statements and `void` expressions that drop one, functions that give one to a caller that drops it
 * (listeners, timers), and failures that an empty function swallows. It judges types, so it knows a promise
 * wherever it comes from; only what comes from packages is unknown to it, and there an async function that
 * is handed over is found.
 *
 * Functions, methods, constructors and their types have few positional parameters: with more, nobody who reads
 * a call knows what its arguments mean. Who may have more is up to whoever runs this.
 *
 * Prints a line for each, and ends with 1 when there are any. What stands behind `--` is judged by its parameters alone.
 *
 * In JavaScript, because the compiler that it uses is large and only needed here: it has a lock of its own, and
 * who merely runs Parley does not download it. To raise its version, change it below, delete
 * tools/source_rules.lock and run this once with --frozen=false in place of --frozen.
 *
 *   deno run -A --no-config --lock=tools/source_rules.lock --frozen tools/source_rules.mjs FILE-OR-FOLDER... [-- FILE-OR-FOLDER...]
 */
// Imported by a name that only running this resolves: whatever looks at all files leaves it alone.
const compiler = "npm:typescript@5.9.3";
const { default: ts } = await import(compiler);

/** What all others hand their promises to. */
const EXEMPT = "lib/base/detached.ts";
/** The most positional parameters. */
const MAX_PARAMETERS = 4;
const types = "/deno_types.d.ts";
/** What the runtime declares; its timers are Node's, whose types are a package. */
const denoTypes = new TextDecoder().decode(
  new Deno.Command(Deno.execPath(), { args: ["types"], stderr: "null" }).outputSync().stdout,
) + `
declare function setTimeout(run: () => void, milliseconds?: number): number;
declare function setInterval(run: () => void, milliseconds?: number): number;
declare function clearTimeout(timer: number | undefined): void;
declare function clearInterval(timer: number | undefined): void;
`;
/** The compiler's number for a name that it does not know: what is done with it would go unseen. */
const UNKNOWN_NAME = 2304;

const options = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  lib: ["lib.esnext.d.ts"],
  types: [],
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
host.fileExists = (path) => path === types || fileExists(path);
host.readFile = (path) => path === types ? denoTypes : readFile(path);
host.getSourceFile = (path, ...more) =>
  path === types
    ? ts.createSourceFile(path, denoTypes, ts.ScriptTarget.ESNext)
    : getSourceFile(path, ...more);

const end = Deno.args.includes("--") ? Deno.args.indexOf("--") : Deno.args.length;
const files = Deno.args.slice(0, end).flatMap(filesIn);
const program = ts.createProgram([types, ...files], options, host);
const checker = program.getTypeChecker();
let faults = 0;

function filesIn(path) {
  if (Deno.statSync(path).isFile) return [path];
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${path}/${name}`) : name.endsWith(".ts") ? [`${path}/${name}`] : []
  );
}

for (const file of files) {
  const source = program.getSourceFile(file);
  const visit = (node) => {
    const fault = (file === EXEMPT ? null : faultOf(node)) ?? longListOf(node);
    if (fault !== null) report(file, source, node.getStart(source), fault);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { code, start, messageText } of program.getSemanticDiagnostics(source)) {
    if (code === UNKNOWN_NAME) report(file, source, start, messageText);
  }
}
for (const file of Deno.args.slice(end + 1).flatMap(filesIn)) {
  const source = ts.createSourceFile(file, Deno.readTextFileSync(file), options.target, true);
  const visit = (node) => {
    const fault = longListOf(node);
    if (fault !== null) report(file, source, node.getStart(source), fault);
    ts.forEachChild(node, visit);
  };
  visit(source);
}
Deno.exitCode = faults === 0 ? 0 : 1;

function report(file, source, at, fault) {
  const { line } = source.getLineAndCharacterOfPosition(at);
  console.log(`${file}:${line + 1}: ${fault}`);
  faults++;
}

/** What is wrong with the parameters of this node; null when nothing is. */
function longListOf(node) {
  if (!ts.isFunctionLike(node) || node.parameters.length <= MAX_PARAMETERS) return null;
  const name = ts.isConstructorDeclaration(node) ? "constructor" : node.name?.getText();
  return `${name ?? "a function"} has ${node.parameters.length} parameters`;
}

/** What is wrong with the promises of this node; null when nothing is. */
function faultOf(node) {
  if (ts.isExpressionStatement(node)) {
    return isDropped(node.expression) ? "a promise is left alone" : null;
  }
  if (ts.isVoidExpression(node)) {
    return isPromise(checker.getTypeAtLocation(node.expression))
      ? "a promise is dropped with void"
      : null;
  }
  if (ts.isCallExpression(node) && swallows(node)) return "a failure is swallowed";
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return faultOfCallback(node);
  if (ts.isIdentifier(node) || ts.isPropertyAccessExpression(node)) {
    const handed = ts.isCallExpression(node.parent) && node.parent.arguments.includes(node);
    return handed ? faultOfCallback(node) : null;
  }
  return null;
}

/** Whether a statement of this expression alone drops a promise. */
function isDropped(expression) {
  if (ts.isAwaitExpression(expression)) return false;
  if (ts.isBinaryExpression(expression)) {
    const { kind } = expression.operatorToken;
    // What is assigned is kept.
    if (kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment) return false;
  }
  return isPromise(checker.getTypeAtLocation(expression));
}

function isPromise(type) {
  if (type.isUnionOrIntersection()) return type.types.some(isPromise);
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.Never)) return false;
  return checker.getPropertyOfType(type, "then") !== undefined;
}

/** A function that gives a promise, where one that gives nothing is wanted. */
function faultOfCallback(node) {
  const given = checker.getTypeAtLocation(node).getCallSignatures();
  if (!given.some((one) => isPromise(checker.getReturnTypeOfSignature(one)))) return null;
  const wanted = checker.getContextualType(node);
  if (wanted === undefined || wanted.flags & ts.TypeFlags.Any) {
    const isAsync = node.modifiers?.some((one) => one.kind === ts.SyntaxKind.AsyncKeyword);
    const handed = ts.isCallExpression(node.parent) && node.parent.arguments.includes(node);
    return isAsync && handed ? "an async function is handed to what may drop its promise" : null;
  }
  const types = wanted.isUnion() ? wanted.types : [wanted];
  const results = types.flatMap((type) => type.getCallSignatures())
    .map((one) => checker.getReturnTypeOfSignature(one));
  const dropped = results.length > 0 &&
    results.every((type) => type.flags & (ts.TypeFlags.Void | ts.TypeFlags.Undefined));
  return dropped ? "a function gives its promise to what drops it" : null;
}

/** Whether a call is `.catch(() => {})`, or `.then(…, () => {})`. */
function swallows({ expression, arguments: given }) {
  if (!ts.isPropertyAccessExpression(expression)) return false;
  const { text } = expression.name;
  const handler = text === "catch" ? given[0] : text === "then" ? given[1] : undefined;
  return handler !== undefined && ts.isArrowFunction(handler) && ts.isBlock(handler.body) &&
    handler.body.statements.length === 0;
}
