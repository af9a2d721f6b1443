/** Compiled seccomp filters on disk: compiling costs some milliseconds, reading none. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Host } from '../host.ts';
import { makeFolder, writeWhole } from '../state/files.ts';

import type { SeccompTarget } from './seccomp-filter.ts';

/** Part of every key: to be raised when the compiler or the default profile changes. */
const COMPILER = 1;

/** `profile`: `default`, or JSON in Docker's form. */
export function seccompFilter(host: Host, profile: string, target: SeccompTarget): Promise<Uint8Array> {
  const parts = [COMPILER, target.architecture, target.capabilities.toString(16), target.kernel, profile];
  const key = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
  return host.shared(`seccomp ${key}`, () => readOrCompile(join(host.paths.root, 'seccomp', key), profile, target));
}

async function readOrCompile(path: string, profile: string, target: SeccompTarget): Promise<Uint8Array> {
  try {
    return readFileSync(path);
  } catch {
    const filter = await compile(profile, target);
    makeFolder(dirname(path));
    await writeWhole(path, filter, { durable: false });
    return filter;
  }
}

async function compile(profile: string, target: SeccompTarget): Promise<Uint8Array> {
  const [{ compileFilter }, { defaultProfile, parseProfile }] = await Promise.all([
    import('./seccomp-filter.ts'),
    import('./seccomp-profile.ts'),
  ]);
  return compileFilter(profile === 'default' ? defaultProfile() : parseProfile(profile), target);
}
