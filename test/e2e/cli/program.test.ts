/** bin/tcompose as a program: found from anywhere, by anybody, with any environment, at the end of any pipe. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ProgramResult, runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE, TOP } from '../../helpers/tcompose.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcompose-program-'));
chmodSync(folder, 0o755); // for nobody
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'compose.yaml'), 'name: shop\nservices:\n  web:\n    image: nginx\n');

const ofNobody = ['setpriv', '--reuid', '65534', '--clear-groups'];
const shell = (script: string, env: NodeJS.ProcessEnv = process.env) =>
  runProgram(['/bin/bash', '-c', script, 'bash', TCOMPOSE], { cwd: folder, env });

describe('it is found', () => {
  test('through symbolic links to links, from any folder, with an empty environment', async () => {
    symlinkSync(TCOMPOSE, join(folder, 'tc'));
    symlinkSync('tc', join(folder, 'tc2'));
    for (const program of [join(folder, 'tc2'), './tc2']) {
      const result = await runProgram([program, 'version', '--short'], { cwd: folder, env: {} });
      expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
    }
    const byPath = await shell('PATH=$PWD:$PATH; cd /; tc2 version');
    expect(byPath.code).toBe(0);
  });
  test('starting costs at most half as much again as Node itself', async () => {
    // In turns, the best of each: others may be busy on this machine.
    const [ours, node]: [number[], number[]] = [[], []];
    for (let i = 0; i < 12; i++) {
      ours.push((await runProgram([TCOMPOSE, 'version'])).elapsedMs);
      node.push((await runProgram([process.execPath, '-e', '0'])).elapsedMs);
    }
    expect(Math.min(...ours)).toBeLessThan(1.5 * Math.min(...node));
  });
});

test('Node does not read NODE_EXTRA_CA_CERTS at every start, and Compose files still see it', async () => {
  writeFileSync(join(folder, 'ca.yaml'), 'services: {web: {image: x, environment: [NODE_EXTRA_CA_CERTS]}}');
  const env = { PATH: process.env['PATH'], NODE_EXTRA_CA_CERTS: '/no/such/file' };
  const { stdout, stderr } = await shell('"$1" -p ca -f ca.yaml config --format json', env);
  expect(JSON.parse(stdout).services.web.environment).toEqual({ NODE_EXTRA_CA_CERTS: '/no/such/file' });
  // Node would warn: "Ignoring extra certs from …".
  expect(stderr).not.toContain('extra certs');
});

describe('without root', () => {
  const run = (...words: string[]): Promise<ProgramResult> =>
    runProgram([...ofNobody, TCOMPOSE, ...words], { cwd: folder, env: { PATH: process.env['PATH'] } });
  test('what only reads files works', async () => {
    expect((await run('config', '--services')).stdout).toBe('web\n');
    expect((await run('plan', '--offline')).code).toBe(0);
  });
  test('the rest prints a line that works as it stands, even where PATH has no Node', async () => {
    const { code, stderr } = await run('-f', 'compose.yaml', '-p', 'other', 'ps', '--format', 'json');
    expect(code).toBe(1);
    const line = /^ +((?:sudo|su root -c) .*)$/m.exec(stderr)?.[1];
    expect(line, stderr).toContain(TCOMPOSE);
    // We are root already: what su or sudo would run, in an environment such as theirs.
    const command = line!.replace(/^sudo /, '').replace(/^su root -c /, 'eval ');
    const root = { PATH: '/usr/sbin:/sbin', TCOMPOSE_ROOT: join(folder, 'root'), TCOMPOSE_RUN: join(folder, 'run') };
    expect(await shell(command, root)).toMatchObject({ code: 0, stdout: '' });
  });
});

describe('env files of the command line', () => {
  const config = '"$1" config --format json';
  test('one that is missing is a mistake that tcompose tells: Node does not take the flag for its own', async () => {
    const { code, stderr } = await shell('"$1" --env-file no.env config -q');
    expect(code).toBe(2);
    expect(stderr).toContain('error[bad-env-file]: cannot read env file no.env');
  });
  test('one may be a pipe, and so may the Compose file', async () => {
    const piped = `${config.replace('config', '--env-file <(echo COMPOSE_PROJECT_NAME=piped) config')}`;
    expect(JSON.parse((await shell(piped)).stdout)).toMatchObject({ name: 'piped' });
    const fed = `echo 'services: {fed: {image: x}}' | ${config.replace('config', '-p x -f /dev/stdin config')}`;
    expect(JSON.parse((await shell(fed)).stdout)).toMatchObject({ services: { fed: { image: 'x' } } });
  });
});

describe('streams', () => {
  test('a reader that goes away ends it quietly, as other programs', async () => {
    const { stdout, stderr } = await shell('"$1" help up | true; echo $PIPESTATUS');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^(141|0)\n$/);
  });
  test('a full disk behind standard output is an error that says so', async () => {
    const { code, stderr } = await shell('"$1" config > /dev/full');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error\[output-failed\]: cannot write to standard output: ENOSPC/);
  });
  test('closed streams are nobody to talk to, no error', async () => {
    expect((await shell('"$1" version >&- 2>&-')).code).toBe(0);
  });
  test('data is on standard output alone, and whole when the pipe is slow', async () => {
    const { stdout } = await shell(
      '"$1" completion bash | { sleep 0.3; cat; } | md5sum; "$1" completion bash | md5sum',
    );
    const [slow, fast] = stdout.trim().split('\n');
    expect(slow).toBe(fast);
  });
  test('output is not coloured in a pipe, and coloured there when it must be', async () => {
    expect((await shell('"$1" plan --offline')).stdout).not.toContain('\x1b');
    expect((await shell('"$1" --ansi always plan --offline')).stdout).toContain('\x1b[32m');
    expect((await shell('NO_COLOR=1 "$1" plan --offline')).stdout).not.toContain('\x1b');
  });
});

test('the build does nothing twice', async () => {
  const build = () => runProgram([process.execPath, join(TOP, 'scripts/build.mjs')]);
  await build();
  const files = () =>
    new Promise((resolve) => execFile('stat', ['-c', '%n %Y', join(TOP, 'dist/main.cjs')], (_e, out) => resolve(out)));
  const before = await files();
  expect((await build()).code).toBe(0);
  expect(await files()).toBe(before);
});
