/** The numbers that TypeScript carries are those of the kernel's headers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { syscallNumbers } from '../../../engine/container/isolation/syscalls.ts';
import * as linux from '../../../engine/container/linux.ts';

const INCLUDES = [
  'fcntl.h',
  'linux/audit.h',
  'linux/mount.h',
  'linux/prctl.h',
  'linux/sched.h',
  'sys/resource.h',
  'sys/stat.h',
];

/** What the compiler takes these expressions for. */
function valuesOf(expressions: readonly string[], includes: readonly string[] = INCLUDES): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'numbers-'));
  const lines = expressions.map((expression) => `printf("%llu\\n", (unsigned long long)(${expression}));`);
  const heads = ['stdio.h', ...includes].map((name) => `#include <${name}>`);
  writeFileSync(
    join(folder, 'n.c'),
    `#define _GNU_SOURCE\n${heads.join('\n')}\nint main(void) { ${lines.join('\n')} return 0; }\n`,
  );
  execFileSync('cc', ['-o', join(folder, 'n'), join(folder, 'n.c')]);
  const output = execFileSync(join(folder, 'n'), { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return output.trim().split('\n').map(Number);
}

test.each([
  ['CLONE_', linux.CLONE],
  ['MS_', linux.MS],
  ['MOUNT_ATTR_', linux.MOUNT_ATTR],
] as const)('%s…', (prefix, numbers) => {
  expect(valuesOf(Object.keys(numbers).map((name) => prefix + name))).toEqual(Object.values(numbers));
});

test('single ones', () => {
  const { PR_SET_NO_NEW_PRIVS, O_DIRECTORY, O_CLOEXEC, O_PATH, S_IFCHR, S_IFBLK } = linux;
  const single = { PR_SET_NO_NEW_PRIVS, O_DIRECTORY, O_CLOEXEC, O_PATH, S_IFCHR, S_IFBLK };
  expect(valuesOf(Object.keys(single))).toEqual(Object.values(single));
});

test('system calls, as far as the installed headers know them', () => {
  const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const ours = [...syscallNumbers(architecture)].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = ours.map(([name]) => `\n#ifdef __NR_${name}\n__NR_${name}\n#else\n9999\n#endif\n`);
  const theirs = valuesOf(text, ['asm/unistd.h']);
  expect(ours.filter((_, index) => theirs[index] !== 9999)).toEqual(
    ours.map(([name], index) => [name, theirs[index]]).filter(([, number]) => number !== 9999),
  );
  expect(theirs.filter((number) => number !== 9999).length).toBeGreaterThan(290);
});
