/** How builds end before they are done: nothing of them is left, and what they had finished counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build as bundle } from 'esbuild';
import { expect, test } from 'vitest';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { nothingIsLeft } from '../../helpers/instance.ts';
import { useEngine } from '../container/use-engine.ts';
import { build, failedBuild, REQUEST } from './a-build.ts';

const stage = useEngine();

const partial = () =>
  readdirSync(join(stage.instance.root, 'images/partial')).filter((name) => !name.endsWith('.lock'));

/** Processes whose command line has this word. */
const running = (word: string): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word);
    } catch {
      return false;
    }
  });

const until = async (holds: () => boolean, what: string): Promise<void> => {
  for (let tries = 0; tries < 300; tries++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within 30 s: ${what}`);
};

test('a build that is interrupted leaves no process, mount, container or half layer', async () => {
  const abort = new AbortController();
  const { error, titles } = await failedBuild(
    stage.engine,
    'FROM busybox\nRUN echo done > /done\nRUN trap "" INT TERM; (sleep 98765 &) ; echo up; sleep 98765',
    {
      signal: abort.signal,
      onEvent: (event) => {
        if (event.type === 'output') abort.abort();
      },
    },
  );
  expect(error).toMatchObject({ code: 'interrupted', exitCode: 130 });
  expect(titles('canceled')).toHaveLength(1);
  expect(running('98765')).toEqual([]);
  expect(partial()).toEqual([]);
  await nothingIsLeft(stage.instance);
  const { titles: next } = await build(stage.engine, 'FROM busybox\nRUN echo done > /done');
  expect(next('done')).toEqual([]);
});

test('the first failure ends the other stages', async () => {
  const text = [
    'FROM busybox AS slow\nRUN --mount=type=cache,target=/m touch /m/up; sleep 87654',
    'FROM busybox AS bad\nRUN --mount=type=cache,target=/m while ! [ -e /m/up ]; do sleep 0.1; done; exit 3',
    'FROM busybox\nRUN --mount=from=slow,target=/a --mount=from=bad,target=/b true',
  ].join('\n');
  const { error, titles } = await failedBuild(stage.engine, text);
  expect(error.message).toContain('exit code: 3');
  expect(titles('failed')).toHaveLength(1);
  expect(titles('canceled')).toContain('RUN --mount=type=cache,target=/m touch /m/up; sleep 87654');
  expect(running('87654')).toEqual([]);
  await nothingIsLeft(stage.instance);
});

/** The builder of victim.ts, whose RUN has printed something. */
async function aVictim(text: string, network: string): Promise<ChildProcess> {
  const { root, run } = stage.instance;
  const script = join(root, '../victim.mjs');
  const banner = { js: 'import{createRequire as r}from"node:module";const require=r(import.meta.url);' };
  const entryPoints = [new URL('./victim.ts', import.meta.url).pathname];
  await bundle({
    entryPoints,
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['node-pty'],
    banner,
  });
  const request = { ...REQUEST, network, dockerfile: { text } };
  const orders = JSON.stringify({ paths: { root, run }, launcher: buildLauncher(), request });
  const child = spawn(process.execPath, [script, orders], { stdio: ['ignore', 'pipe', 'inherit'] });
  const word = await Promise.race([once(child.stdout!, 'data'), once(child, 'exit').then(() => ['it ended'])]);
  expect(String(word[0])).toBe('up\n');
  rmSync(script);
  return child;
}

test.each(['none', 'default'])('of a builder that is killed nothing runs on (network %s)', async (network) => {
  const child = await aVictim('FROM busybox\nRUN (sleep 76543 &); echo up; sleep 76543', network);
  expect(running('76543').length).toBeGreaterThan(1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until(() => running('sleep\u000076543').length === 0, 'the processes of the RUN end');
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(stage.instance.root);
  // The next builder clears away its records, groups and rules.
  await build(stage.engine, 'FROM busybox\nRUN echo next', { noCache: true });
  await nothingIsLeft(stage.instance);
  expect(partial()).toEqual([]);
});

test('an image that could not be built is not there', async () => {
  const before = (await stage.engine.images.list()).length;
  await failedBuild(stage.engine, 'FROM busybox\nRUN false', { tags: ['never'] });
  expect(await stage.engine.images.find('never')).toBeUndefined();
  expect(await stage.engine.images.list()).toHaveLength(before);
  expect(existsSync(join(stage.instance.root, 'images/partial/sweep-wanted'))).toBe(false);
});
