/**
 * Writes the completion scripts for bash, zsh and fish.
 *
 * All names come from our own tree of commands: they hold no character that a shell would expand, but
 * descriptions are prose and are quoted.
 */
import { type CompletionNode, type CompletionOption, everyNode } from "./completion_tree.ts";

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The shell's case branches that complete the value of an option; empty when no option has one. */
function valueBranches(
  node: CompletionNode,
  write: (option: CompletionOption) => string,
): string[] {
  return node.options.filter((option) => option.takesValue)
    .map((option) =>
      `        ${quote(node.path)}:${option.flags.join(`|${quote(node.path)}:`)}) ${
        write(option)
      } ;;`
    );
}

/** A function for bash, version 4 and later. */
export function bashScript(root: CompletionNode): string {
  const nodes = everyNode(root);
  const commands = nodes.filter((node) => node.path !== "");
  return `# bash completion for parley; made by \`parley completion bash\`
_parley_files() {
    local file
    compopt -o filenames
    while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$1")
}
_parley_live() {
    local name
    while IFS= read -r name; do
        [[ $name == "$2"* ]] && COMPREPLY+=("$name")
    done < <(parley complete "$1" --timeout 1s "\${server[@]}" 2>/dev/null)
}
_parley() {
    local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
    local path="" word index words="" server=()
    # The words of bash end at colons, which addresses have.
    local line="\${COMP_LINE:0:COMP_POINT}" named='[[:space:]](-s|--server|--context)[[:space:]=]+([^[:space:]]+)[[:space:]]'
    local quotes="['\\"]"
    [[ $line =~ $named ]] && server=("\${BASH_REMATCH[1]}" "\${BASH_REMATCH[2]//$quotes/}")
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="\${COMP_WORDS[index]}"
        case "\${path:+$path }$word" in
${commands.map((node) => `            ${quote(node.path)}) path=${quote(node.path)} ;;`).join("\n")}
        esac
    done
    COMPREPLY=()
    case "$path:$previous" in
${
    nodes.flatMap((node) =>
      valueBranches(node, (option) =>
        option.choices.length > 0
          ? `COMPREPLY=($(compgen -W ${quote(option.choices.join(" "))} -- "$current")); return`
          : option.takesFile
          ? `_parley_files "$current"; return`
          : option.live !== ""
          ? `_parley_live ${option.live} "$current"; return`
          : "return")
    ).join("\n")
  }
    esac
    case "$path" in
${nodes.map((node) => `        ${quote(node.path)}) words=${quote(wordsOf(node))} ;;`).join("\n")}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    case "$path" in
${
    nodes.filter((node) => node.takesFile).map((node) =>
      `        ${quote(node.path)}) _parley_files "$current" ;;`
    ).join("\n")
  }
    esac
    [[ $current == -* ]] && return
    case "$path" in
${
    nodes.filter((node) => node.live !== "").map((node) =>
      `        ${quote(node.path)}) _parley_live ${node.live} "$current" ;;`
    ).join("\n")
  }
    esac
}
complete -F _parley parley
`;
}

function wordsOf(node: CompletionNode): string {
  return [
    ...node.children.map((child) => child.name),
    ...node.choices,
    ...node.options.flatMap((option) => option.flags),
  ].join(" ");
}

/** A function for zsh, to be stored as _parley in a directory of $fpath, or sourced. */
export function zshScript(root: CompletionNode): string {
  const nodes = everyNode(root);
  const commands = nodes.filter((node) => node.path !== "");
  return `#compdef parley
# zsh completion for parley; made by \`parley completion zsh\`
_parley() {
    local command_path="" word index
    local -a candidates server
    for ((index = 2; index < CURRENT; index++)); do
        word="\${words[index]}"
        case "$word" in
            -s|--server|--context) ((index + 1 < CURRENT)) && server=("$word" "\${(Q)words[index+1]}") ;;
        esac
        case "\${command_path:+$command_path }$word" in
${
    commands.map((node) => `            ${quote(node.path)}) command_path=${quote(node.path)} ;;`)
      .join("\n")
  }
        esac
    done
    case "$command_path:\${words[CURRENT-1]}" in
${
    nodes.flatMap((node) =>
      valueBranches(node, (option) =>
        option.choices.length > 0
          ? `compadd -- ${option.choices.join(" ")}; return`
          : option.takesFile
          ? "_files; return"
          : option.live !== ""
          ? `${zshLive(option.live)}; return`
          : "return")
    ).join("\n")
  }
    esac
    case "$command_path" in
${
    nodes.map((node) =>
      `        ${quote(node.path)}) candidates=(${zshCandidates(node)})${
        node.takesFile ? "; _files" : node.live === "" ? "" : `; ${zshLive(node.live)}`
      } ;;`
    ).join("\n")
  }
    esac
    _describe 'parley' candidates
}
if [ "$funcstack[1]" = "_parley" ]; then
    _parley "$@"
else
    compdef _parley parley
fi
`;
}

function zshLive(kind: string): string {
  return `compadd -- \${(f)"$(parley complete ${kind} --timeout 1s "\${server[@]}" 2>/dev/null)"}`;
}

function zshCandidates(node: CompletionNode): string {
  const described = (name: string, description: string) =>
    quote(`${name.replaceAll(":", "\\:")}:${description.replaceAll(":", "\\:")}`);
  return [
    ...node.children.map((child) => described(child.name, child.description)),
    ...node.choices.map((choice) => quote(choice)),
    ...node.options.flatMap((option) =>
      option.flags.map((flag) => described(flag, option.description))
    ),
  ].join(" ");
}

/** Commands for fish. */
export function fishScript(root: CompletionNode): string {
  const lines = [
    "# fish completion for parley; made by `parley completion fish`",
    "function __parley_path",
    "    set -l path ''",
    "    for word in (commandline -opc)[2..-1]",
    '        switch (string trim -- "$path $word")',
    ...everyNode(root).filter((node) => node.path !== "").map((node) =>
      `            case ${quote(node.path)}\n                set path ${quote(node.path)}`
    ),
    "        end",
    "    end",
    '    test "$path" = "$argv[1]"',
    "end",
    "function __parley_live",
    "    set -l words (commandline -opc)",
    "    set -l server",
    "    for index in (seq 2 (math (count $words) - 1))",
    "        contains -- $words[$index] -s --server --context",
    "        and set server $words[$index] $words[(math $index + 1)]",
    "    end",
    "    parley complete $argv[1] --timeout 1s $server 2>/dev/null",
    "end",
    "complete -c parley -f",
  ];
  for (const node of everyNode(root)) {
    const when = `complete -c parley -n ${quote(`__parley_path ${quote(node.path)}`)}`;
    for (const child of node.children) {
      lines.push(`${when} -a ${child.name} -d ${quote(child.description)}`);
    }
    if (node.choices.length > 0) lines.push(`${when} -a ${quote(node.choices.join(" "))}`);
    if (node.takesFile) lines.push(`${when} -F`);
    if (node.live !== "") lines.push(`${when} -a ${quote(fishLive(node.live))}`);
    for (const option of node.options) lines.push(`${when} ${fishOption(option)}`);
  }
  return lines.join("\n") + "\n";
}

function fishLive(kind: string): string {
  return `(__parley_live ${kind})`;
}

function fishOption(option: CompletionOption): string {
  const names = option.flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`
  );
  const value = !option.takesValue
    ? []
    : option.choices.length > 0
    ? [`-x -a ${quote(option.choices.join(" "))}`]
    : option.takesFile
    ? ["-r -F"]
    : option.live !== ""
    ? [`-x -a ${quote(fishLive(option.live))}`]
    : ["-x"];
  return [...names, ...value, `-d ${quote(option.description)}`].join(" ");
}
