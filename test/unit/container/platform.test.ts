/** Which images run here: the kernel's own architecture, its 32-bit side, and what an interpreter is registered for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpretedMachines, platformProblem } from '../../../engine/container/platform.ts';

const none = () => new Set<number>();
const problem = (architecture: string, asked?: string, machines: () => ReadonlySet<number> = none) =>
  platformProblem(
    { container: 'web', image: { ref: 'x:1', os: 'linux', architecture }, ...(asked === undefined ? {} : { asked }) },
    'x86_64',
    machines,
  )?.message;

test('what the kernel runs by itself is no problem, whatever way it is asked for', () => {
  for (const asked of [undefined, 'linux/amd64', 'amd64', 'linux', 'linux/x86_64', 'Linux/AMD64', 'linux/amd64/v2'])
    expect(problem('amd64', asked), asked).toBeUndefined();
  expect(problem('386')).toBeUndefined();
  expect(problem('')).toBeUndefined();
});

test('an image of another machine is refused, unless an interpreter is registered', () => {
  expect(problem('arm64')).toBe('image x:1 is for linux/arm64, and this host runs linux/amd64');
  expect(problem('arm64', undefined, () => new Set([183]))).toBeUndefined();
  expect(problem('arm', undefined, () => new Set([183]))).toMatch(/linux\/arm,/);
  expect(problem('quantum', undefined, () => new Set([183]))).toBeDefined();
});

test('an image that is not what was asked for is told in the words that tools look for', () => {
  expect(problem('amd64', 'linux/arm64')).toBe(
    'image x:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64',
  );
});

describe('interpreters', () => {
  const folder = mkdtempSync(join(tmpdir(), 'binfmt-'));
  const entry = (state: string, machine: string, more = 'offset 0') =>
    `${state}\ninterpreter /usr/bin/qemu\nflags: OCF\n${more}\nmagic 7f454c460201010000000000000000000200${machine}\nmask ff\n`;
  beforeAll(() => {
    writeFileSync(join(folder, 'status'), 'enabled\n');
    writeFileSync(join(folder, 'register'), '');
    writeFileSync(join(folder, 'qemu-aarch64'), entry('enabled', 'b700'));
    writeFileSync(join(folder, 'qemu-riscv64'), entry('disabled', 'f300'));
    writeFileSync(join(folder, 'qemu-s390x'), entry('enabled', '0016').replace('7f454c460201', '7f454c460202'));
    writeFileSync(join(folder, 'odd'), entry('enabled', '2800', 'offset 4'));
    writeFileSync(
      join(folder, 'python3'),
      'enabled\ninterpreter /usr/bin/python3\nflags: \noffset 0\nmagic cb0d0d0a\n',
    );
    writeFileSync(join(folder, 'jar'), 'enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('count when they are enabled and told by an ELF header, in either order of bytes', () => {
    expect([...interpretedMachines(folder)].sort((a, b) => a - b)).toEqual([22, 183]);
    expect(interpretedMachines(join(folder, 'nothing'))).toEqual(new Set());
  });
});
