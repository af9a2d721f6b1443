/** The values of flags of `build` and `image build`: what Docker's command line writes, read into the words of a request. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BuildContext, BuildSecret, PlannedBuild } from '../../model/build.ts';
import { contextOf } from '../../operations/build-request.ts';
import { usageError } from '../args.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** `KEY=VALUE`; of `KEY` alone the environment knows the value, and without one it is as if it were not there. */
export function argsOf(words: readonly string[], env: Environment): Record<string, string> {
  return Object.fromEntries(
    words.flatMap((word) => {
      const [key, value] = halves(word);
      if (key === '') throw usageError(`--build-arg needs KEY=VALUE, not "${word}"`);
      const known = value ?? env[key];
      return known === undefined ? [] : [[key, known] as const];
    }),
  );
}

export function labelsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [halves(word)[0], halves(word)[1] ?? ''] as const));
}

function halves(word: string): readonly [string, string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** `default`, `default=PATH`, `ID=PATH`. */
export function sshOf(words: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    words.map((word) => {
      const [id, path] = halves(word);
      if (path === undefined && id !== 'default')
        throw usageError(`--ssh "${word}" has no path`, 'write default, or ID=PATH');
      return [id, path === undefined ? null : resolve(path)] as const;
    }),
  );
}

/** `id=x,src=FILE`, `id=x,env=NAME`; the id is the name of the file or of the variable where there is none. */
export function secretOf(word: string): BuildSecret {
  const fields: Record<string, string> = {};
  for (const part of word.split(',')) {
    const [key, value = ''] = halves(part);
    if (!SECRET_KEYS.includes(key)) throw usageError(`--secret "${word}": "${key}" is not known`, SECRET_HELP);
    fields[key] = value;
  }
  const file = fields['src'] ?? fields['source'];
  const variable = fields['env'] ?? (fields['type'] === 'env' ? (file ?? fields['id']) : undefined);
  const id = fields['id'] ?? variable ?? file?.split('/').at(-1);
  if (!id) throw usageError(`--secret "${word}" has no id`, SECRET_HELP);
  if (variable !== undefined) return { id, source: { env: variable } };
  // Without a source: the variable of that name, or else the file, as Docker has it.
  if (file === undefined && process.env[id] !== undefined) return { id, source: { env: id } };
  return { id, source: { file: resolve(file ?? id) } };
}

const SECRET_KEYS = ['id', 'src', 'source', 'env', 'type'];
const SECRET_HELP = 'write id=NAME,src=FILE or id=NAME,env=VARIABLE';

/** `host:address` and `host=address`; an address of version 6 may stand in brackets. */
export function hostOf(word: string): string {
  const [, host, address] = /^([^:=]+)[:=]\[?([^\]]+)\]?$/.exec(word) ?? [];
  if (!host || !address) throw usageError(`--add-host needs HOST:ADDRESS, not "${word}"`);
  return `${host}=${address}`;
}

/** `nofile=1024:2048`, `nproc=100`. */
export function ulimitsOf(words: readonly string[]): PlannedBuild['ulimits'] {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, soft, hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(word) ?? [];
      if (!name)
        throw usageError(`--ulimit needs NAME=SOFT[:HARD], not "${word}"`, 'for example: --ulimit nofile=1024');
      return [name, { soft: Number(soft), hard: Number(hard) }] as const;
    }),
  );
}

/** `64m`, `1gb`, `4096`. */
export function bytesOf(flag: string, word: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(word) ?? [];
  if (number === undefined) throw usageError(`${flag} needs a size, not "${word}"`, 'for example: 64m');
  return Math.round(Number(number) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase() || ' '));
}

/** A folder becomes absolute. */
export function contextFrom(word: string): BuildContext {
  const context = contextOf(word);
  return context.kind === 'folder' ? { kind: 'folder', path: resolve(context.path) } : context;
}

/** `--build-context NAME=FOLDER|docker-image://REF|ADDRESS` */
export function contextsOf(words: readonly string[]): Record<string, BuildContext> {
  return Object.fromEntries(
    words.map((word) => {
      const [name, place] = halves(word);
      if (!name || !place) throw usageError(`--build-context needs NAME=PLACE, not "${word}"`);
      return [name, contextFrom(place)] as const;
    }),
  );
}

/** What was piped in: an archive, or the text of a Dockerfile. All of it is read: it has to be looked into anyway. */
export function readPipe(): { readonly archive: Buffer } | { readonly text: string } {
  const bytes = readFileSync(0);
  return isArchive(bytes) ? { archive: bytes } : { text: bytes.toString('utf8') };
}

const MAGIC = ['1f8b', '28b52ffd', '425a68', 'fd377a585a00'];

export function isArchive(bytes: Buffer): boolean {
  const start = bytes.subarray(0, 6).toString('hex');
  return MAGIC.some((magic) => start.startsWith(magic)) || bytes.subarray(257, 262).toString('latin1') === 'ustar';
}
