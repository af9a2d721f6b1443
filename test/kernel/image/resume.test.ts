/** A pull that was interrupted is gone on with by the next, of another process too; what it left is believed only as far as its digest. */

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openImages } from '../../../engine/image/index.ts';
import { openRegistry } from '../../../engine/registry/index.ts';
import { instance } from './a-load.ts';
import { type ServedImages, serveImages } from './a-registry.ts';
import { launcher, layer, sha256 } from './a-store.ts';

const open = () =>
  openImages({
    paths: { root: instance.root, run: instance.run },
    launcher,
    openRegistry: async (signal) => openRegistry({ HOME: '/nonexistent', PATH: process.env['PATH'] }, signal),
  });
const large = layer({ name: 'large', data: randomBytes(12 << 20) });
const digest = sha256(large.tar);

let served: ServedImages;
beforeEach(async () => {
  served = await serveImages();
  served.image('1', [large]);
});
afterEach(() => served.close());

const partial = () => join(instance.root, 'images', 'partial');
const parts = () => (existsSync(partial()) ? readdirSync(partial()).filter((name) => name.endsWith('.part')) : []);
const ranges = () =>
  served.asked.flatMap((line) =>
    line.includes(digest) && line.includes('bytes=') ? [Number(/bytes=(\d+)/.exec(line)![1])] : [],
  );

/** Half of it, and then nothing more until whoever asked is gone. */
const stall = () => {
  served.spoil = (_, response, bytes) => {
    if (bytes.length < 1 << 20) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2));
    return true;
  };
};

/** Ends a pull when half of the layer has come. */
const interrupt = async () => {
  stall();
  const stop = new AbortController();
  const pull = open().pull(`${served.host}/a:1`, {
    signal: stop.signal,
    onProgress: ({ bytes, total }) => bytes >= Math.floor(total / 2) - 65_536 && setTimeout(() => stop.abort(), 200),
  });
  await expect(pull).rejects.toMatchObject({ code: 'interrupted' });
  served.spoil = undefined;
  served.asked.length = 0;
};

test('the next pull asks for the rest alone, and nothing stays beside the layer', async () => {
  await interrupt();
  expect(parts()).toEqual([`${digest}.part`]);
  await open().pull(`${served.host}/a:1`);
  expect(ranges()).toHaveLength(1);
  expect(ranges()[0]).toBeGreaterThan(4 << 20);
  expect(parts()).toEqual([]);
});

test('what was kept and is damaged is fetched anew', async () => {
  await interrupt();
  writeFileSync(join(partial(), parts()[0]!), randomBytes(5 << 20));
  expect((await open().pull(`${served.host}/a:1`)).isNew).toBe(true);
  expect(served.asked.filter((line) => line.endsWith(`blobs/sha256:${digest}`))).toHaveLength(1);
  expect(parts()).toEqual([]);
});

test('a layer that is not what its digest says leaves nothing', async () => {
  served.spoil = (_, response, bytes) => {
    if (bytes.length < 1 << 20) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.end(Buffer.concat([Buffer.from('x'), bytes.subarray(1)]));
    return true;
  };
  await expect(open().pull(`${served.host}/a:1`)).rejects.toMatchObject({
    code: expect.stringMatching(/corrupt|mismatch/),
  });
  expect(parts()).toEqual([]);
});

test('what nobody went on with for a day is swept', async () => {
  await interrupt();
  utimesSync(join(partial(), parts()[0]!), 0, 0);
  const { digest: other } = served.image('2', [layer({ name: 'b', data: 'b' })]);
  expect((await open().pull(`${served.host}/a:2`)).digest).toBe(other);
  expect(parts()).toEqual([]);
});

test('killed at 50 random moments, a pull leaves nothing half-valid, and the last one gives the image whole', async () => {
  const many = Array.from({ length: 6 }, (_, index) => layer({ name: `f${index}`, data: randomBytes(3 << 20) }));
  const { digest: image } = served.image('many', many);
  const program = `
    import { openImages } from ${JSON.stringify(join(import.meta.dirname, '../../../engine/image/index.ts'))};
    import { openRegistry } from ${JSON.stringify(join(import.meta.dirname, '../../../engine/registry/index.ts'))};
    const [root, run, launcher, ref] = process.argv.slice(-4);
    const store = openImages({ paths: { root, run }, launcher, openRegistry: async (s) => openRegistry({ HOME: '/nonexistent' }, s) });
    process.stdout.write('x');
    await store.pull(ref);
  `;
  const file = join(instance.root, 'pull.mjs');
  const bundle = ['esbuild', '--bundle', '--platform=node', '--format=esm', '--log-level=error', `--outfile=${file}`];
  execFileSync('npx', bundle, { input: program });
  let done = 0;
  for (let round = 0; round < 50; round++) {
    const argv = [file, instance.root, instance.run, launcher, `${served.host}/a:many`];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * 1500);
    if ((await ended) === 0) {
      done++;
      await open().remove(`${served.host}/a:many`, { force: true });
    }
    clearTimeout(timer);
    // Known is what is whole: all of its layers are there.
    for (const known of await open().list())
      expect(await open().layerPaths(known.id)).toHaveLength(known.layers.length);
  }
  expect(done).toBeLessThan(50);
  const pulled = await open().pull(`${served.host}/a:many`);
  expect(pulled.digest).toBe(image);
  expect(await open().layerPaths(pulled.image.id)).toHaveLength(6);
}, 300_000);
