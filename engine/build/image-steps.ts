/** What each instruction makes of an image's configuration. Pure: files and layers are somebody else's. */
import { posix } from 'node:path';
import { SIGNALS } from '../../src/model/linux-names.ts';
import type { RunConfig } from '../image/changes.ts';
import { exposedPorts } from './exposed-ports.ts';
import { type CommandLine, type InstructionBody, InstructionMistake } from './instruction.ts';
import { DEFAULT_PATH } from './scope.ts';

export type BuildConfig = RunConfig & { Shell?: string[] };

export interface ImageState {
  readonly config: BuildConfig;
  readonly author?: string;
  /** Whether CMD was written since the base image: an ENTRYPOINT then leaves it alone. */
  readonly ownCommand: boolean;
}

const DEFAULT_SHELL = ['/bin/sh', '-c'];

/** An image without layers. */
export const SCRATCH: ImageState = { config: { Env: [`PATH=${DEFAULT_PATH}`] }, ownCommand: false };

/**
 * What a stage begins with, and the triggers that are to run first. `base` is another stage's result or an image's `config`,
 * as it was parsed; triggers do not outlive the stage that runs them.
 */
export function enterImage(base: ImageState): { readonly state: ImageState; readonly triggers: readonly string[] } {
  const { OnBuild = [], ...config } = base.config;
  const env = config.Env ?? [];
  const hasPath = env.some((entry) => entry.startsWith('PATH='));
  return {
    state: { ...base, config: { ...config, Env: hasPath ? env : [...env, `PATH=${DEFAULT_PATH}`] }, ownCommand: false },
    triggers: OnBuild ?? [],
  };
}

export const shellOf = ({ config }: ImageState): readonly string[] =>
  config.Shell?.length ? config.Shell : DEFAULT_SHELL;

/** A program's arguments: a line goes to the stage's shell. */
export const argvOf = (command: CommandLine, state: ImageState): string[] =>
  command.form === 'exec' ? [...command.argv] : [...shellOf(state), command.line];

/** Absolute, from where the stage stands. */
export const joinWorkingDir = (before: string | undefined, path: string): string =>
  posix.resolve('/', before ?? '', path);

function signal(value: string): string {
  const name = value.toUpperCase().replace(/^SIG/, '');
  const number = /^\d{1,3}$/.test(value) ? Number(value) : 0;
  const known =
    SIGNALS.includes(name) ||
    /^RTMIN(\+([1-9]|1[0-5]))?$|^RTMAX(-([1-9]|1[0-4]))?$/.test(name) ||
    ['IOT', 'CLD', 'POLL'].includes(name);
  if (!known && !(number >= 1 && number <= 64))
    throw new InstructionMistake(`there is no signal ${value}`, 'write a name such as SIGTERM, or 1 to 64');
  return value;
}

const keys = (names: readonly string[]): Record<string, object> => Object.fromEntries(names.map((name) => [name, {}]));

/** The order of first mention stays, as in Docker. */
function mergeEnv(env: readonly string[], pairs: readonly (readonly [string, string])[]): string[] {
  const merged = new Map(env.map((entry) => [entry.split('=', 1)[0]!, entry]));
  for (const [name, value] of pairs) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

function volumes(words: readonly string[]): Record<string, object> {
  if (words.some((word) => word.trim() === ''))
    throw new InstructionMistake('a volume needs a path', 'write VOLUME /PATH');
  return keys(words.map((word) => word.trim()));
}

/** `body` is expanded. Instructions that make files (RUN, COPY, ADD) change nothing here. Throws InstructionMistake. */
export function applyInstruction(state: ImageState, body: InstructionBody): ImageState {
  const { config } = state;
  const change = (fields: Partial<BuildConfig>): ImageState => ({ ...state, config: { ...config, ...fields } });
  switch (body.kind) {
    case 'ENV':
      return change({ Env: mergeEnv(config.Env ?? [], body.pairs) });
    case 'LABEL':
      return change({ Labels: { ...config.Labels, ...Object.fromEntries(body.pairs) } });
    case 'CMD':
      return { ...change({ Cmd: argvOf(body.command, state) }), ownCommand: true };
    case 'ENTRYPOINT': {
      const { Cmd, Entrypoint: _, ...rest } = config;
      const argv = argvOf(body.command, state);
      return {
        ...state,
        config: {
          ...rest,
          ...(argv.length > 0 && { Entrypoint: argv }),
          ...(state.ownCommand && Cmd !== undefined && { Cmd }),
        },
      };
    }
    case 'USER':
      return change({ User: body.value });
    case 'WORKDIR':
      return change({ WorkingDir: joinWorkingDir(config.WorkingDir, body.value) });
    case 'VOLUME':
      return change({ Volumes: { ...config.Volumes, ...volumes(body.words) } });
    case 'EXPOSE':
      return change({ ExposedPorts: { ...config.ExposedPorts, ...keys(exposedPorts(body.words)) } });
    case 'STOPSIGNAL':
      return change({ StopSignal: signal(body.value) });
    case 'SHELL':
      return change({ Shell: [...body.argv] });
    case 'HEALTHCHECK': {
      const { test, interval, timeout, startPeriod, startInterval, retries } = body.health;
      return change({
        Healthcheck: {
          Test: [...test],
          ...(interval > 0 && { Interval: interval }),
          ...(timeout > 0 && { Timeout: timeout }),
          ...(startPeriod > 0 && { StartPeriod: startPeriod }),
          ...(startInterval > 0 && { StartInterval: startInterval }),
          ...(retries > 0 && { Retries: retries }),
        },
      });
    }
    case 'ONBUILD':
      return change({ OnBuild: [...(config.OnBuild ?? []), body.trigger] });
    case 'MAINTAINER':
      return { ...state, author: body.value };
    default:
      return state;
  }
}
