/** A disk that is too small, and two processes that want the same image. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openImages } from '../../../engine/image/index.ts';
import { listFolder } from '../../../engine/image/store.ts';
import { openRegistry } from '../../../engine/registry/index.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { type ServedImages, serveImages } from './a-registry.ts';
import { launcher, layer, sha256 } from './a-store.ts';

let small: Instance;
beforeAll(async () => {
  small = await makeInstance({ onTmpfs: '40m' });
});
afterAll(async () => {
  await nothingIsLeft(small);
  await removeInstance(small);
});
let served: ServedImages;
beforeEach(async () => {
  served = await serveImages();
});
afterEach(() => served.close());

const open = () =>
  openImages({
    paths: { root: small.root, run: small.run },
    launcher,
    openRegistry: async (signal) => openRegistry({ HOME: '/nonexistent' }, signal),
  });
const noise = (name: string, megabytes: number) => layer({ name, data: randomBytes(megabytes << 20) });
const freeBytes = () => {
  const { bavail, bsize } = statfsSync(join(small.root, '..'));
  return bavail * bsize;
};

test('a disk that becomes full ends a pull with one clear error, and the space is given back', async () => {
  served.image('1', [noise('a', 15), noise('b', 15), noise('c', 15)]);
  const before = freeBytes();
  await expect(open().pull(`${served.host}/full:1`)).rejects.toMatchObject({ code: 'disk-full' });
  for (const folder of ['layers', 'blobs/sha256', 'partial'])
    expect((await listFolder(join(small.root, 'images', folder))).filter((name) => name !== 'l')).toEqual([]);
  expect(before - freeBytes()).toBeLessThan(1 << 20);
});

test('a layer that fits is pulled where there is no room to keep it twice', async () => {
  served.image('1', [noise('a', 25)]);
  expect((await open().pull(`${served.host}/fits:1`)).isNew).toBe(true);
  await open().remove(`${served.host}/fits:1`, { force: true });
});

test('two processes that pull the same image at once fetch each layer once', async () => {
  const layers = [noise('a', 6), noise('b', 6)];
  served.image('1', layers);
  const program = `
    import { openImages } from ${JSON.stringify(join(import.meta.dirname, '../../../engine/image/index.ts'))};
    import { openRegistry } from ${JSON.stringify(join(import.meta.dirname, '../../../engine/registry/index.ts'))};
    const [root, run, launcher, ref] = process.argv.slice(-4);
    const store = openImages({ paths: { root, run }, launcher, openRegistry: async (s) => openRegistry({ HOME: '/nonexistent' }, s) });
    await store.pull(ref);
  `;
  const file = join(small.run, '..', 'pull-at-once.mjs');
  const bundle = ['esbuild', '--bundle', '--platform=node', '--format=esm', '--log-level=error', `--outfile=${file}`];
  execFileSync('npx', bundle, { input: program });
  const pull = () =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [file, small.root, small.run, launcher, `${served.host}/both:1`], {
        stdio: 'inherit',
      });
      child.once('exit', resolve);
    });
  expect(await Promise.all([pull(), pull()])).toEqual([0, 0]);
  for (const { tar } of layers)
    expect(served.asked.filter((line) => line.includes(`blobs/sha256:${sha256(tar)}`))).toHaveLength(1);
  await open().remove(`${served.host}/both:1`, { force: true });
});
