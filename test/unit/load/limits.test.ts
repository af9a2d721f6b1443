/** Limits of what a project may hold: told once, before the work is done, and far beyond what honest projects have. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realDisk } from '../../../src/load/disk.ts';
import { load } from '../../../src/load/index.ts';
import { loadTree } from '../../../src/load/phases.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcompose-limits-'));
afterAll(() => rmSync(folder, { recursive: true }));

function loadText(text: string) {
  writeFileSync(join(folder, 'compose.yaml'), text);
  return load({ cwd: folder, environment: {}, files: ['compose.yaml'], projectName: 'p' });
}

const service = 'services:\n  web:\n    image: nginx\n';

/** What is told of a file in which the same thing is wrong over and over. */
async function toldOf(text: string): Promise<readonly string[]> {
  const { diagnostics } = await loadText(text);
  return diagnostics.map(({ code, summary }) => `${code}: ${summary}`);
}

const times = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('');

describe('one mistake is one message, however large', () => {
  beforeAll(() => {
    writeFileSync(join(folder, 'one.yaml'), 'services: {one: {image: x}}\n');
    for (let i = 0; i < 50; i++)
      writeFileSync(
        join(folder, `much${i}.yaml`),
        `${service}    environment:\n${times(5000, (j) => `      K${j}: v\n`)}`,
      );
    writeFileSync(
      join(folder, 'large.env'),
      times(5000, (i) => `K${i}=v\n`),
    );
    writeFileSync(
      join(folder, 'huge.env'),
      times(200_000, (i) => `K${i}=v\n`),
    );
  });
  test.each<readonly [what: string, text: string, told: string]>([
    [
      'four hundred services that all wait for each other',
      `services:\n${times(400, (i) => `  s${i}: {image: x, depends_on: [${times(40, (j) => `s${(i + 10 * j + 1) % 400}, `)}]}\n`)}`,
      `dependency-cycle: services wait for each other: ${times(10, (i) => `s${i} → `)}s0, and 390 more are caught up in it`,
    ],
    [
      'a key that is repeated, as everyday files are read',
      `${service}${times(50, () => '    image: nginx\n')}`,
      'duplicate-key: "image" is given 51 times in one mapping',
    ],
    [
      'a key that is repeated, as unusual files are read',
      `x-a: !!str b\n${service}${times(50, () => '    image: nginx\n')}`,
      'duplicate-key: "image" is given 51 times in one mapping',
    ],
    [
      'files that are too many',
      `include: [${times(1500, () => 'one.yaml, ')}]\n`,
      'too-large: the project has more than 1000 includes',
    ],
    [
      'files that are too large together',
      `include: [${times(50, (i) => `much${i}.yaml, `)}]\n`,
      'too-large: the files of the project have too many lines and values together',
    ],
    [
      'env files that are too large together',
      `services:\n${times(300, (i) => `  s${i}: {image: x, env_file: large.env}\n`)}`,
      'too-large: the services read too many variables from env files',
    ],
    [
      'an env file of two hundred thousand lines',
      `${service}    env_file: huge.env\n`,
      'too-large: the env file has more than 100000 variables',
    ],
    [
      'dependencies by the hundred thousand',
      `services:\n${times(300, (i) => `  s${i}: {image: x, depends_on: [${times(300, (j) => `s${j}, `)}]}\n`)}`,
      'too-large: the file has more than 50000 mounts, ports and dependencies',
    ],
    [
      'ranges of ports',
      `services:\n${times(60, (i) => `  s${i}: {image: x, ports: [1-65535]}\n`)}`,
      'too-large: the port ranges of the file come to more than 70000 ports',
    ],
    [
      'a big service that is extended over and over',
      `services:\n${times(500, (i) => `  s${i}: {extends: {file: much0.yaml, service: web}}\n`)}`,
      'too-large: the services of the file take over more than 300000 values',
    ],
  ])('%s', async (_, text, told) => {
    expect(await toldOf(text)).toEqual([told]);
  });
  test('beyond a thousand messages nobody counts', async () => {
    const told = await toldOf(`${service}${times(5000, (i) => `    a${i}: x\n`)}`);
    expect(told).toHaveLength(101);
    expect(told.at(-1)).toBe('too-many: more than 1000 further findings are not shown');
  });
});

describe('what honest projects have', () => {
  test('a thousand services may share one env file', async () => {
    writeFileSync(
      join(folder, 'shared.env'),
      times(200, (i) => `SETTING_${i}=value-${i}-of-many\n`),
    );
    const { project, diagnostics } = await loadText(
      `services:\n${times(1000, (i) => `  s${i}: {image: x, env_file: shared.env}\n`)}`,
    );
    expect(diagnostics).toEqual([]);
    expect(project!.services['s999']!.environment).toMatchObject({ SETTING_199: 'value-199-of-many' });
  });
  test('a certificate of a megabyte, and five megabytes of configuration', async () => {
    const text = times(60_000, () => `      ${'QUJD'.repeat(20)}\n`);
    const { project, diagnostics } = await loadText(`${service}x-certificates: |\n${text}`);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(project).toBeDefined();
  });
});

test('a file that many ask for is read once', async () => {
  const read: string[] = [];
  const record = (path: string) => {
    read.push(path);
    return realDisk.read(path);
  };
  const disk = { ...realDisk, read: record };
  writeFileSync(join(folder, 'once.env'), 'A=1\n');
  writeFileSync(join(folder, 'base.yaml'), 'services: {b: {image: x, label_file: once.env}}\n');
  const lines = times(5, (i) => `  s${i}: {extends: {file: base.yaml, service: b}, env_file: once.env}\n`);
  writeFileSync(join(folder, 'once.yaml'), `services:\n${lines}`);
  await loadTree({ cwd: folder, environment: {}, files: ['once.yaml'], projectName: 'p' }, disk);
  expect(read.map((path) => basename(path)).sort()).toEqual(['base.yaml', 'once.env', 'once.yaml']);
});

test('binary values are what they stand for', async () => {
  const { project } = await loadText(`${service}    environment:\n      A: !!binary aGVsbG8=\n`);
  expect(project!.services['web']!.environment).toEqual({ A: 'hello' });
});
