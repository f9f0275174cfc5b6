import { Argument, type Command, type Option } from 'commander';
import { emptyResult } from '../shared/result.js';
import { addVerb, type Cli } from './verb.js';

interface VerbWords {
  name: string;
  summary: string;
  options: { flag: string; description: string; takesValue: boolean; choices: readonly string[] }[];
}

/** `completion SHELL`: a completion script, made from the commands and options that the program really has. */
export function registerCompletion(program: Command, cli: Cli): void {
  addVerb(program, cli, {
    name: 'completion',
    usage: '',
    arguments: [new Argument('<shell>', 'the shell to complete for').choices(Object.keys(writers))],
    summary: 'print a completion script for bash, zsh or fish',
    example: 'source <(klp-docker completion bash)',
    run: async ([shell]) => {
      const script = completionScript(program, shell as keyof typeof writers);
      return { result: { ...emptyResult('ok'), script }, text: script };
    },
  });
}

/** The completion script of a program for a shell. */
export function completionScript(program: Command, shell: keyof typeof writers): string {
  return writers[shell](
    program.commands.map((command) => ({
      name: command.name(),
      summary: command.summary(),
      options: command.options.filter((option) => option.long !== undefined && !option.hidden).map(describe),
    })),
  );
}

function describe(option: Option): VerbWords['options'][number] {
  return {
    flag: option.long ?? '',
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

const writers = { bash: bashScript, zsh: zshScript, fish: fishScript };

function bashScript(verbs: VerbWords[]): string {
  const cases = verbs.map(
    (verb) => `    ${verb.name}) words='${[...verb.options.map((o) => o.flag), '--help'].join(' ')}' ;;`,
  );
  const values = verbs.flatMap((verb) =>
    verb.options
      .filter((option) => option.takesValue)
      .map((option) => `    '${verb.name} ${option.flag}') ${bashValues(option.choices)} return ;;`),
  );
  return `# klp-docker completion for bash; use: source <(klp-docker completion bash)
_klp_docker() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words=
  compopt +o default 2>/dev/null
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${verbs.map((verb) => verb.name).join(' ')} --help --version'
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]} $previous" in
${[...new Set(values)].join('\n')}
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) compopt -o default; COMPREPLY=() ;;
  esac
}
complete -F _klp_docker klp-docker
`;
}

function bashValues(choices: readonly string[]): string {
  return choices.length === 0
    ? 'compopt -o default; COMPREPLY=();'
    : `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current"));`;
}

function zshScript(verbs: VerbWords[]): string {
  const quote = (text: string): string => text.replaceAll("'", "'\\''").replace(/[[\]:]/g, '\\$&');
  const cases = verbs.map((verb) => {
    const specs = verb.options.map((option) => {
      const values = option.choices.length === 0 ? '_files' : `(${option.choices.join(' ')})`;
      return `      '*${option.flag}[${quote(option.description)}]${option.takesValue ? `:value:${values}` : ''}'`;
    });
    return `    ${verb.name}) _arguments \\\n${[...specs, "      '*:file:_files'"].join(' \\\n')} ;;`;
  });
  return `#compdef klp-docker
# klp-docker completion for zsh; use: source <(klp-docker completion zsh)
_klp_docker() {
  local -a verbs
  verbs=(
${verbs.map((verb) => `    '${verb.name}:${quote(verb.summary)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
  esac
}
compdef _klp_docker klp-docker
`;
}

function fishScript(verbs: VerbWords[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = verbs.flatMap((verb) => [
    `complete -c klp-docker -n __fish_use_subcommand -f -a ${verb.name} -d ${quote(verb.summary)}`,
    ...verb.options.map((option) => {
      const values = option.choices.length > 0 ? ` -x -a ${quote(option.choices.join(' '))}` : ' -r';
      const flag = option.flag.replace(/^--/, '');
      return (
        `complete -c klp-docker -n '__fish_seen_subcommand_from ${verb.name}' -l ${flag}` +
        `${option.takesValue ? values : ''} -d ${quote(option.description)}`
      );
    }),
  ]);
  return `# klp-docker completion for fish; use: klp-docker completion fish | source\n${lines.join('\n')}\n`;
}
