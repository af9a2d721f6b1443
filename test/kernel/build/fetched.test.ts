/** Sources and contexts from elsewhere: http files and git repositories. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openContext } from '../../../engine/build/copy/open-context.ts';
import { useCopyStage } from './a-copy-job.ts';
import { tarBytes } from './a-tree.ts';

const stage = useCopyStage();
let server: Server;
let site: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: IncomingMessage[];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
});
afterAll(() => void server.close());

const serve = (bytes: string | Buffer, headers: Record<string, string> = {}) => {
  answer = (request, response) => {
    if (headers['etag'] !== undefined && request.headers['if-none-match'] === headers['etag'])
      response.writeHead(304).end();
    else response.writeHead(200, headers).end(bytes);
  };
};
const sha = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('an http source', () => {
  test('is a file of mode 0600 with the time of its server, named after its address', async () => {
    serve('fetched', { 'last-modified': new Date(1_500_000_000_000).toUTCString() });
    expect(await stage.made(`ADD ${site}/p/file.bin?x=1 /x/`, stage.work)).toEqual([
      '/x d755 0:0 "" new',
      '/x/file.bin f600 0:0 "fetched" old',
    ]);
    expect(await stage.made(`ADD --chmod=644 ${site}/p/file.bin /name`, stage.work)).toEqual([
      '/name f644 0:0 "fetched" old',
    ]);
  });

  test('is asked for again with its tag, and fetched when that is another one', async () => {
    serve('first', { etag: '"1"' });
    expect(await stage.made(`ADD ${site}/tagged /x`, stage.work)).toEqual(['/x f600 0:0 "first" zero']);
    expect(await stage.made(`ADD ${site}/tagged /x`, stage.work)).toEqual(['/x f600 0:0 "first" zero']);
    expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"']);
    serve('second', { etag: '"2"' });
    expect(await stage.made(`ADD ${site}/tagged /x`, stage.work)).toEqual(['/x f600 0:0 "second" zero']);
  });

  test('that has not its checksum is refused, and what has it is not asked for again', async () => {
    serve('sound');
    await expect(stage.job(`ADD --checksum=${sha('other')} ${site}/sum /x`, stage.work)).rejects.toThrow(
      'has the digest',
    );
    await stage.job(`ADD --checksum=${sha('sound')} ${site}/sum /x`, stage.work);
    asked = [];
    await stage.job(`ADD --checksum=${sha('sound')} ${site}/sum /x`, stage.work);
    expect(asked).toEqual([]);
    await expect(stage.job(`ADD --checksum=${sha('other')} ${site}/sum /x`, stage.work)).rejects.toThrow(
      'has the digest',
    );
    await expect(stage.job(`ADD --checksum=md5:1 ${site}/sum /x`, stage.work)).rejects.toThrow(
      'no checksum that is known',
    );
  });

  test('is not unpacked but where that is asked for', async () => {
    serve(await tarBytes({ inner: 'i' }));
    expect(await stage.made(`ADD ${site}/x.tar /x/`, stage.work)).toHaveLength(2);
    expect(await stage.made(`ADD --unpack=true ${site}/x.tar /x/`, stage.work)).toEqual([
      '/x d755 0:0 "" new',
      '/x/inner f644 0:0 "i" old',
    ]);
  });

  test('goes through redirects, and fails with its status', async () => {
    answer = (request, response) => {
      if (request.url === '/from') response.writeHead(302, { location: '/to' }).end();
      else if (request.url === '/to') response.writeHead(200).end('there');
      else response.writeHead(404).end();
    };
    expect(await stage.made(`ADD ${site}/from /x/`, stage.work)).toContain('/x/from f600 0:0 "there" zero');
    await expect(stage.job(`ADD ${site}/none /x`, stage.work)).rejects.toThrow('answers 404');
  });

  test('that ends too early leaves nothing', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 50);
    };
    await expect(stage.job(`ADD ${site}/broken /x`, stage.work)).rejects.toThrow();
    serve('whole');
    expect(await stage.made(`ADD ${site}/broken /x`, stage.work)).toEqual(['/x f600 0:0 "whole" zero']);
  });

  test('as a context is the Dockerfile, or an archive', async () => {
    serve('FROM elsewhere');
    expect((await openContext(stage.services, { kind: 'http', url: `${site}/Dockerfile` })).dockerfile).toBe(
      'FROM elsewhere',
    );
    serve(await tarBytes({ Dockerfile: 'FROM archive' }, 'gzip'));
    const context = await openContext(stage.services, { kind: 'http', url: `${site}/context` });
    expect(context.dockerfile).toBeUndefined();
    expect(await context.readText('Dockerfile')).toBe('FROM archive');
  });

  test('is refused to COPY', async () => {
    await expect(stage.job(`COPY ${site}/x /x`, stage.work)).rejects.toThrow('COPY takes files of the context');
  });
});

describe('a repository', () => {
  let daemon: ReturnType<typeof spawn>;
  let url: string;
  const git = (...words: string[]) =>
    execFileSync(
      'git',
      ['-c', 'user.name=x', '-c', 'user.email=x@example', '-c', 'init.defaultBranch=main', ...words],
      {
        cwd: join(stage.work, 'git/repo.git'),
        env: { ...process.env, HOME: stage.work, GIT_CONFIG_NOSYSTEM: '1' },
      },
    )
      .toString()
      .trim();

  beforeAll(async () => {
    mkdirSync(join(stage.work, 'git/repo.git'), { recursive: true });
    git('init', '-q');
    mkdirSync(join(stage.work, 'git/repo.git/sub'));
    writeFileSync(join(stage.work, 'git/repo.git/Dockerfile'), 'FROM repo');
    writeFileSync(join(stage.work, 'git/repo.git/sub/f'), 'one');
    symlinkSync('/etc', join(stage.work, 'git/repo.git/out'));
    git('add', '.');
    git('commit', '-qm', 'one');
    git('tag', '-a', '-m', 'v1', 'v1');
    writeFileSync(join(stage.work, 'git/repo.git/sub/f'), 'two');
    git('commit', '-qam', 'two');
    const port = 20_000 + (process.pid % 10_000);
    daemon = spawn(
      'git',
      [
        'daemon',
        '--reuseaddr',
        '--listen=127.0.0.1',
        `--port=${port}`,
        '--export-all',
        `--base-path=${join(stage.work, 'git')}`,
      ],
      { stdio: 'ignore' },
    );
    url = `git://127.0.0.1:${port}/repo.git`;
    for (let i = 0; i < 100; i++) {
      try {
        execFileSync('git', ['ls-remote', url], { stdio: 'ignore' });
        break;
      } catch {
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  });
  afterAll(() => void daemon.kill());

  test('is a context of its branch, tag, commit and folder', async () => {
    const text = async (address: string, path: string) =>
      (await openContext(stage.services, { kind: 'git', url: address })).readText(path);
    expect(await text(url, 'Dockerfile')).toBe('FROM repo');
    expect(await text(url, 'sub/f')).toBe('two');
    expect(await text(`${url}#v1`, 'sub/f')).toBe('one');
    expect(await text(`${url}#v1:sub`, 'f')).toBe('one');
    expect(await text(`${url}#${git('rev-parse', 'v1^{commit}')}`, 'sub/f')).toBe('one');
    await expect(text(`${url}#nothing`, 'f')).rejects.toThrow('no branch or tag "nothing"');
    await expect(text(`${url}#:missing`, 'f')).rejects.toThrow('it has no folder missing');
    await expect(text(`${url}#:out`, 'hostname'), 'a link to the host').rejects.toThrow('it has no folder out');
  });

  test('is added without its .git folder, or with it', async () => {
    const names = async (line: string) => (await stage.made(line, stage.work)).map((text) => text.split(' ')[0]);
    expect(await names(`ADD ${url} /x`)).toEqual(['/x', '/x/Dockerfile', '/x/out', '/x/sub', '/x/sub/f']);
    expect(await names(`ADD --keep-git-dir=true ${url} /x`)).toContain('/x/.git');
    expect(await names(`ADD ${url}#v1:sub /x/`)).toEqual(['/x', '/x/f']);
    const commit = git('rev-parse', 'HEAD');
    await stage.job(`ADD --checksum=${commit} ${url} /x`, stage.work);
    await expect(stage.job(`ADD --checksum=${'0'.repeat(40)} ${url}#main /x`, stage.work)).rejects.toThrow(
      `is ${commit}, not`,
    );
  });

  test('comes from a server that has only files, too, which knows no part of a history', async () => {
    execFileSync('git', ['clone', '-q', '--bare', join(stage.work, 'git/repo.git'), join(stage.work, 'files.git')]);
    execFileSync('git', ['-C', join(stage.work, 'files.git'), 'update-server-info']);
    answer = ({ url: path = '' }, response) => {
      const file = join(stage.work, path.split('?')[0]!);
      if (existsSync(file)) response.end(readFileSync(file));
      else response.writeHead(404).end();
    };
    const at = async (ref: string) =>
      (await openContext(stage.services, { kind: 'git', url: `${site}/files.git${ref}` })).readText('sub/f');
    expect(await at('')).toBe('two');
    expect(await at('#v1')).toBe('one');
    expect(await at(`#${git('rev-parse', 'HEAD~1')}`)).toBe('one');
  });

  test('a commit that was fetched is not fetched again', async () => {
    const commit = git('rev-parse', 'HEAD');
    const { folder } = await openContext(stage.services, { kind: 'git', url: `${url}#${commit}` });
    rmSync(join(stage.work, 'git/repo.git/.git/HEAD'));
    expect((await openContext(stage.services, { kind: 'git', url: `${url}#${commit}` })).folder).toBe(folder);
  });
});
