/** Two processes at once, a full disk, and large images in little memory. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageStore } from '../../../engine/image/index.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { type Entry, makeTar } from '../../unit/image/tar-writer.ts';
import { importTar, launcher, layer, legacyArchive, loadTar, modernArchive, openStore } from './a-store.ts';

const instances: Instance[] = [];
let instance: Instance;
let store: ImageStore;
let program: string;

const newInstance = async (options = {}): Promise<Instance> => {
  const made = await makeInstance(options);
  instances.push(made);
  return made;
};

beforeAll(async () => {
  instance = await newInstance();
  store = openStore(instance);
  execFileSync('mkdir', ['-p', instance.root]);
  program = join(instance.root, 'load.mjs');
  const source = `
    import { createReadStream, readFileSync } from 'node:fs';
    import { openImages } from ${JSON.stringify(join(process.cwd(), 'engine/image/index.ts'))};
    const [verb, root, file] = process.argv.slice(2);
    const store = openImages({ paths: { root, run: root }, launcher: ${JSON.stringify(launcher)} });
    const images = verb === 'load' ? await store.load(createReadStream(file)) : [await store.import(createReadStream(file), 'big', { changes: [] })];
    console.log(JSON.stringify({ ids: images.map((image) => image.id), peakBytes: Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024 }));`;
  const argv = ['esbuild', '--bundle', '--platform=node', '--format=esm', '--log-level=error', `--outfile=${program}`];
  execFileSync('npx', argv, { input: source });
});
afterAll(async () => {
  for (const one of instances.reverse()) {
    await nothingIsLeft(one);
    await removeInstance(one);
  }
});

const run = (...argv: string[]): Promise<{ ids: string[]; peakBytes: number }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, complaint] = ['', ''];
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (complaint += chunk));
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(out)) : reject(new Error(complaint))));
  });

const manyFiles = (count: number, bytes: number): Entry[] =>
  Array.from({ length: count }, (_, index) => ({ name: `d${index % 50}/f${index}`, data: Buffer.alloc(bytes, index) }));

describe('two processes', () => {
  test('that load the same image at the same time both succeed, and its layers are there once', async () => {
    const layers = [0, 1, 2].map((index) => layer({ name: `which${index}` }, ...manyFiles(300, 1000)));
    const file = join(instance.root, 'same.tar');
    writeFileSync(file, makeTar(...modernArchive('same:1', layers)));
    const results = await Promise.all([1, 2, 3].map(() => run('load', instance.root, file)));
    expect(new Set(results.flatMap(({ ids }) => ids)).size).toBe(1);
    expect(readdirSync(join(instance.root, 'images/partial'))).toEqual([]);
    expect(readdirSync(join(instance.root, 'images/layers'))).toHaveLength(1 + 3);
    expect(await store.layerPaths(results[0]!.ids[0]!)).toHaveLength(3);
  });

  test('that load different images while others are removed lose nothing', async () => {
    const shared = layer({ name: 'shared' }, ...manyFiles(200, 500));
    const files = [0, 1, 2, 3].map((index) => {
      const file = join(instance.root, `different${index}.tar`);
      writeFileSync(file, makeTar(...modernArchive(`different${index}:1`, [shared, layer({ name: `own${index}` })])));
      return file;
    });
    for (let round = 0; round < 2; round++) {
      await Promise.all([
        ...files.map((file) => run('load', instance.root, file)),
        store.remove('different0:1', { force: true }).catch(() => undefined),
        store.remove('different1:1', { force: true }).catch(() => undefined),
      ]);
      for (const index of [2, 3])
        expect(await openStore(instance).layerPaths((await store.find(`different${index}:1`))!.id)).toHaveLength(2);
      for (const image of await store.list())
        expect(await openStore(instance).layerPaths(image.id)).toHaveLength(image.layers.length);
    }
  });
});

describe('a full disk', () => {
  const big: Entry = { name: 'big', data: Buffer.alloc(24 << 20, 1) };
  test('ends an import with one clear error, and the space is given back', async () => {
    const small = await newInstance({ onTmpfs: '16m' });
    const full = openStore(small);
    await importTar(full, makeTar({ name: 'fits' }), 'fits');
    const freeBefore = execFileSync('stat', ['-f', '-c', '%f', small.root], { encoding: 'utf8' });
    await expect(importTar(full, makeTar(big), 'big')).rejects.toMatchObject({
      name: 'TcomposeError',
      code: 'disk-full',
    });
    await expect(loadTar(full, legacyArchive('big:1', [layer({ name: 'first' }), layer(big)]))).rejects.toMatchObject({
      code: 'disk-full',
    });
    const freeAfter = execFileSync('stat', ['-f', '-c', '%f', small.root], { encoding: 'utf8' });
    expect(Number(freeAfter)).toBeGreaterThanOrEqual(Number(freeBefore) - 4);
    expect((await full.list()).map(({ tags }) => tags)).toEqual([['docker.io/library/fits:latest']]);
    expect(readdirSync(join(small.root, 'images/partial'))).toEqual([]);
  });
});

describe('large images', () => {
  test('250 MB and 12,000 files take less than 200 MB of memory', async () => {
    const file = join(instance.root, 'big.tar');
    const one = makeTar(...manyFiles(12_000, 4_000), { name: 'blob', data: Buffer.alloc(200 << 20) });
    writeFileSync(file, one);
    const { peakBytes } = await run('import', instance.root, file);
    expect(peakBytes).toBeLessThan(200 << 20);
    await store.remove('big', { force: true });
  });
});
