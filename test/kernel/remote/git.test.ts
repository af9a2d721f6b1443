/** Files of git repositories: the commit that was meant, kept once, by a git that does nothing but fetch. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runGit } from '../../../engine/build/context/run-git.ts';
import type { Fetched } from '../../../src/model/remote.ts';
import { openRemotes } from '../../../src/remote/index.ts';
import { scratchFolder } from '../../helpers/instance.ts';

let folder: string;
let repository: string;
let cache: string;

beforeAll(() => {
  folder = mkdtempSync(join(scratchFolder(), 'git-'));
  repository = join(folder, 'stack');
  commit({ 'compose.yaml': 'services: {web: {image: one}}', 'web/compose.yml': 'services: {}', 'empty/x': '' }, 'one');
  git('tag', '-a', 'v1', '-m', 'v1');
  git('branch', 'other/main');
  commit({ 'compose.yaml': 'services: {web: {image: two}}' }, 'two');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  cache = mkdtempSync(join(folder, 'cache-'));
});

function git(...words: string[]): string {
  const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, ...words], { cwd: repository, encoding: 'utf8', stdio: 'pipe' }).trim();
}

function commit(files: Record<string, string>, message: string): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  if (!existsSync(join(repository, '.git'))) git('init', '--quiet');
  git('add', '-A');
  git('commit', '--quiet', '-m', message);
  return git('rev-parse', 'HEAD');
}

const environment = (more: object = {}) => ({
  PATH: process.env['PATH'],
  HOME: folder,
  XDG_CACHE_HOME: cache,
  ...more,
});
const open = (more: object = {}) =>
  openRemotes({ env: environment(more), registry: () => Promise.reject(new Error('no registry here')), runGit });
const fetch = (suffix = '', more: object = {}) => open(more).fetch(`file://${repository}${suffix}`, false);
const textOf = async (suffix: string) => readFileSync(((await fetch(suffix)) as Fetched).file, 'utf8');
const kept = () => readdirSync(join(cache, 'tcompose/git'));

describe('what a ref means', () => {
  test.each([
    ['', 'two'],
    ['#main', 'two'],
    ['#refs/heads/main', 'two'],
    ['#v1', 'one'],
    ['#other/main', 'one'],
    ['?branch=other/main', 'one'],
    ['?tag=v1', 'one'],
    ['#main:compose.yaml', 'two'],
  ])('%s', async (suffix, image) => expect(await textOf(suffix)).toContain(`image: ${image}`));

  test('a whole commit; a folder has its Compose file found', async () => {
    const one = git('rev-parse', 'v1^{commit}');
    expect(await textOf(`#${one}`)).toContain('image: one');
    expect(await fetch(`#${one}:web`)).toMatchObject({
      ok: true,
      root: join(cache, 'tcompose/git', one),
      file: join(cache, 'tcompose/git', one, 'web/compose.yml'),
      name: `file://${repository}#${one}:`,
    });
    expect(kept()).toEqual([one]);
  });

  test.each([
    ['#nothing', 'the repository has no branch or tag "nothing"'],
    ['#main:nowhere', '"nowhere" is not in it'],
    ['#main:empty', 'its folder "empty" has no Compose file'],
    [`?commit=${'0'.repeat(40)}#main`, `not ${'0'.repeat(40)}`],
    [`#${'0'.repeat(40)}`, 'git cannot fetch'],
  ])('%s is told', async (suffix, why) =>
    expect(await fetch(suffix)).toMatchObject({ ok: false, why: expect.stringContaining(why) }),
  );
});

describe('the cache', () => {
  test('a commit that is there needs nobody', async () => {
    const one = git('rev-parse', 'v1^{commit}');
    await fetch('#v1');
    expect(await open({ PATH: '/nonexistent' }).fetch(`file:///gone.git#${one}`, false)).toMatchObject({ ok: true });
  });

  test('many at once make one folder, and nothing half-done stays', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => fetch('#v1')));
    expect(new Set(all.map((one) => (one as Fetched).file)).size).toBe(1);
    expect(kept()).toEqual([git('rev-parse', 'v1^{commit}')]);
  });

  test('what an earlier one left when it was killed is removed, once it is old', async () => {
    const [old, young] = ['.new-old', '.new-young'].map((name) => join(cache, 'tcompose/git', name)) as [
      string,
      string,
    ];
    for (const path of [old, young]) mkdirSync(path, { recursive: true });
    utimesSync(old, new Date(0), new Date(0));
    await fetch('#v1');
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  test('a folder that cannot be written is told', async () => {
    writeFileSync(join(cache, 'tcompose'), '');
    expect(await fetch('#v1')).toMatchObject({ ok: false, help: 'set XDG_CACHE_HOME to a folder of yours' });
  });

  test('what another user could write is not believed', async () => {
    mkdirSync(join(cache, 'tcompose/git'), { recursive: true });
    chownSync(join(cache, 'tcompose/git'), 1234, 1234);
    expect(await fetch('#v1')).toMatchObject({ ok: false, why: expect.stringContaining('it belongs to another user') });
  });

  test('a repository stays no repository, and its submodules stay away', async () => {
    git('-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', repository, 'inner');
    git('commit', '--quiet', '-m', 'with a submodule');
    const { root } = (await fetch()) as Fetched;
    git('reset', '--quiet', '--hard', 'HEAD~1');
    expect(existsSync(join(root, '.git'))).toBe(false);
    expect(readdirSync(join(root, 'inner'))).toEqual([]);
  });
});

describe('hostile repositories', () => {
  test('links to the outside are not followed', async () => {
    symlinkSync('/etc/passwd', join(repository, 'secret.yaml'));
    symlinkSync('/', join(repository, 'top'));
    symlinkSync('compose.yaml', join(repository, 'alias.yaml'));
    commit({ 'linked/x': '' }, 'links');
    symlinkSync('/etc/hostname', join(repository, 'linked/compose.yaml'));
    commit({}, 'a link by a good name');
    const outside = { ok: false, why: expect.stringContaining('is a symbolic link to the outside of it') };
    for (const path of ['secret.yaml', 'top/etc/passwd', 'linked'])
      expect(await fetch(`#main:${path}`)).toMatchObject(outside);
    expect(await fetch('#main:alias.yaml')).toMatchObject({ ok: true });
  });

  test('no hook runs: not those of a template, not those of the configuration', async () => {
    const hook = join(folder, 'hooks/post-checkout');
    mkdirSync(dirname(hook), { recursive: true });
    writeFileSync(hook, `#!/bin/sh\ntouch ${folder}/hooked\n`);
    chmodSync(hook, 0o755);
    writeFileSync(
      join(folder, '.gitconfig'),
      `[core]\n hooksPath = ${dirname(hook)}\n[init]\n templateDir = ${folder}\n`,
    );
    expect(await fetch('#v1', { GIT_TEMPLATE_DIR: folder })).toMatchObject({ ok: true });
    rmSync(join(folder, '.gitconfig'));
    expect(existsSync(join(folder, 'hooked'))).toBe(false);
  });

  test('a hook of git that starts tcompose does not lend it its repository', async () => {
    const before = git('rev-parse', 'HEAD');
    const lent = {
      GIT_DIR: join(repository, '.git'),
      GIT_WORK_TREE: repository,
      GIT_INDEX_FILE: join(repository, '.git/index'),
    };
    expect(await fetch('#v1', lent)).toMatchObject({ ok: true });
    expect(git('rev-parse', 'HEAD')).toBe(before);
    expect(git('status', '--porcelain')).toBe('');
  });

  test('an address that the configuration turns into another protocol is not followed', async () => {
    writeFileSync(join(folder, '.gitconfig'), `[url "file://${repository}"]\n insteadOf = https://example.org/a.git\n`);
    const result = await open().fetch('https://example.org/a.git', false);
    rmSync(join(folder, '.gitconfig'));
    expect(result).toMatchObject({ ok: false, why: expect.stringContaining("transport 'file' not allowed") });
  });

  test('a fetched file may not ask for files of this machine, nor for what anybody can change on the way', async () => {
    for (const address of [`file://${repository}`, 'http://example.org/a.git', 'git://example.org/a.git'])
      expect(await open().fetch(address, true)).toMatchObject({
        ok: false,
        why: expect.stringContaining('may not ask for'),
      });
  });
});

describe('ssh', () => {
  const ssh = () => {
    const script = join(folder, 'ssh');
    // What comes last is the command for the other side.
    writeFileSync(script, `#!/bin/sh\necho "$@" >> ${folder}/ssh-words\nfor last; do :; done\nexec sh -c "$last"\n`);
    chmodSync(script, 0o755);
    return script;
  };

  test('user@host:path is a repository, and a password is never asked for', async () => {
    const fetched = await open({ GIT_SSH: ssh() }).fetch(`git@host:${repository}#v1`, false);
    expect(fetched).toMatchObject({ ok: true, name: `git@host:${repository}#v1:` });
    writeFileSync(join(folder, 'asks'), '#!/bin/sh\necho "$@" > "$HOME/asked"\nexit 255\n');
    chmodSync(join(folder, 'asks'), 0o755);
    mkdirSync(join(folder, 'bin'), { recursive: true });
    symlinkSync(join(folder, 'asks'), join(folder, 'bin/ssh'));
    const refused = await open({ PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }).fetch(
      'git@host:x.git',
      false,
    );
    expect(refused).toMatchObject({ ok: false, why: expect.stringContaining('git cannot reach the repository') });
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toContain('BatchMode=yes');
  });
});

describe('switches', () => {
  test.each([
    ['0', 'COMPOSE_EXPERIMENTAL_GIT_REMOTE turns it off'],
    ['False', 'COMPOSE_EXPERIMENTAL_GIT_REMOTE turns it off'],
    ['maybe', 'COMPOSE_EXPERIMENTAL_GIT_REMOTE cannot be "maybe"'],
  ])('%s', async (value, why) =>
    expect(await fetch('', { COMPOSE_EXPERIMENTAL_GIT_REMOTE: value })).toMatchObject({ ok: false, why }),
  );

  test('without git it says what to install', async () =>
    expect(await fetch('', { PATH: '/nonexistent' })).toMatchObject({
      ok: false,
      help: expect.stringContaining('apt-get install git'),
    }));
});
