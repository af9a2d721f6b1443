/** Copies of volumes on a disk that is full, and of volumes that somebody writes to: whole, or not there at all. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeToFile } from '../../../src/cli/output-stream.ts';
import { useEngine } from '../container/use-engine.ts';

const stage = useEngine();
const plain = (name: string) => ({ name, external: false, driver: 'local' as const, driverOpts: {}, labels: {} });
const dataOf = (name: string) => join(stage.instance.root, 'volumes', name, '_data');
const clone = (from: string, to: string) => stage.engine.volumes.clone(from, plain(to), { pause: false });
const names = () => readdirSync(join(stage.instance.root, 'volumes')).sort();

beforeAll(async () => {
  const volumes = join(stage.instance.root, 'volumes');
  mkdirSync(volumes, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'small', volumes]);
  await stage.engine.volumes.create([plain('full')]);
  writeFileSync(join(dataOf('full'), 'file'), Buffer.alloc(15 << 20, 'x'));
});
afterAll(() => execFileSync('umount', [join(stage.instance.root, 'volumes')]));

test('an archive that has no room becomes no volume, and the error names the volume', async () => {
  const tar = await buffer(await stage.engine.volumes.export('full'));
  await stage.engine.volumes.import(plain('fits'), Readable.from([tar]));
  await expect(stage.engine.volumes.import(plain('never'), Readable.from([tar]))).rejects.toMatchObject({
    code: 'disk-full',
    message: 'no space left on the disk for volume never',
  });
  expect(names()).toEqual(['fits', 'full']);
  await expect(clone('full', 'never')).rejects.toMatchObject({ code: 'disk-full' });
  expect(names()).toEqual(['fits', 'full']);
  await stage.engine.volumes.remove(['fits']);
});

test('an archive is not written where there is no room, and nothing of it stays', async () => {
  const folder = join(stage.instance.root, 'narrow');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'narrow', folder]);
  try {
    const tar = await stage.engine.volumes.export('full');
    await expect(writeToFile(join(folder, 'out.tar'), tar)).rejects.toMatchObject({ code: 'disk-full' });
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
});

test('of two clones with one name one comes to be, whole, and the other is told', async () => {
  await stage.engine.volumes.create([plain('small')]);
  writeFileSync(join(dataOf('small'), 'file'), 'x');
  const results = await Promise.allSettled([clone('small', 'twin'), clone('small', 'twin')]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'volume-exists' } });
  expect(await stage.engine.volumes.diff('small', 'twin')).toEqual([]);
  await stage.engine.volumes.remove(['small', 'twin']);
});

test('files that come and go meanwhile do not spoil a clone: what was there all the time is in it', async () => {
  await stage.engine.volumes.create([plain('busy')]);
  mkdirSync(join(dataOf('busy'), 'many'));
  for (let i = 0; i < 400; i++) writeFileSync(join(dataOf('busy'), `many/stays-${i}`), 'x');
  const churn =
    'while :; do for i in $(seq 300); do echo > many/t-$i; done; rm -rf many/t-* sub; mkdir sub; touch sub/x; done';
  const writer = spawn('sh', ['-c', churn], { cwd: dataOf('busy'), stdio: 'ignore' });
  try {
    for (let i = 0; i < 5; i++) {
      await clone('busy', 'copy');
      const copied = readdirSync(join(dataOf('copy'), 'many')).filter((name) => name.startsWith('stays'));
      expect(copied.length).toBe(400);
      await stage.engine.volumes.remove(['copy']);
    }
  } finally {
    writer.kill('SIGKILL');
    await once(writer, 'close');
  }
});
