/** Completion scripts. Commands and flags are written into them: only names of services ask tcompose, which reads the files. */
import { usageError } from './args.ts';
import type { Cli } from './command.ts';
import { type Flags, GLOBAL_FLAGS } from './flags.ts';

interface Word {
  /** `up`, or `image import`. */
  readonly name: string;
  readonly summary: string;
  readonly flags: Flags;
  readonly takesServices: boolean;
}

type Commands = Cli['commands'];

export async function completionScript(shell: string, commands: Commands): Promise<string> {
  const words = await allWords(commands);
  if (shell === 'bash') return bash(words, commands);
  if (shell === 'zsh')
    return `#compdef tcompose\nautoload -U +X bashcompinit && bashcompinit\n${bash(words, commands)}`;
  if (shell === 'fish') return fish(words, commands);
  throw usageError(`there is no completion for "${shell}"`, 'use one of: bash, zsh, fish');
}

async function allWords(commands: Commands): Promise<readonly Word[]> {
  const entries = Object.entries(commands).flatMap(([name, entry]) =>
    'load' in entry
      ? [{ name, single: entry }]
      : Object.entries(entry.members).map(([member, single]) => ({ name: `${name} ${member}`, single })),
  );
  return Promise.all(
    entries.map(async ({ name, single }) => {
      const { flags, usage } = await single.load();
      return { name, summary: single.summary, flags, takesServices: usage.includes('SERVICE') };
    }),
  );
}

const shownFlags = (flags: Flags) => Object.entries(flags).filter(([, flag]) => !flag.hidden && !flag.refused);
const flagWords = (flags: Flags): string =>
  shownFlags(flags)
    .flatMap(([name, flag]) => [`--${name}`, ...(flag.short ? [`-${flag.short}`] : [])])
    .join(' ');

/** Flags whose value is the next word: that word is no command and no service. */
const valueFlags = (flags: Flags): readonly string[] =>
  shownFlags(flags)
    .filter(([, flag]) => flag.kind !== 'boolean')
    .flatMap(([name, flag]) => [`--${name}`, ...(flag.short ? [`-${flag.short}`] : [])]);

function bash(words: readonly Word[], commands: Commands): string {
  const groups = Object.entries(commands).filter(([, entry]) => 'members' in entry);
  const groupCases = groups.map(([name, entry]) => {
    const members = 'members' in entry ? Object.keys(entry.members).join(' ') : '';
    return `    "${name}") words="${members}" ;;`;
  });
  const flagCases = words.map(({ name, flags }) => `    "${name}") flags="${flagWords(flags)}" ;;`);
  const choices = [...new Map(words.flatMap(({ flags }) => shownFlags(flags)).concat(shownFlags(GLOBAL_FLAGS)))]
    .filter(([, flag]) => flag.choices)
    .map(
      ([name, flag]) =>
        `    --${name}) COMPREPLY=($(compgen -W "${flag.choices!.join(' ')}" -- "$current")); return ;;`,
    );
  const withServices = words.filter((word) => word.takesServices).map((word) => `"${word.name}"`);
  const globalValues = valueFlags(GLOBAL_FLAGS);
  return `# bash completion for tcompose
_tcompose() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="" words="" flags="" project=() i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
    ${globalValues.join(' | ')})
      project+=("\${COMP_WORDS[i]}" "\${COMP_WORDS[i + 1]//\\~/$HOME}"); ((i++)) ;;
    -*) ;;
    *)
      if [ -z "$command" ]; then command="\${COMP_WORDS[i]}"
      else case "$command" in ${groups.map(([name]) => name).join(' | ')}) command="$command \${COMP_WORDS[i]}" ;; esac
      fi
      [ "$command" = logs ] && break
      ;;
    esac
  done
  case "$previous" in
    -f | --file | --env-file | -i | --input | -o | --output) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --project-directory | --root | --run) COMPREPLY=($(compgen -d -- "$current")); return ;;
${choices.join('\n')}
  esac
  case "$command" in
    "") words="${Object.keys(commands).join(' ')} help" ;;
    "help") words="${Object.keys(commands).join(' ')} exit-codes" ;;
    "completion") words="bash zsh fish" ;;
    "image import" | "image load") COMPREPLY=($(compgen -f -- "$current")) ;;
${groupCases.join('\n')}
    ${withServices.join(' | ')})
      case "$current" in -*) ;; *) words="$(tcompose "\${project[@]}" config --services 2>/dev/null)" ;; esac ;;
  esac
  case "$command" in
${flagCases.join('\n')}
    "") flags="${flagWords(GLOBAL_FLAGS)} --help" ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags --help" -- "$current")) ;;
    *) [ -n "$words" ] && COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o bashdefault -o default -F _tcompose tcompose
`;
}

/** Within double quotes of fish. */
const fishText = (text: string): string => `"${text.replace(/[\\"$]/g, '\\$&')}"`;

function fish(words: readonly Word[], commands: Commands): string {
  const flagLines = (condition: string, flags: Flags) =>
    shownFlags(flags).map(([name, flag]) => {
      const value = flag.kind === 'boolean' ? '' : flag.choices ? ` -x -a ${fishText(flag.choices.join(' '))}` : ' -r';
      return `complete -c tcompose${condition} -l ${name}${flag.short ? ` -s ${flag.short}` : ''}${value} -d ${fishText(flag.summary)}`;
    });
  const lines = Object.entries(commands).flatMap(([name, entry]) => {
    const own = `complete -c tcompose -f -n __fish_use_subcommand -a ${name} -d ${fishText(entry.summary)}`;
    if ('load' in entry) return [own];
    const members = Object.keys(entry.members);
    const noMember = `"__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${members.join(' ')}"`;
    const memberLines = Object.entries(entry.members).map(
      ([member, { summary }]) => `complete -c tcompose -f -n ${noMember} -a ${member} -d ${fishText(summary)}`,
    );
    return [own, ...memberLines];
  });
  const ofCommands = words.flatMap(({ name, flags, takesServices }) => {
    const [first, second] = name.split(' ');
    const seen = `__fish_seen_subcommand_from ${first}${second ? `; and __fish_seen_subcommand_from ${second}` : ''}`;
    const services = takesServices ? [`complete -c tcompose -f -n "${seen}" -a "(__tcompose_services)"`] : [];
    return [...flagLines(` -n "${seen}"`, flags), ...services];
  });
  return `# fish completion for tcompose
function __tcompose_services
  set -l words (commandline -opc)
  set -l project
  for i in (seq 2 (count $words))
    switch $words[$i]
      case ${valueFlags(GLOBAL_FLAGS).join(' ')}
        set -a project $words[$i] $words[(math $i + 1)]
      case logs
        break
    end
  end
  tcompose $project config --services 2>/dev/null
end
${[...flagLines('', GLOBAL_FLAGS), ...lines, ...ofCommands].join('\n')}
`;
}
