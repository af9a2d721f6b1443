/** Records, the instance's name, locks and processes: files that are there in full or not at all. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isThisBoot, openRun } from '../../../engine/state/boot.ts';
import { findRecord, readContainerRecords } from '../../../engine/state/container-records.ts';
import { readRecord, writeRecord } from '../../../engine/state/files.ts';
import { findInstance, openInstance } from '../../../engine/state/instance.ts';
import { lockProject } from '../../../engine/state/lock.ts';
import { isAlive, startTimeOf } from '../../../engine/state/process.ts';
import type { ContainerRecord } from '../../../engine/state/records.ts';

let folder: string;
let paths: { root: string; run: string };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-'));
  paths = { root: join(folder, 'root'), run: join(folder, 'run') };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('records', () => {
  test('are written whole, for root alone, and leave nothing beside them', async () => {
    const path = join(folder, 'record.json');
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => writeRecord(path, { version: 1, index, text: 'x'.repeat(100_000) })),
    );
    expect(readRecord<{ version: number; text: string }>(path, 1)?.text).toHaveLength(100_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['record.json']);
  });

  test('that are damaged or of a newer version are errors that say so', () => {
    const path = join(folder, 'record.json');
    writeFileSync(path, '{"version":');
    expect(() => readRecord(path, 1)).toThrow(/is damaged/);
    writeFileSync(path, '{"version":2}');
    expect(() => readRecord(path, 1)).toThrow(/newer tcompose/);
    expect(readRecord(join(folder, 'none'), 1)).toBeUndefined();
  });

  test('a full disk is named as such', async () => {
    await expect(writeRecord('/dev/full/x', {})).rejects.toThrow(/cannot be written/);
  });

  const put = (id: string, name: string, more: object = {}) => {
    mkdirSync(join(paths.root, 'containers', id), { recursive: true });
    writeFileSync(
      join(paths.root, 'containers', id, 'container.json'),
      JSON.stringify({ version: 1, id, name, madeFrom: { labels: {} }, ...more }),
    );
  };

  test('of containers: half made ones do not count, nor those whose place was taken', () => {
    put('aa', 'web');
    put('bb', 'web', { replaces: 'aa' });
    put('cc', 'db');
    mkdirSync(join(paths.root, 'containers', 'dd'));
    expect(readContainerRecords(paths).map(({ id }) => id)).toEqual(['cc', 'bb']);
  });

  test('are found by name, by id, and by the beginning of one', () => {
    const records = ['abc1', 'abd2', 'ffff'].map((id) => ({ id, name: `n-${id}` })) as unknown as ContainerRecord[];
    expect(findRecord(records, 'n-ffff')?.id).toBe('ffff');
    expect(findRecord(records, 'abd')?.id).toBe('abd2');
    expect(findRecord(records, 'ab')).toBeUndefined();
    expect(findRecord(records, 'n-')).toBeUndefined();
  });
});

describe('the instance', () => {
  test('has one name, however many make it at once', async () => {
    const names = await Promise.all(Array.from({ length: 8 }, () => openInstance(paths)));
    expect(new Set(names)).toEqual(new Set([findInstance(paths)]));
    expect(names[0]).toMatch(/^[0-9a-f]{4}$/);
    expect(readdirSync(paths.root)).toEqual(['instance.json']);
  });

  test('is not made by looking', () => {
    expect(findInstance(paths)).toBeUndefined();
    expect(existsSync(paths.root)).toBe(false);
  });

  test('cannot live where overlay’s options would break', async () => {
    for (const root of ['/a:b', '/a,b', 'relative', '/with blank']) {
      await expect(openInstance({ ...paths, root })).rejects.toThrow(/cannot hold containers/);
    }
  });
});

test('what another boot left in RUN does not count and is swept', async () => {
  mkdirSync(join(paths.run, 'containers', 'old'), { recursive: true });
  writeFileSync(join(paths.run, 'boot'), 'another\n');
  expect(isThisBoot(paths)).toBe(false);
  await openRun(paths);
  expect(isThisBoot(paths)).toBe(true);
  expect(readdirSync(join(paths.run, 'containers'))).toEqual([]);
});

describe('a lock', () => {
  test('is held once, tells who holds it, and leaves no file', async () => {
    const held = await lockProject(paths, 'shop', 'tcompose up');
    await expect(lockProject(paths, 'shop', 'tcompose down')).rejects.toThrow(
      `being changed by "tcompose up" (pid ${process.pid}, since`,
    );
    await held.release();
    expect(readdirSync(join(paths.run, 'locks'))).toEqual([]);
    await (await lockProject(paths, 'shop', 'tcompose down')).release();
  });

  test('taken a moment ago is not told apart from its last, killed holder: its own name is waited for', async () => {
    const held = await lockProject(paths, 'shop', 'tcompose up');
    const path = join(paths.run, 'locks', 'shop');
    const named = readFileSync(path, 'utf8');
    for (const early of ['', named.replace(/"pid":\d+/, '"pid":4194305'), named.slice(0, 20)]) {
      writeFileSync(path, early);
      const refused = expect(lockProject(paths, 'shop', 'tcompose down')).rejects.toThrow(`(pid ${process.pid}, since`);
      await sleep(100);
      writeFileSync(path, named);
      await refused;
    }
    await held.release();
  });

  test('ends with its holder, killed or not', async () => {
    mkdirSync(join(paths.run, 'locks'), { recursive: true });
    const path = join(paths.run, 'locks', 'shop');
    const holder = spawn('flock', ['-x', path, 'sh', '-c', 'echo held; exec sleep 100'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(lockProject(paths, 'shop', 'x')).rejects.toThrow(/being changed by another tcompose/);
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean);
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    for (const pid of [...children.map(Number), holder.pid!]) process.kill(pid, 'SIGKILL');
    await ended;
    await (await lockProject(paths, 'shop', 'x')).release();
  });
});

test('a process is alive only as itself', () => {
  const startTime = startTimeOf(process.pid)!;
  expect(isAlive({ pid: process.pid, startTime })).toBe(true);
  expect(isAlive({ pid: process.pid, startTime: `${Number(startTime) + 1}` })).toBe(false);
  expect(isAlive({ pid: 0, startTime: '0' })).toBe(false);
  expect(startTimeOf(2 ** 22 + 1)).toBeUndefined();
});
