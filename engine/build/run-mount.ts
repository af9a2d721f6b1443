/** `RUN --mount=`: a line of comma-separated fields, and what each type of mount may say. */
import { posix } from 'node:path';
import { InstructionMistake } from './instruction.ts';
import { nearest } from './nearest.ts';

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const SHARING = ['shared', 'private', 'locked'] as const;

export interface RunMount {
  readonly type: (typeof TYPES)[number];
  /** Absolute and clean; absent where `env` is all that a secret wants, and for ssh without one. */
  readonly target?: string;
  /** Within `from`; `/` when absent. */
  readonly source?: string;
  readonly from?: string;
  readonly id?: string;
  readonly readOnly: boolean;
  readonly required: boolean;
  readonly sharing?: (typeof SHARING)[number];
  /** A secret in a variable of this name. */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Of tmpfs; 0: no limit. */
  readonly sizeBytes?: number;
}

/** Which keys mean something for which type. */
const KEYS: Readonly<Record<RunMount['type'], readonly string[]>> = {
  bind: ['target', 'source', 'from', 'readonly'],
  cache: ['target', 'source', 'from', 'readonly', 'id', 'sharing', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size', 'readonly'],
  secret: ['target', 'source', 'id', 'env', 'required', 'mode', 'uid', 'gid', 'readonly'],
  ssh: ['target', 'id', 'required', 'mode', 'uid', 'gid', 'readonly'],
};
const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};
const ALL = [...new Set(['type', 'readwrite', ...Object.values(KEYS).flat()])];

/** One record of CSV (RFC 4180); a quote within a bare field is an error, as for Go's reader. */
function csvFields(text: string): readonly string[] {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    const match = text[at] === '"' ? /"((?:[^"]|"")*)"(?=,|$)/y : /[^",]*(?=,|$)/y;
    match.lastIndex = at;
    const found = match.exec(text);
    if (found === null)
      throw new InstructionMistake('the quotes of --mount do not fit', 'put the whole field into quotes: "source=a,b"');
    fields.push(found[1]?.replaceAll('""', '"') ?? found[0]);
    at = match.lastIndex + 1;
    if (at > text.length) return fields;
  }
}

interface Field {
  readonly key: string;
  readonly value: string | undefined;
}

function readFields(text: string): readonly Field[] {
  return csvFields(text).map((field) => {
    const equals = field.indexOf('=');
    const written = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const key = ALIASES[written] ?? written;
    if (!ALL.includes(key)) {
      const meant = nearest(written, [...ALL, ...Object.keys(ALIASES)]);
      throw new InstructionMistake(
        `--mount knows no ${JSON.stringify(written)}`,
        meant === undefined ? `write some of ${ALL.join(', ')}` : `did you mean ${meant}?`,
      );
    }
    if (equals < 0 && !['readonly', 'readwrite', 'required'].includes(key))
      throw new InstructionMistake(`${key} of --mount needs a value`, `write ${key}=VALUE`);
    return { key, value: equals < 0 ? undefined : field.slice(equals + 1) };
  });
}

/** The stage, image or context that it takes files from; it knows no variables. */
export const mountFrom = (text: string): string | undefined =>
  readFields(text).findLast(({ key }) => key === 'from')?.value;

/** What can be told before variables are known. Throws InstructionMistake. */
export function checkMount(text: string): void {
  const fields = readFields(text);
  const variable = (key: string) => fields.some((field) => field.key === key && /\$./.test(field.value ?? ''));
  for (const key of ['from', 'type'])
    if (variable(key))
      throw new InstructionMistake(
        `${key} of --mount knows no variables`,
        key === 'from' ? 'write FROM IMAGE AS NAME above, and from=NAME' : `write one of ${TYPES.join(', ')}`,
      );
  if (!text.includes('$')) parseMount(text, { expand: (value) => value, workingDir: '/' });
}

const flag = (key: string, value: string | undefined): boolean => {
  if (value === undefined || /^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new InstructionMistake(`${key} of --mount is true or false, not ${JSON.stringify(value)}`);
};

const number = (key: string, value: string, digits: RegExp, base: number): number => {
  if (!digits.test(value) || Number.parseInt(value, base) > 0xffffffff)
    throw new InstructionMistake(
      `${key}=${value} of --mount is no ${base === 8 ? 'octal mode' : 'number'}`,
      base === 8 ? 'write it like 0755' : 'write digits',
    );
  return Number.parseInt(value, base);
};

function bytes(value: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(value);
  if (match === null) throw new InstructionMistake(`size=${value} of --mount is no size`, 'write it like 64m');
  return Math.floor(Number(match[1]) * 1024 ** ' kmgtp'.indexOf(match[2]!.toLowerCase() || ' '));
}

/** Throws InstructionMistake. `expand` substitutes variables in values. */
export function parseMount(
  text: string,
  { expand, workingDir }: { expand: (value: string) => string; workingDir: string },
): RunMount {
  const fields = readFields(text).map(({ key, value }) => ({
    key,
    value: value === undefined ? undefined : expand(value),
  }));
  const last = (key: string): string | undefined => fields.findLast((field) => field.key === key)?.value;
  const written = last('type') ?? 'bind';
  const type = TYPES.find((candidate) => candidate === written.toLowerCase());
  if (type === undefined)
    throw new InstructionMistake(`--mount has no type ${JSON.stringify(written)}`, `write one of ${TYPES.join(', ')}`);
  const stray = fields.find(
    ({ key }) => key !== 'type' && !KEYS[type].includes(key === 'readwrite' ? 'readonly' : key),
  );
  if (stray !== undefined)
    throw new InstructionMistake(`a mount of type ${type} has no ${stray.key}`, `it takes ${KEYS[type].join(', ')}`);
  const access = fields.findLast(({ key }) => key === 'readonly' || key === 'readwrite');
  const readOnly =
    access === undefined
      ? !['cache', 'tmpfs'].includes(type)
      : flag(access.key, access.value) === (access.key === 'readonly');
  const sharing = SHARING.find((candidate) => candidate === last('sharing')?.toLowerCase());
  if (last('sharing') !== undefined && sharing === undefined)
    throw new InstructionMistake(`sharing=${last('sharing')} is not known`, `write one of ${SHARING.join(', ')}`);
  const id = last('id') ?? (type === 'secret' ? last('source') : undefined);
  const target = last('target');
  if (target === undefined && ['bind', 'cache', 'tmpfs'].includes(type))
    throw new InstructionMistake(`a mount of type ${type} needs a target`, 'write target=/PATH');
  if (type === 'secret' && target === undefined && id === undefined)
    throw new InstructionMistake('a secret needs an id or a target', 'write id=NAME');
  const path = target === undefined ? undefined : posix.resolve('/', workingDir, target);
  if (path === '/') throw new InstructionMistake('the target of a mount cannot be /', 'name a folder');
  const required = fields.findLast(({ key }) => key === 'required');
  const [from, env, mode, uid, gid, size] = [
    last('from'),
    last('env'),
    last('mode'),
    last('uid'),
    last('gid'),
    last('size'),
  ];
  const source = type === 'secret' ? undefined : last('source');
  return {
    type,
    ...(path !== undefined && { target: path }),
    ...(source !== undefined && { source }),
    ...(from !== undefined && { from }),
    ...(id !== undefined && { id }),
    readOnly,
    required: required !== undefined && flag('required', required.value),
    ...(sharing !== undefined && { sharing }),
    ...(env !== undefined && { env }),
    ...(mode !== undefined && { mode: number('mode', mode, /^[0-7]+$/, 8) }),
    ...(uid !== undefined && { uid: number('uid', uid, /^\d+$/, 10) }),
    ...(gid !== undefined && { gid: number('gid', gid, /^\d+$/, 10) }),
    ...(size !== undefined && { sizeBytes: bytes(size) }),
  };
}
