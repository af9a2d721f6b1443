/** Platforms, and this host, in the words that images use. */
import { TcomposeError } from '../../src/model/errors.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** GOARCH of what we run on. */
export const hostArchitecture = (): string => ARCHITECTURES[process.arch] ?? process.arch;

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

const SYNONYMS: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
};

/** `linux/arm64/v8`, `linux/amd64`, `amd64` or `linux`, as docker takes them. */
export const parsePlatform = (text: string): Platform => {
  const [first = '', second, variant = '', ...rest] = text.toLowerCase().split('/');
  if (![first, second ?? 'x', variant || 'x', ...rest].every((part) => /^[a-z0-9_.-]+$/.test(part)) || rest.length > 0)
    throw new TcomposeError(`${JSON.stringify(text)} is no platform`, {
      code: 'bad-platform',
      help: 'write os/architecture[/variant], for example linux/arm64',
    });
  if (second === undefined && first === 'linux') return { os: 'linux', architecture: hostArchitecture(), variant: '' };
  const [os, architecture] = second === undefined ? ['linux', first] : [first, second];
  return { os, architecture: SYNONYMS[architecture] ?? architecture, variant };
};

const HOST = (): Platform => ({ os: 'linux', architecture: hostArchitecture(), variant: '' });

/** The version that is meant when none is written, as containerd has it. */
const PLAIN: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };

/** Lower is better; undefined: is not what is wanted. Plain amd64 before its versions, which this host may lack. */
export const platformRank = (offered: Platform, wanted: Platform = HOST()): number | undefined => {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return undefined;
  const plain = PLAIN[offered.architecture] ?? '';
  const [has, asked] = [offered.variant || plain, wanted.variant || plain];
  if (has === asked) return 0;
  if (wanted.variant === '' && offered.architecture !== 'arm') return 1;
  // What is made for an older processor runs on a newer one.
  const [older, newer] = [Number(has.slice(1)), Number(asked.slice(1))];
  return older < newer ? 1 + newer - older : undefined;
};
