/** A stack from a git repository runs: its files are those of the commit, and a new commit is a change that plan shows. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratchFolder } from '../../helpers/instance.ts';
import { useStack } from '../../helpers/tcompose.ts';

let repository: string;
const stack = useStack();

async function run(...argv: string[]) {
  const env = { ...stack.instance.env, XDG_CACHE_HOME: join(repository, '.git/cache') };
  const { code, stdout, stderr } = await stack.runWith(
    { env },
    '-f',
    `file://${repository}#main`,
    '-p',
    'afar',
    ...argv,
  );
  return { code, stdout, stderr };
}

beforeAll(() => {
  repository = mkdtempSync(join(scratchFolder(), 'repository-'));
  execFileSync('git', ['init', '--quiet', '-b', 'main', repository]);
  commit('hello from one');
});
afterAll(() => rmSync(repository, { recursive: true, force: true }));

function commit(page: string): void {
  writeFileSync(join(repository, 'page'), page);
  const mount = 'volumes: ["./page:/page:ro"]';
  writeFileSync(
    join(repository, 'compose.yaml'),
    `services:\n  web: {image: busybox, command: [sleep, "600"], ${mount}}\n`,
  );
  const git = ['-c', 'user.name=x', '-c', 'user.email=x@example.org'];
  execFileSync('git', ['add', '-A'], { cwd: repository });
  execFileSync('git', [...git, 'commit', '--quiet', '-m', page], { cwd: repository });
}

test('it comes up with the files of the commit, and there is nothing to do after that', async () => {
  expect(await run('up', '-d')).toMatchObject({ code: 0 });
  expect((await run('exec', '-T', 'web', 'cat', '/page')).stdout).toBe('hello from one');
  expect((await run('plan', '--exit-code')).code).toBe(0);
});

test('a new commit is a new folder: the container is made anew with its files', async () => {
  commit('hello from two');
  expect((await run('plan', '--exit-code')).code).toBe(3);
  expect(await run('up', '-d', '-t', '0')).toMatchObject({ code: 0 });
  expect((await run('exec', '-T', 'web', 'cat', '/page')).stdout).toBe('hello from two');
});
