/**
 * What scripts/fuzz-launcher does all night, for a moment: the real encoders' words, inputs that once broke something, and mutants of both, through the
 * launcher with sanitizers. Here since archives are really unpacked, in a mount namespace, which takes root.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FUZZERS, writeSeeds } from '../../fuzz/seeds.ts';

const fuzz = new URL('../../fuzz/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'tcompose-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Mutants of each seed. */
const MUTANTS = { program: 8, session: 60, control: 4, unpack: 6 } as const;

test.each(FUZZERS)('%s: no input breaks the launcher’s code or its invariants', async (fuzzer) => {
  const binary = join(folder, fuzzer);
  const built = spawnSync(join(fuzz, 'build'), [fuzzer, binary], {
    env: { ...process.env, CC: 'cc' },
    encoding: 'utf8',
  });
  expect(built.stderr).toBe('');
  const seeds = await writeSeeds(fuzzer, join(folder, `${fuzzer}.seeds`), join(fuzz, 'regressions'));
  const kept = join(folder, `${fuzzer}.input`);
  const { status, stdout, stderr } = spawnSync(binary, [`${MUTANTS[fuzzer]}`, ...seeds], {
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0', FUZZ_KEEP: kept },
    encoding: 'utf8',
  });
  expect(status, `${stderr}\n${status ? `input: ${readFileSync(kept, 'hex')}` : ''}`).toBe(0);
  expect(stdout).toBe(`${seeds.length * (MUTANTS[fuzzer] + 1)} executions\n`);
});
