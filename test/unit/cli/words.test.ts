/** Small languages: shell quoting, times, near misses, completion. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asRoot, quote } from '../../../src/cli/as-root.ts';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { completionScript } from '../../../src/cli/completion.ts';
import { nearest } from '../../../src/cli/nearest.ts';
import { pointInTime } from '../../../src/cli/time.ts';

describe('the line for root', () => {
  test('any words come through a shell as they are', () => {
    const word = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !/[\0\ud800-\udfff]/.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
        const echoed = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(quote).join(' ')}`], { encoding: 'utf8' });
        expect(echoed.split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 20 },
    );
  });
  test('sudo gets the variables that steer tcompose, su gets one word', () => {
    const invocation = {
      program: '/t/bin/tcompose',
      words: ['-p', 'a b', 'up'],
      env: { TCOMPOSE_ROOT: '/x y', HOME: '/h' },
    };
    expect(asRoot({ ...invocation, hasSudo: true })).toBe("sudo TCOMPOSE_ROOT='/x y' /t/bin/tcompose -p 'a b' up");
    const line = asRoot({ ...invocation, hasSudo: false });
    expect(execFileSync('sh', ['-c', line.replace(/^su root -c/, 'printf %s')], { encoding: 'utf8' })).toBe(
      "TCOMPOSE_ROOT='/x y' /t/bin/tcompose -p 'a b' up",
    );
  });
});

test('times are dates, seconds since 1970, or how long ago', () => {
  const now = Date.parse('2026-06-01T12:00:00Z');
  expect(pointInTime('--since', undefined, now)).toBeUndefined();
  expect(pointInTime('--since', '1h30m', now)).toBe(now - 5_400_000);
  expect(pointInTime('--since', '1.5s', now)).toBe(now - 1500);
  expect(pointInTime('--since', '2026-01-31T12:00:00Z', now)).toBe(Date.parse('2026-01-31T12:00:00Z'));
  expect(pointInTime('--since', '1767225600', now)).toBe(1_767_225_600_000);
  expect(pointInTime('--since', '', now)).toBeUndefined();
  for (const wrong of ['yesterday', '5x', '2026-13-01']) {
    expect(() => pointInTime('--since', wrong, now)).toThrow('--since cannot read');
  }
});

test('near misses are found, far ones are not guessed', () => {
  const known = ['up', 'down', 'start', 'stop', 'restart'];
  expect(nearest('dwon', known)).toBe('down');
  expect(nearest('strat', known)).toBe('start');
  expect(nearest('rest', known)).toBe('restart');
  expect(nearest('frobnicate', known)).toBeUndefined();
});

describe('completion', () => {
  const complete = async (...words: string[]) => {
    const folder = mkdtempSync(join(tmpdir(), 'tcompose-completion-'));
    try {
      const script = join(folder, 'completion.bash');
      writeFileSync(script, await completionScript('bash', COMMANDS));
      // The services come from tcompose itself: here from a stand-in that shows what it was asked.
      const program = `
        tcompose() { echo "$*" > ${folder}/asked; echo web; echo worker; }
        source ${script}; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _tcompose
        printf '%s\\n' "\${COMPREPLY[@]}"; cat ${folder}/asked 2>/dev/null || true`;
      return execFileSync('bash', ['-c', program, 'bash', 'tcompose', ...words], { encoding: 'utf8' }).split('\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  test('offers commands, members of groups, flags, and values', async () => {
    expect(await complete('re')).toContain('restart');
    expect(await complete('image', '')).toEqual(expect.arrayContaining(['import', 'load', 'ls']));
    expect(await complete('up', '--sc')).toContain('--scale');
    expect(await complete('--progress', 'pl')).toContain('plain');
  });
  test('hidden flags and those that are not done yet are not offered', async () => {
    const flags = await complete('up', '--');
    expect(flags).toContain('--detach');
    for (const name of ['--watch', '--menu']) expect(flags).not.toContain(name);
  });
  test('offers the services of the files that the line names', async () => {
    expect(await complete('-f', 'my.yaml', 'up', 'w')).toEqual(
      expect.arrayContaining(['web', 'worker', '-f my.yaml config --services']),
    );
    expect(await complete('up', '-d', 'wo')).not.toContain('web');
  });
  test('scripts of the other shells hold every command', async () => {
    for (const shell of ['zsh', 'fish']) expect(await completionScript(shell, COMMANDS)).toContain('restart');
    await expect(completionScript('tcsh', COMMANDS)).rejects.toThrow('no completion for "tcsh"');
  });
});
