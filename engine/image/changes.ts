/** `image import --change`: the Dockerfile instructions that need no build, applied to an image's configuration. */
import { posix } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';

/** `config` of an image's configuration, as JSON. */
export interface RunConfig {
  Env?: string[];
  Cmd?: string[];
  Entrypoint?: string[];
  User?: string;
  WorkingDir?: string;
  Volumes?: Record<string, object>;
  ExposedPorts?: Record<string, object>;
  Labels?: Record<string, string>;
  StopSignal?: string;
  Healthcheck?: {
    Test: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    StartInterval?: number;
    Retries?: number;
  };
  OnBuild?: string[];
}

const bad = (change: string, why: string): TcomposeError =>
  new TcomposeError(`the change ${JSON.stringify(change)} ${why}`, {
    code: 'bad-change',
    help: 'write one Dockerfile instruction, for example --change \'CMD ["nginx"]\'',
  });

/** Words as a Dockerfile splits them: blanks outside of quotes, a backslash takes the next character as it is. */
const splitWords = (text: string): string[] => {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\' && quote !== "'" && i + 1 < text.length) word = (word ?? '') + text[++i];
    else if (quote !== '' ? character === quote : character === '"' || character === "'") {
      quote = quote === '' ? character : '';
      word ??= '';
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  return word === undefined ? words : [...words, word];
};

const jsonList = (text: string): string[] | undefined => {
  if (!text.startsWith('[')) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((entry) => typeof entry === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
};

/** The exec form as it is; anything else is for the shell. */
const command = (text: string): string[] => jsonList(text) ?? ['/bin/sh', '-c', text];

/** `A=1 B="2 3"`, or of old `A 1 2`. */
const pairs = (change: string, text: string): [string, string][] => {
  const old = /^([^\s="']+)\s+([\s\S]+)$/.exec(text);
  if (old !== null) return [[old[1]!, old[2]!.trim()]];
  return splitWords(text).map((word) => {
    const equals = word.indexOf('=');
    if (equals < 1) throw bad(change, 'needs NAME=VALUE');
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
};

const setEnv = (config: RunConfig, entries: readonly [string, string][]): void => {
  const env = new Map((config.Env ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  for (const [key, value] of entries) env.set(key, `${key}=${value}`);
  config.Env = [...env.values()];
};

const ports = (change: string, text: string): string[] =>
  splitWords(text).flatMap((word) => {
    const parts = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const [first, last] = [Number(parts?.[1]), Number(parts?.[2] ?? parts?.[1])];
    if (parts === null || first < 1 || last > 65535 || last < first) throw bad(change, `has no valid port: ${word}`);
    return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${(parts[3] ?? 'tcp').toLowerCase()}`);
  });

const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A Go duration. */
const duration = (change: string, text: string): number => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|\u00b5s|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw bad(change, `has no valid duration: ${text}`);
  return Math.round(parts.reduce((sum, [, number, unit]) => sum + Number(number) * NANOSECONDS[unit!]!, 0));
};

const HEALTH_FLAGS = {
  '--interval': 'Interval',
  '--timeout': 'Timeout',
  '--start-period': 'StartPeriod',
  '--start-interval': 'StartInterval',
} as const;

const healthcheck = (change: string, text: string): NonNullable<RunConfig['Healthcheck']> => {
  const check: NonNullable<RunConfig['Healthcheck']> = { Test: [] };
  let rest = text;
  for (let flag = /^(--[a-z-]+)=(\S+)\s*/.exec(rest); flag !== null; flag = /^(--[a-z-]+)=(\S+)\s*/.exec(rest)) {
    const [whole, name, value] = flag;
    if (name === '--retries' && /^\d+$/.test(value!)) check.Retries = Number(value);
    else if (name! in HEALTH_FLAGS) check[HEALTH_FLAGS[name as keyof typeof HEALTH_FLAGS]] = duration(change, value!);
    else throw bad(change, `has an invalid ${name}`);
    rest = rest.slice(whole.length);
  }
  if (/^none$/i.test(rest)) return { Test: ['NONE'] };
  const test = /^cmd\s+([\s\S]+)$/i.exec(rest);
  if (test === null) throw bad(change, 'needs CMD or NONE');
  const list = jsonList(test[1]!.trim());
  return { ...check, Test: list === undefined ? ['CMD-SHELL', test[1]!.trim()] : ['CMD', ...list] };
};

const keys = (names: readonly string[]): Record<string, object> => Object.fromEntries(names.map((name) => [name, {}]));

const INSTRUCTIONS: Readonly<Record<string, (config: RunConfig, text: string, change: string) => void>> = {
  CMD: (config, text) => {
    config.Cmd = command(text);
  },
  ENTRYPOINT: (config, text) => {
    config.Entrypoint = command(text);
  },
  ENV: (config, text, change) => setEnv(config, pairs(change, text)),
  EXPOSE: (config, text, change) => {
    config.ExposedPorts = { ...config.ExposedPorts, ...keys(ports(change, text)) };
  },
  HEALTHCHECK: (config, text, change) => {
    config.Healthcheck = healthcheck(change, text);
  },
  LABEL: (config, text, change) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(change, text)) };
  },
  ONBUILD: (config, text) => {
    config.OnBuild = [...(config.OnBuild ?? []), text];
  },
  STOPSIGNAL: (config, text, change) => {
    if (!/^(?:SIG)?[A-Z0-9+-]+$/i.test(text)) throw bad(change, 'has no valid signal');
    config.StopSignal = text;
  },
  USER: (config, text) => {
    config.User = text;
  },
  VOLUME: (config, text, change) => {
    const targets = jsonList(text) ?? splitWords(text);
    if (!targets.every((target) => target.startsWith('/'))) throw bad(change, 'needs absolute paths');
    config.Volumes = { ...config.Volumes, ...keys(targets) };
  },
  WORKDIR: (config, text) => {
    config.WorkingDir = posix.resolve('/', config.WorkingDir ?? '/', text);
  },
};

/** On top of `before`, which stays as it is. */
export const applyChanges = (changes: readonly string[], before: RunConfig = {}): RunConfig => {
  const config: RunConfig = { ...before };
  for (const change of changes) {
    const parts = /^\s*(\S+)\s+([\s\S]*\S)\s*$/.exec(change);
    const apply = INSTRUCTIONS[parts?.[1]?.toUpperCase() ?? ''];
    if (apply === undefined || parts === null)
      throw bad(change, `is none of ${Object.keys(INSTRUCTIONS).join(', ')}, followed by its arguments`);
    apply(config, parts[2]!, change);
  }
  return config;
};
