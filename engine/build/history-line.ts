/** `created_by` of an image's history: the words that BuildKit writes, which scanners and `image history` know. */
import { exposedPorts } from './exposed-ports.ts';
import { argvOf, type ImageState, joinWorkingDir } from './image-steps.ts';
import type { InstructionBody } from './instruction.ts';

export interface HistoryLine {
  readonly createdBy: string;
  /** Whether the step makes no layer. */
  readonly empty: boolean;
}

const quoted = (words: readonly string[]): string => `[${words.map((word) => JSON.stringify(word)).join(' ')}]`;

const ESCAPED: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  39: "\\'",
  92: '\\\\',
};

/** The number of retries, which BuildKit prints as if it were a character. */
function quotedRune(code: number): string {
  const control = code < 32 || (code >= 127 && code < 161);
  return `'${ESCAPED[code] ?? (control ? `\\x${code.toString(16).padStart(2, '0')}` : String.fromCodePoint(Math.min(code, 0xfffd)))}'`;
}

/** Go's way to print a duration. */
function shownDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e9) return nanoseconds < 1e6 ? `${nanoseconds / 1e3}µs` : `${nanoseconds / 1e6}ms`;
  const seconds = nanoseconds / 1e9;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** Undefined for FROM and ONBUILD, which leave no line. `body` is expanded; `args` are the arguments in scope (`RunEnvironment.shown`); `state` is that before the step. */
export function historyLine(
  body: InstructionBody,
  state: ImageState,
  args: readonly string[],
): HistoryLine | undefined {
  const layer = (text: string): HistoryLine => ({ createdBy: `${text} # buildkit`, empty: false });
  const config = (text: string): HistoryLine => ({ createdBy: text, empty: true });
  switch (body.kind) {
    case 'RUN': {
      const given = args.length === 0 ? '' : `|${args.length} ${args.join(' ')} `;
      const documents =
        body.command.form === 'shell'
          ? body.command.documents.map(({ text, name }) => `\n${text}${name}`).join('')
          : '';
      return layer(`RUN ${given}${argvOf(body.command, state).join(' ')}${documents}`);
    }
    case 'COPY':
    case 'ADD': {
      const flags = ['chown', 'chmod'].flatMap((name) =>
        body.flags[name] === undefined ? [] : [`--${name}=${body.flags[name]}`],
      );
      const sources = [...body.sources, ...body.documents.map(({ name }) => `<<${name}`)];
      return layer([body.kind, ...flags, ...sources, body.target].join(' '));
    }
    case 'WORKDIR':
      // A layer all the same: it makes the folder.
      return { createdBy: `WORKDIR ${joinWorkingDir(state.config.WorkingDir, body.value)}`, empty: false };
    case 'ENV':
    case 'LABEL':
      return config([body.kind, ...body.pairs.map(([name, value]) => `${name}=${value}`)].join(' '));
    case 'ARG':
      return config(
        ['ARG', ...body.args.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`))].join(' '),
      );
    case 'CMD':
    case 'ENTRYPOINT':
      return config(`${body.kind} ${quoted(argvOf(body.command, state))}`);
    case 'EXPOSE':
      return config(`EXPOSE [${[...exposedPorts(body.words)].sort().join(' ')}]`);
    case 'VOLUME':
      return config(`${body.kind} [${body.words.join(' ')}]`);
    case 'SHELL':
      return config(`SHELL [${body.argv.join(' ')}]`);
    case 'HEALTHCHECK': {
      const { test, interval, timeout, startPeriod, startInterval, retries } = body.health;
      const times = [interval, timeout, startPeriod, startInterval].map((time) => `"${shownDuration(time)}"`).join(' ');
      return config(`HEALTHCHECK &{${quoted(test)} ${times} ${quotedRune(retries)}}`);
    }
    case 'ONBUILD':
    case 'FROM':
      return undefined;
    default:
      return config(`${body.kind} ${body.value}`);
  }
}
