/** Compiled seccomp filters on disk: compiling costs some milliseconds, reading none. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Host } from '../../host.ts';
import { makeFolder, writeWhole } from '../../state/files.ts';

import type { SeccompTarget } from './seccomp-filter.ts';

/** Part of every key: to be raised when the compiler or the default profile changes. */
const COMPILER = 2;

export interface SeccompFilter {
  /** struct sock_filter[] */
  readonly code: Uint8Array;
  /** For seccomp(2). */
  readonly flags: number;
}

/** `profile`: `default`, or JSON in Docker's form. */
export function seccompFilter(host: Host, profile: string, target: SeccompTarget): Promise<SeccompFilter> {
  const key = keyOf(profile, target);
  return host.shared(`seccomp ${key}`, () => readOrCompile(join(host.paths.root, 'seccomp', key), profile, target));
}

/** It becomes a file's name. The everyday one is made without a hash: what makes hashes takes Node longer to load than all of this. */
function keyOf(profile: string, { architecture, capabilities, kernel }: SeccompTarget): string {
  const of = `${COMPILER}-${architecture}-${capabilities.toString(16)}-${kernel.replace(/[^\w.-]/g, '_')}`;
  if (profile === 'default') return `default-${of}`;
  return createHash('sha256').update(`${of}\n${profile}`).digest('hex').slice(0, 32);
}

/** In the file, the flags stand before the code. */
async function readOrCompile(path: string, profile: string, target: SeccompTarget): Promise<SeccompFilter> {
  const bytes = await readFilter(path, profile, target);
  return { flags: bytes[0] ?? 0, code: bytes.subarray(8) };
}

async function readFilter(path: string, profile: string, target: SeccompTarget): Promise<Uint8Array> {
  try {
    return readFileSync(path);
  } catch {
    const { flags, code } = await compile(profile, target);
    const bytes = Buffer.concat([Buffer.from([flags, 0, 0, 0, 0, 0, 0, 0]), code]);
    makeFolder(dirname(path));
    await writeWhole(path, bytes, { durable: false });
    return bytes;
  }
}

async function compile(text: string, target: SeccompTarget): Promise<SeccompFilter> {
  const { compileFilter } = await import('./seccomp-filter.ts');
  const profile =
    text === 'default'
      ? (await import('./seccomp-profile.ts')).defaultProfile()
      : (await import('./seccomp-json.ts')).parseProfile(text, target.architecture);
  return { flags: profile.flags ?? 0, code: compileFilter(profile, target) };
}
