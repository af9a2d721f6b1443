/** Images come from registries whole and proven, in every form that registries have them in, or leave nothing at all. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openImages } from '../../../engine/image/index.ts';
import { openRegistry } from '../../../engine/registry/index.ts';
import type { PullProgress } from '../../../src/model/pull.ts';
import { hasRegistry, PASSWORD, startRegistry, USER } from '../../helpers/registry.ts';
import { instance, layers } from './a-load.ts';
import { indexOf, type ServedImages, type Spoiler, serveImages } from './a-registry.ts';
import { configOf, type Layer, launcher, layer, sha256, zstd } from './a-store.ts';

const paths = () => ({ root: instance.root, run: instance.run });
const open = (env: object = {}) =>
  openImages({
    paths: paths(),
    launcher,
    openRegistry: async (signal) => openRegistry({ HOME: '/nonexistent', PATH: process.env['PATH'], ...env }, signal),
  });

let served: ServedImages;
beforeEach(async () => {
  served = await serveImages();
});
afterEach(() => served.close());

const folder = (...names: string[]) => {
  const path = join(instance.root, 'images', ...names);
  return existsSync(path) ? readdirSync(path).filter((name) => name !== 'l' && name !== 'sweep-wanted') : [];
};
/** Of a failed pull nothing is there but what was before it. */
const contents = () => [
  folder('layers'),
  folder('blobs', 'sha256'),
  folder('partial').filter((name) => !name.endsWith('.lock')),
];

/** Larger than what sockets and pipes hold: it breaks in the midst. */
const large = (letter: string): Layer => {
  const noise = Buffer.alloc(3 << 20);
  for (let at = 0; at < noise.length; at += 32) Buffer.from(sha256(`${letter}${at}`), 'hex').copy(noise, at);
  return layer({ name: letter, data: noise });
};

describe('what is pulled', () => {
  test('plain, gzip and zstd layers of both dialects are the same image', async () => {
    const packed = layers.map((one, index) => ({ ...one, blob: [one.tar, gzipSync(one.tar), zstd(one.tar)][index]! }));
    served.image('oci', packed);
    served.image('docker', packed, { isDocker: true });
    const store = open();
    const one = await store.pull(`${served.host}/a/b:oci`);
    const other = await store.pull(`${served.host}/a/b:docker`);
    expect(one.image.id).toBe(`sha256:${sha256(configOf(layers))}`);
    expect(other.image.id).toBe(one.image.id);
    expect(other.image.tags).toEqual([`${served.host}/a/b:docker`, `${served.host}/a/b:oci`]);
    expect(await store.layerPaths(one.image.id)).toHaveLength(3);
    // Once for both.
    for (const { blob } of packed)
      expect(served.asked.filter((line) => line.includes(`blobs/sha256:${sha256(blob)}`))).toHaveLength(1);
  });

  test('it is found by its tag, by its digest, and keeps the digest for inspect', async () => {
    const { digest } = served.image('1', layers);
    const store = open();
    const pulled = await store.pull(`${served.host}/found:1`);
    expect(pulled).toMatchObject({ digest, isNew: true });
    expect((await store.find(`${served.host}/found@${digest}`))?.id).toBe(pulled.image.id);
    expect((await store.find(`${served.host}/found:1`))?.digests).toContain(`${served.host}/found@${digest}`);
  });

  test('what the store has already costs one HEAD', async () => {
    served.image('1', layers);
    const store = open();
    await store.pull(`${served.host}/again:1`);
    served.asked.length = 0;
    expect(await store.pull(`${served.host}/again:1`)).toMatchObject({ isNew: false });
    expect(served.asked).toEqual(['HEAD /v2/again/manifests/1']);
  });

  test('of an index the image of the wanted platform comes, and the digest is that of the index', async () => {
    const arm = configOf([layer({ name: 'arm', data: 'arm' })])
      .toString()
      .replace(/"architecture":"[^"]*"/, '"architecture":"arm64"');
    const own = served.image('own', layers);
    const other = served.image('other', [layer({ name: 'arm', data: 'arm' })], { config: Buffer.from(arm) });
    const platform = process.arch === 'x64' ? 'amd64' : process.arch;
    const { digest } = served.manifest('many', indexOf({ [`linux/${platform}`]: own, 'linux/arm64/v8': other }));
    const store = open();
    expect(await store.pull(`${served.host}/many:many`)).toMatchObject({ digest, image: { architecture: platform } });
    const foreign = await store.pull(`${served.host}/many:many`, { platform: 'linux/arm64' });
    expect(foreign).toMatchObject({ digest, image: { architecture: 'arm64' } });
    await expect(store.pull(`${served.host}/many:many`, { platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'no-matching-platform',
      message: expect.stringContaining(`linux/${platform}, linux/arm64/v8`),
    });
  });

  test('each layer tells how far it is, and whether the store had it', async () => {
    const first = large('p');
    served.image('1', [first]);
    served.image('2', [first, large('q')]);
    const store = open();
    const heard: PullProgress[] = [];
    await store.pull(`${served.host}/told:1`);
    await store.pull(`${served.host}/told:2`, { onProgress: (progress) => heard.push(progress) });
    const last = new Map(heard.map((progress) => [progress.layer, progress]));
    expect([...last.values()].map(({ state, bytes, total }) => [state, bytes === total])).toEqual([
      ['present', false],
      ['done', true],
    ]);
  });

  test('two pulls of one layer fetch it once', async () => {
    const shared = large('s');
    served.image('1', [shared]);
    served.image('2', [shared, layer({ name: 'more', data: 'more' })]);
    await Promise.all([open().pull(`${served.host}/twice:1`), open().pull(`${served.host}/twice:2`)]);
    expect(served.asked.filter((line) => line.includes(sha256(shared.tar)))).toHaveLength(1);
  });
});

describe('a connection that breaks', () => {
  const breakOnce = (half: number): Spoiler => {
    let isBroken = false;
    return (request, response, bytes) => {
      if (isBroken || bytes.length < half || request.method === 'HEAD') return false;
      isBroken = true;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, half), () => setTimeout(() => response.destroy(), 50));
      return true;
    };
  };

  test('is taken up again where it broke', async () => {
    const one = large('r');
    served.image('1', [one]);
    served.spoil = breakOnce(2 << 20);
    await open().pull(`${served.host}/broken:1`);
    const ranges = served.asked
      .filter((line) => line.includes('bytes='))
      .map((line) => Number(/bytes=(\d+)-/.exec(line)![1]));
    expect(ranges).toHaveLength(1);
    expect(ranges[0]).toBeGreaterThan(0);
  });

  test('a registry that knows no ranges begins anew, and no byte comes twice', async () => {
    const one = large('n');
    served.image('1', [one]);
    const first = breakOnce(1 << 20);
    served.spoil = (request, response, bytes) => {
      if (first(request, response, bytes)) return true;
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      return true;
    };
    expect((await open().pull(`${served.host}/whole:1`)).image.layers).toEqual([`sha256:${sha256(one.tar)}`]);
  });
});

describe('lies', () => {
  const cases: readonly (readonly [string, Spoiler, string])[] = [
    [
      'another content of the same length',
      (_, response, bytes) => void response.end(Buffer.from(bytes).fill(1, 600, 700)) === undefined,
      'digest-mismatch',
    ],
    [
      'a content that ends early',
      (_, response, bytes) => void response.end(bytes.subarray(0, -512)) === undefined,
      'registry-answer',
    ],
    [
      'a content that goes on',
      (_, response, bytes) => void response.end(Buffer.concat([bytes, Buffer.alloc(512)])) === undefined,
      'registry-answer',
    ],
    [
      'a limit',
      (_, response) =>
        void response.writeHead(429, { 'retry-after': '900' }).end('{"errors":[{"message":"slow down"}]}') ===
        undefined,
      'registry-rate-limit',
    ],
  ];
  test.each(cases)('%s is refused, and nothing is kept', async (name, spoil, code) => {
    const before = contents();
    const lied = large(name);
    served.image('1', [layer({ name: 'good', data: name }), lied]);
    served.spoil = (request, response, bytes) => (bytes.length > 1 << 20 ? spoil(request, response, bytes) : false);
    await expect(open().pull(`${served.host}/lie:1`)).rejects.toMatchObject({ code });
    expect(contents()).toEqual(before);
    expect(await open().find(`${served.host}/lie:1`)).toBeUndefined();
  });

  test('what an image names and the registry has not is told by its digest, not as a wrong name', async () => {
    const there = layer({ name: 'x', data: 'there' });
    const config = configOf([there]);
    const media = 'application/vnd.oci.image';
    const absent = { mediaType: `${media}.layer.v1.tar`, digest: `sha256:${'a'.repeat(64)}`, size: 100 };
    const described = { mediaType: `${media}.config.v1+json`, digest: served.blob(config), size: config.length };
    const put = (name: string, one: object) =>
      served.manifest(name, {
        ...{ schemaVersion: 2, mediaType: `${media}.manifest.v1+json`, config: described, layers: [one] },
      });
    put('1', absent);
    await expect(open().pull(`${served.host}/lie:1`)).rejects.toThrow(/is not whole in its registry: sha256:aaaa/);
    put('2', { ...absent, urls: [`http://${served.host}/elsewhere`] });
    await expect(open().pull(`${served.host}/lie:2`)).rejects.toThrow(/kept outside of registries \(http:.*elsewhere/);
    expect(served.asked.filter((one) => one.includes('elsewhere'))).toEqual([]);
    served.image('3', [there], { config: Buffer.from('no JSON') });
    await expect(open().pull(`${served.host}/lie:3`)).rejects.toThrow(/^the configuration of .*lie:3 is not valid/);
  });

  test('a layer that is not the one of the configuration is refused', async () => {
    const before = contents();
    const [one, other] = [layer({ name: 'x', data: 'one' }), layer({ name: 'x', data: 'two' })];
    served.image('1', [one], { config: configOf([other]) });
    await expect(open().pull(`${served.host}/lie:1`)).rejects.toMatchObject({ code: 'digest-mismatch' });
    served.image('2', [one, other], { config: configOf([one]) });
    await expect(open().pull(`${served.host}/lie:2`)).rejects.toMatchObject({ code: 'image-invalid' });
    expect(contents()).toEqual(before);
  });
});

test('an interrupted pull ends at once and keeps nothing', async () => {
  const before = contents();
  served.image('1', [large('i'), large('j')]);
  const interrupt = new AbortController();
  served.spoil = (_, response, bytes) => {
    if (bytes.length < 1 << 20) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 1 << 20), () => setTimeout(() => interrupt.abort(), 50));
    return true;
  };
  await expect(open().pull(`${served.host}/late:1`, { signal: interrupt.signal })).rejects.toMatchObject({
    code: 'interrupted',
  });
  expect(contents()).toEqual(before);
});

test('storage that the registry leads to gets no credentials', async () => {
  const storage = await serveImages();
  const one = large('e');
  storage.blob(one.tar);
  served.image('1', [one]);
  const seen: (string | undefined)[] = [];
  storage.spoil = (request) => {
    seen.push(request.headers.authorization);
    return false;
  };
  served.spoil = (request, response, bytes) => {
    if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' });
    else if (bytes.length < 1 << 20) return false;
    else response.writeHead(307, { location: `http://${storage.host}/v2/x/blobs/sha256:${sha256(bytes)}` });
    response.end();
    return true;
  };
  const auth = Buffer.from('me:secret').toString('base64');
  const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { [served.host]: { auth } } });
  await open({ DOCKER_AUTH_CONFIG }).pull(`${served.host}/led:1`);
  storage.close();
  expect(seen).toEqual([undefined]);
});

describe.skipIf(!hasRegistry())("Debian's registry", () => {
  test('gives an image over TLS to whoever has the password', async () => {
    const place = mkdtempSync(join(instance.root, 'registry-'));
    const registry = await startRegistry(place, { tls: true, password: true });
    try {
      const home = join(place, 'home');
      const trusted = join(home, '.config/docker/certs.d', registry.host);
      mkdirSync(trusted, { recursive: true });
      writeFileSync(join(trusted, 'ca.crt'), readFileSync(join(place, 'ca.crt')));
      const config = await registry.putBlob('team/app', configOf(layers));
      const blobs = [];
      for (const { tar } of layers)
        blobs.push({
          ...(await registry.putBlob('team/app', gzipSync(tar))),
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        });
      await registry.putManifest('team/app', '1', {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { ...config, mediaType: 'application/vnd.oci.image.config.v1+json' },
        layers: blobs,
      });
      const image = `${registry.host}/team/app:1`;
      const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
      const known = { HOME: home, DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }) };
      expect((await open(known).pull(image)).image.layers).toEqual(layers.map(({ tar }) => `sha256:${sha256(tar)}`));
      await expect(open({ HOME: home }).pull(image)).rejects.toMatchObject({ code: 'registry-unauthorised' });
    } finally {
      await registry.stop();
    }
  });
});
