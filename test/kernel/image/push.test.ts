/** What is pushed is the image as it came: sent once, sent again where a piece breaks, and under the digest that it had. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openImages } from '../../../engine/image/index.ts';
import { openRegistry } from '../../../engine/registry/index.ts';
import type { PullProgress } from '../../../src/model/pull.ts';
import { hasRegistry, PASSWORD, startRegistry, USER } from '../../helpers/registry.ts';
import { instance, layers } from './a-load.ts';
import { type TakingRegistry, takeImages } from './a-push-registry.ts';
import { serveImages } from './a-registry.ts';
import { configOf, type Layer, launcher, layer, loadTar, modernArchive, sha256 } from './a-store.ts';

const open = (env: object = {}) =>
  openImages({
    paths: { root: instance.root, run: instance.run },
    launcher,
    openRegistry: async (signal) => openRegistry({ HOME: '/nonexistent', PATH: process.env['PATH'], ...env }, signal),
  });

let registry: TakingRegistry;
beforeEach(async () => {
  registry = await takeImages();
});
afterEach(() => registry.close());

/** Bytes that no compression makes smaller: several pieces of an upload. */
const noise = layer({ name: 'large', data: randomBytes(20 << 20) });
const large = (): Layer => noise;

const loaded = async (of: readonly Layer[], ref: string) => {
  const store = open();
  await loadTar(store, modernArchive('app:1', of));
  await store.tag('app:1', ref);
  return store;
};

const manifestOf = (name: string) => JSON.parse(registry.manifests.get(name)!.bytes.toString());

describe('what is pushed', () => {
  test('is the very tar that was loaded, whatever wrote it, and the image keeps its id', async () => {
    const store = await loaded(layers, `${registry.host}/a/b:1`);
    const states: PullProgress[] = [];
    const pushed = await store.push(`${registry.host}/a/b:1`, { onProgress: (one) => states.push(one) });
    const manifest = manifestOf('a/b:1');
    expect(manifest.config.digest).toBe(`sha256:${sha256(configOf(layers))}`);
    for (const [index, { digest, size }] of manifest.layers.entries()) {
      const blob = registry.blobs.get(`a/b ${digest}`)!;
      expect(blob.length).toBe(size);
      expect(gunzipSync(blob).equals(layers[index]!.tar)).toBe(true);
    }
    expect(pushed.digest).toBe(`sha256:${sha256(registry.manifests.get('a/b:1')!.bytes)}`);
    expect((await store.find(`${registry.host}/a/b@${pushed.digest}`))?.tags).toContain(`${registry.host}/a/b:1`);
    expect(states.filter(({ state }) => state === 'pushed')).toHaveLength(3);
  });

  test('a second push sends no layer, another repository takes them over', async () => {
    const store = await loaded(layers, `${registry.host}/a:1`);
    const first = await store.push(`${registry.host}/a:1`);
    registry.asked.length = 0;
    expect(await store.push(`${registry.host}/a:1`)).toEqual(first);
    expect(registry.asked.filter((line) => line.startsWith('POST'))).toEqual([]);
    await store.tag(`${registry.host}/a:1`, `${registry.host}/b:1`);
    registry.asked.length = 0;
    expect(await store.push(`${registry.host}/b:1`)).toEqual(first);
    expect(registry.asked.filter((line) => line.endsWith(' mount'))).toHaveLength(3);
    // The configuration alone.
    expect(registry.asked.filter((line) => line === 'POST /v2/b/blobs/uploads/')).toHaveLength(1);
  });

  test('what was pulled keeps its digest where the registry has its layers', async () => {
    const served = await serveImages();
    try {
      const packed = layers.map((one) => ({ ...one, blob: gzipSync(one.tar, { level: 1 }) }));
      const { digest } = served.image('1', packed);
      const store = open();
      await store.pull(`${served.host}/x:1`);
      await store.tag(`${served.host}/x:1`, `${registry.host}/x:1`);
      for (const { blob } of packed) registry.blobs.set(`x sha256:${sha256(blob)}`, blob);
      expect((await store.push(`${registry.host}/x:1`)).digest).toBe(digest);
      registry.blobs.clear();
      await store.tag(`${served.host}/x:1`, `${registry.host}/y:1`);
      await store.push(`${registry.host}/y:1`);
      expect(manifestOf('y:1').config.digest).toBe(manifestOf('x:1').config.digest);
      expect(manifestOf('y:1').mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    } finally {
      served.close();
    }
  });

  test('an image that has a layer twice sends it once', async () => {
    const twice = [layers[0]!, layers[1]!, layers[0]!];
    const store = await loaded(twice, `${registry.host}/twice:1`);
    await store.push(`${registry.host}/twice:1`);
    expect(manifestOf('twice:1').layers).toHaveLength(3);
    expect(registry.asked.filter((line) => line === 'POST /v2/twice/blobs/uploads/')).toHaveLength(3);
  });
});

describe('a push that is disturbed', () => {
  test('a piece that breaks off, and one that is answered with 503, are sent again from where the registry stands', async () => {
    const store = await loaded([large()], `${registry.host}/big:1`);
    let patches = 0;
    registry.spoil = (request, response) => {
      if (request.method !== 'PATCH') return false;
      patches++;
      if (patches === 2) {
        request.once('data', () => request.destroy());
        return true;
      }
      if (patches !== 4) return false;
      request.resume();
      response.writeHead(503).end();
      return true;
    };
    await store.push(`${registry.host}/big:1`);
    const [{ digest }] = manifestOf('big:1').layers;
    expect(gunzipSync(registry.blobs.get(`big ${digest}`)!).equals(large().tar)).toBe(true);
    expect(patches).toBeGreaterThanOrEqual(5);
  });

  test('one that is refused says who refuses, and the name there means nothing new', async () => {
    const store = await loaded(layers, `${registry.host}/no:1`);
    registry.spoil = (request, response) => {
      if (request.method !== 'POST') return false;
      response
        .writeHead(403)
        .end(JSON.stringify({ errors: [{ code: 'DENIED', message: 'requested access is denied' }] }));
      return true;
    };
    await expect(store.push(`${registry.host}/no:1`)).rejects.toMatchObject({
      code: 'registry-unauthorised',
      message: expect.stringMatching(/takes no:1 only from those who log in: requested access is denied/),
    });
    expect(registry.manifests.size).toBe(0);
  });

  test('interrupted, it ends as such', async () => {
    const store = await loaded([large()], `${registry.host}/stop:1`);
    const stop = new AbortController();
    registry.spoil = (request) => {
      if (request.method === 'PATCH') stop.abort();
      return request.method === 'PATCH';
    };
    await expect(store.push(`${registry.host}/stop:1`, { signal: stop.signal })).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
    });
    expect(registry.manifests.size).toBe(0);
  });

  test('a layer whose files were changed in the store is not passed off as what it was', async () => {
    const store = await loaded([layer({ name: 'a', data: 'as it came' })], `${registry.host}/changed:1`);
    const [folder] = await store.layerPaths((await store.find('app:1'))!.id);
    await writeFile(join(folder!, 'a'), 'as it came?'.slice(0, 9).concat('!'));
    expect(existsSync(join(folder!, 'a'))).toBe(true);
    await expect(store.push(`${registry.host}/changed:1`)).rejects.toMatchObject({ code: 'store-damaged' });
    expect(registry.manifests.size).toBe(0);
  });
});

test('tokens are asked for that push, and read the other repository where a layer is taken over', async () => {
  registry.wantsToken = true;
  const store = await loaded(layers, `${registry.host}/a:1`);
  await store.push(`${registry.host}/a:1`);
  await store.tag('app:1', `${registry.host}/b:1`);
  await store.push(`${registry.host}/b:1`);
  expect(registry.scopes).toContainEqual(expect.arrayContaining(['repository:a:pull,push']));
  expect(registry.scopes).toContainEqual(expect.arrayContaining(['repository:b:pull,push', 'repository:a:pull']));
  expect(registry.manifests.has('b:1')).toBe(true);
});

describe.skipIf(!hasRegistry())('a real registry', () => {
  test.each([
    ['plain', {}],
    ['with TLS and passwords', { tls: true, password: true }],
  ])('%s: what is pushed is pulled by somebody else as the same image', async (name, options) => {
    const real = await startRegistry(join(instance.root, `registry-${name.length}`), options);
    try {
      const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
      const env = {
        TCOMPOSE_INSECURE_REGISTRIES: '127.0.0.0/8',
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [real.host]: { auth } } }),
      };
      const store = open(env);
      const all = [...layers, large()];
      await loadTar(store, modernArchive('app:1', all));
      await store.tag('app:1', `${real.host}/team/app:1`);
      const pushed = await store.push(`${real.host}/team/app:1`);
      const id = (await store.find('app:1'))!.id;
      await store.remove(id, { force: true });
      const pulled = await store.pull(`${real.host}/team/app:1`);
      expect([pulled.digest, pulled.image.id]).toEqual([pushed.digest, id]);
    } finally {
      await real.stop();
    }
  });
});
