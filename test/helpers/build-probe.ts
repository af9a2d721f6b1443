/** Builds the program that runs inside containers of the kernel tests, and the launcher in both forms, once and when they are stale. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, '../../dist');

/** Set where all was built before and compiling would take minutes (scripts/in-vm-inside). */
const prepared = process.env['TCOMPOSE_PREPARED'] !== undefined;
const modifiedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Path of the static program test/helpers/probe.c, or of another beside it. */
export const buildProbe = (name = 'probe'): string => {
  const [source, target] = [join(here, `${name}.c`), join(dist, `test-${name}`)];
  if (prepared || modifiedAt(target) > modifiedAt(source)) return target;
  mkdirSync(dist, { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  execFileSync('cc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source], { stdio: 'inherit' });
  renameSync(unfinished, target);
  return target;
};

/** Path of the launcher; `sanitized`: the one that checks its own memory use and undefined behaviour. */
export const buildLauncher = (options: { readonly sanitized?: boolean } = {}): string => {
  const script = join(here, '../../engine/launcher/build.sh');
  if (!prepared) execFileSync(script, options.sanitized ? ['--sanitize'] : [], { stdio: 'inherit' });
  return join(dist, options.sanitized ? 'tcompose-launcher-san' : 'tcompose-launcher');
};

/** A folder with the probe as its only program: enough of a root filesystem. */
export const makeProbeRoot = (folder: string): string => {
  for (const part of ['bin', 'dev', 'proc', 'sys', 'tmp', 'etc']) mkdirSync(join(folder, part), { recursive: true });
  copyFileSync(buildProbe(), join(folder, 'bin/probe'));
  return folder;
};
