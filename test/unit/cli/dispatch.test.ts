/** The command line from words to exit code: real commands, real files, an engine in memory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { dispatch } from '../../../src/cli/dispatch.ts';
import type { Output } from '../../../src/cli/ui/output.ts';
import { load } from '../../../src/load/index.ts';
import type { ImageInfo } from '../../../src/model/engine.ts';
import type { Registry } from '../../../src/model/registry.ts';
import { createFakeEngine, type FakeEngine } from '../../helpers/fake-engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcompose-cli-'));
const file = join(folder, 'compose.yaml');
writeFileSync(file, 'name: shop\nservices:\n  web:\n    image: nginx\n    depends_on: [db]\n  db:\n    image: nginx\n');
afterAll(() => rmSync(folder, { recursive: true }));

const image: ImageInfo = {
  id: `sha256:${'a'.repeat(64)}`,
  tags: ['docker.io/library/nginx:latest'],
  createdAt: '2026-01-01T00:00:00Z',
  os: 'linux',
  architecture: 'amd64',
  config: { env: [], cmd: ['nginx'], user: '', workingDir: '', volumes: [], exposedPorts: [], labels: {} },
  layers: [],
  sizeBytes: 1,
  raw: {},
};

let engine: FakeEngine;
beforeEach(() => {
  engine = createFakeEngine({ images: [['nginx', image]] });
});

interface Options {
  readonly isRoot?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

async function run(words: readonly string[], { isRoot = true, env = {} }: Options = {}) {
  const written = { stdout: '', stderr: '' };
  const out: Output = {
    data: (text) => {
      written.stdout += text;
    },
    note: (text) => {
      written.stderr += text;
    },
    onClosed: () => {},
    isClosed: false,
  };
  const doors = {
    version: '1.2.3',
    program: '/opt/tcompose/bin/tcompose',
    env,
    cwd: () => folder,
    isRoot: () => isRoot,
    openEngine: async () => engine,
    openAccounts: async () => {
      throw new Error('nobody logs in here');
    },
    openRegistry: async () => ({ pin: async (image: string) => `${image}@sha256:0` }) as unknown as Registry,
    load,
    renderDiagnostics: async (found: readonly { summary: string }[], { format }: { format: string }) =>
      found.map((one) => `${format}: ${one.summary}\n`).join(''),
  };
  const exit = (code: number): never => {
    throw new Error(`left with ${code}`);
  };
  const code = await dispatch(words, doors, exit, out);
  return { code, ...written };
}

describe('help and version', () => {
  test('every command has help with its usage, and none of its flags has the letter of another', async () => {
    for (const [name, entry] of Object.entries(COMMANDS)) {
      const members = 'members' in entry ? Object.entries(entry.members) : [['', entry] as const];
      for (const [member, single] of members) {
        const { stdout, code } = await run(['help', name, ...(member ? [member] : [])]);
        expect(stdout).toContain(`Usage: tcompose ${name}${member ? ` ${member}` : ''}`);
        expect(code).toBe(0);
        const letters = Object.values((await single.load()).flags).flatMap(({ short }) => short ?? []);
        expect(new Set(letters).size).toBe(letters.length);
      }
    }
  });
  test('asking with --help, -h or help is the same, with and without the first word compose', async () => {
    const { stdout } = await run(['help', 'up']);
    for (const words of [
      ['up', '--help'],
      ['up', '-dh'],
      ['compose', 'up', '--help'],
      ['--help', 'up'],
    ]) {
      expect((await run(words)).stdout).toBe(stdout);
    }
  });
  test('version is printed in each of its forms', async () => {
    expect((await run(['version'])).stdout).toBe('tcompose version v1.2.3\n');
    expect((await run(['-v'])).stdout).toBe('tcompose version v1.2.3\n');
    expect((await run(['version', '--short'])).stdout).toBe('1.2.3\n');
    expect((await run(['version', '-f', 'json'])).stdout).toBe('{"version":"v1.2.3"}\n');
  });
});

describe('what cannot be', () => {
  test('a misspelt command is answered with the nearest, one of Compose by its name', async () => {
    expect(await run(['stat'])).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "start"?') });
    expect((await run(['image', 'improt'])).stderr).toContain('did you mean "image import"?');
    expect((await run(['publish'])).stderr).toContain(
      'publish is a command of Compose that tcompose does not have yet',
    );
    expect((await run(['constructor'])).code).toBe(2);
  });
  test('too few and too many words end with the usage', async () => {
    expect((await run(['port', 'web'])).stderr).toContain('usage: tcompose port SERVICE PORT');
    expect((await run(['version', 'now'])).stderr).toContain('does not know what to do with "now"');
  });
  test('without root the exact line for root is shown, with what sudo would drop', async () => {
    const env = { COMPOSE_FILE: "my stack's.yaml", PATH: '', SECRET: 'x' };
    const { code, stderr } = await run(['-p', 'a b', 'up', '-d'], { isRoot: false, env });
    expect(code).toBe(1);
    expect(stderr).toContain('error[needs-root]: up needs root');
    expect(stderr).toContain('/opt/tcompose/bin/tcompose -p ');
    expect(stderr).not.toContain('SECRET');
  });
  test('what only reads files needs no root', async () => {
    expect((await run(['-f', file, 'plan', '--offline'], { isRoot: false })).code).toBe(0);
    expect((await run(['-f', file, 'config', '-q'], { isRoot: false })).code).toBe(0);
  });
  test('mistakes in the files end with 2, once told', async () => {
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, 'name: shop\nservices:\n  web:\n    imag: nginx\n');
    const { code, stderr } = await run(['-f', bad, 'up', '-d']);
    expect(code).toBe(2);
    expect(stderr).toContain('imag');
    expect(stderr).not.toContain('error[invalid-project]');
  });
  test('mistakes are an array for config --format json, and annotations besides in a run of GitHub Actions', async () => {
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, 'name: shop\nservices:\n  web:\n    imag: nginx\n');
    expect((await run(['-f', bad, 'config', '--format', 'json'])).stderr).toMatch(/^json: /);
    const { stderr } = await run(['-f', bad, 'up'], { env: { GITHUB_ACTIONS: 'true' } });
    expect(stderr.match(/^\w+: /gm)).toEqual(['human: ', 'github: ']);
  });
  test('what is not done yet is said by up, plan and config, not by every command after them', async () => {
    const partly = join(folder, 'partly.yaml');
    writeFileSync(partly, 'name: shop\nservices:\n  web:\n    image: nginx\n    isolation: process\n');
    for (const words of [['plan'], ['config', '-q'], ['up', '-d']]) {
      expect((await run(['-f', partly, ...words])).stderr).toContain('isolation');
    }
    for (const words of [['ps'], ['stop'], ['start']]) {
      expect((await run(['-f', partly, ...words])).stderr).not.toContain('isolation');
    }
  });
  test('flags that contradict each other are named before anything is read', async () => {
    const { code, stderr } = await run(['-f', '/nowhere', 'up', '-d', '--abort-on-container-exit']);
    expect(code).toBe(2);
    expect(stderr).toContain('--detach and --abort-on-container-exit contradict each other');
  });
  test('an error is JSON where progress is', async () => {
    const { stderr } = await run(['--progress', 'json', 'up', '--scale', 'web']);
    expect(JSON.parse(stderr)).toMatchObject({ error: true, code: 'usage' });
  });
});

describe('changing things', () => {
  test('up -d prints one line a finished step, and the second time that there is nothing to do', async () => {
    const first = await run(['-f', file, 'up', '-d']);
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toContain(' Network shop_default  Created\n');
    expect(first.stderr).toContain(' Container shop-web-1  Started\n');
    expect((await run(['-f', file, 'up', '-d'])).stderr).toBe('shop: nothing to change\n');
  });
  test('progress is JSON lines for programs, and nothing when it shall be quiet', async () => {
    const { stderr } = await run(['--progress=json', '-f', file, 'up', '-d']);
    const lines = stderr.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ id: 'Container shop-web-1', status: 'Done', text: 'Started' }),
    );
    expect((await run(['--progress=quiet', '-f', file, 'down'])).stderr).toBe('');
  });
  test('--dry-run tells all and does nothing', async () => {
    const { code, stderr } = await run(['--dry-run', '-f', file, 'up']);
    expect(code).toBe(0);
    expect(stderr).toContain(' DRY-RUN MODE - Container shop-web-1  Started\n');
    expect(engine.state().containers).toEqual([]);
  });
  test('what cannot be tried is refused with --dry-run', async () => {
    expect(await run(['--dry-run', 'exec', 'web', 'ls'])).toMatchObject({ code: 2 });
  });
  test('plan --exit-code tells by 3 that there is something to change', async () => {
    expect((await run(['-f', file, 'plan', '--exit-code'])).code).toBe(3);
    await run(['-f', file, 'up', '-d']);
    expect((await run(['-f', file, 'plan', '--exit-code'])).code).toBe(0);
  });
  test('with -p and without -f no file is read', async () => {
    await run(['-f', file, 'up', '-d']);
    const { code, stderr } = await run(['-p', 'shop', 'down']);
    expect(code).toBe(0);
    expect(stderr).toContain(' Container shop-web-1  Removed\n');
  });
});
