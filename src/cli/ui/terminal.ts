/** What the standard streams are, and what may be done on them: terminal or not, colours, the style of progress. */
import { fstatSync } from 'node:fs';
import { usageError } from '../args.ts';
import type { Globals } from '../flags.ts';

export type ProgressStyle = 'tty' | 'plain' | 'json' | 'rawjson' | 'quiet';

export interface Terminal {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly colorsOnStdout: boolean;
  readonly colorsOnStderr: boolean;
  readonly progress: ProgressStyle;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Wishes = Pick<Globals, 'ansi' | 'no-ansi' | 'no-color' | 'progress'>;

/** Devices of this major number are memory: /dev/null and its like. */
const MEMORY = 1;

/** node:tty brings the network classes along, 2 ms that few have use for: it is only loaded where there may be a terminal. */
function isatty(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    if (!stat.isCharacterDevice() || stat.rdev >> 8 === MEMORY) return false;
  } catch {
    return false; // closed
  }
  return process.getBuiltinModule('node:tty').isatty(fd);
}

export function examineTerminal(wishes: Wishes, env: Environment, isTerminal = isatty): Terminal {
  const [stdin, stdout, stderr] = [isTerminal(0), isTerminal(1), isTerminal(2)];
  const ansi = wishes['no-ansi']
    ? 'never'
    : choose('--ansi', wishes.ansi, env, ['TCOMPOSE_ANSI', 'COMPOSE_ANSI'], ANSI);
  const colors = (isTty: boolean) => ansi !== 'never' && !wishes['no-color'] && mayColor(ansi, env, isTty);
  return {
    stdin,
    stdout,
    stderr,
    colorsOnStdout: colors(stdout),
    colorsOnStderr: colors(stderr),
    progress: progressStyle(wishes, env, ansi, stderr),
  };
}

const ANSI = ['auto', 'always', 'never'];
const STYLES = ['auto', 'tty', 'plain', 'json', 'rawjson', 'quiet', 'none'];

function choose(
  flag: string,
  given: string | undefined,
  env: Environment,
  names: readonly string[],
  known: readonly string[],
) {
  if (given !== undefined) return given;
  for (const name of names) {
    const value = env[name];
    if (!value) continue;
    if (known.includes(value)) return value;
    throw usageError(`${name} cannot be "${value}"`, `it stands for ${flag}: use one of ${known.join(', ')}`);
  }
  return 'auto';
}

/** NO_COLOR and FORCE_COLOR as the sites of the same names describe them; a flag beats both. */
function mayColor(ansi: string, env: Environment, isTty: boolean): boolean {
  if (ansi === 'always') return true;
  if (env['NO_COLOR']) return false;
  const forced = env['CLICOLOR_FORCE'] ?? env['FORCE_COLOR'];
  if (forced) return forced !== '0' && forced !== 'false';
  return isTty && env['TERM'] !== 'dumb';
}

function progressStyle(wishes: Wishes, env: Environment, ansi: string, isTty: boolean): ProgressStyle {
  const wish = choose(
    '--progress',
    wishes.progress,
    env,
    ['TCOMPOSE_PROGRESS', 'COMPOSE_PROGRESS', 'BUILDKIT_PROGRESS'],
    STYLES,
  );
  if (wish === 'tty' && ansi === 'never') {
    throw usageError('--progress tty cannot be drawn with --ansi never', 'leave out one of the two');
  }
  if (wish === 'none') return 'quiet';
  if (wish !== 'auto') return wish as ProgressStyle;
  return isTty && ansi !== 'never' && env['TERM'] !== 'dumb' && !isSet(env['CI']) ? 'tty' : 'plain';
}

const isSet = (value: string | undefined) => value !== undefined && value !== '' && value !== '0' && value !== 'false';
