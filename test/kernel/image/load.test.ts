/** Archives of docker save and OCI layouts become images, verified; what is wrong in them is refused with nothing kept. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ImageStore } from '../../../engine/image/index.ts';
import { makeTar } from '../../unit/image/tar-writer.ts';
import { base, instance, layers, middle, store, top, writeFolder } from './a-load.ts';
import {
  configOf,
  type Layer,
  layer,
  legacyArchive,
  listTree,
  loadTar,
  modernArchive,
  ociLayout,
  sha256,
  streamOf,
  zstd,
} from './a-store.ts';

const mergedTree = async (id: string): Promise<string[]> => {
  const on = join(instance.root, 'merged');
  mkdirSync(on, { recursive: true });
  execFileSync('mount', [
    '-t',
    'overlay',
    '-o',
    `ro,lowerdir=${(await store.layerPaths(id)).join(':')}`,
    'overlay',
    on,
  ]);
  try {
    const content = (path: string) => execFileSync('cat', [join(on, path)], { encoding: 'utf8' });
    const tree = (await listTree(`${on}/`))
      .map((line) => line.split(' '))
      .map((fields) => `${fields[0]} ${fields[1]} ${fields.at(-1)}`);
    return [...tree.filter((line) => !line.endsWith(' ')).sort(), content('etc/b'), content('etc/c'), content('old/y')];
  } finally {
    execFileSync('umount', [on]);
  }
};
const MERGED = ['d 0755 etc', 'd 0755 old', 'f 04711 etc/b', 'f 0644 etc/c', 'f 0644 old/y', 'top', 'middle', 'y'];

describe('what is loaded', () => {
  const compressed = [base, { ...middle, blob: gzipSync(middle.tar) }, { ...top, blob: zstd(top.tar) }];
  const cases: readonly (readonly [string, () => ReturnType<ImageStore['load']>])[] = [
    ['docker save of old', () => loadTar(store, legacyArchive('app:1', layers))],
    [
      'docker save of old, whole archive gzipped',
      () => store.load(streamOf(gzipSync(makeTar(...legacyArchive('app:1', layers))))),
    ],
    ['docker save of old with compressed layers', () => loadTar(store, legacyArchive('app:1', compressed))],
    ['docker save of today', () => loadTar(store, modernArchive('app:1', layers))],
    ['docker save with the list of images first', () => loadTar(store, [...legacyArchive('app:1', layers)].reverse())],
    [
      'an OCI layout as a tar',
      () => loadTar(store, ociLayout({ 'org.opencontainers.image.ref.name': 'app:1' }, layers)),
    ],
    [
      'an OCI layout with compressed layers',
      () => loadTar(store, ociLayout({ 'io.containerd.image.name': 'docker.io/library/app:1' }, compressed)),
    ],
    [
      'an OCI layout as a folder',
      () =>
        store.load({ folder: writeFolder(ociLayout({ 'org.opencontainers.image.ref.name': 'app:1' }, compressed)) }),
    ],
    [
      'an OCI layout whose names begin with ./',
      () =>
        loadTar(
          store,
          ociLayout({ 'org.opencontainers.image.ref.name': 'app:1' }, layers).map((entry) => ({
            ...entry,
            name: `./${entry.name}`,
          })),
        ),
    ],
  ];
  test.each(cases)('%s', async (_, load) => {
    const [image, ...others] = await load();
    expect(others).toEqual([]);
    expect(image!.id).toBe(`sha256:${sha256(configOf(layers))}`);
    expect(image!.tags).toEqual(['docker.io/library/app:1']);
    expect(image!.layers).toEqual(layers.map(({ tar }) => `sha256:${sha256(tar)}`));
    expect(await mergedTree(image!.id)).toEqual(MERGED);
  });

  test('several images share their layers, which are unpacked once', async () => {
    const one = legacyArchive('one:1', [base]);
    const two = legacyArchive('two:1', [base, middle]).map((entry) =>
      entry.name.startsWith('layer') ? { ...entry, name: `2${entry.name}` } : entry,
    );
    const manifests = [...one, ...two]
      .filter(({ name }) => name === 'manifest.json')
      .map(({ data }) => JSON.parse(String(data))[0]);
    manifests[1].Layers = manifests[1].Layers.map((name: string) => `2${name}`);
    const archive = [
      ...[...one, ...two].filter(({ name }) => name !== 'manifest.json'),
      { name: 'manifest.json', data: JSON.stringify(manifests) },
    ];
    expect((await loadTar(store, archive)).map(({ tags }) => tags)).toEqual([
      ['docker.io/library/one:1'],
      ['docker.io/library/two:1'],
    ]);
    expect(readdirSync(join(instance.root, 'images/layers')).length).toBe(1 + 2);
    await store.remove('two:1', { force: false });
    expect(readdirSync(join(instance.root, 'images/layers')).length).toBe(1 + 1);
  });

  test('equal layers of an old archive that are links to one another', async () => {
    const archive = legacyArchive('linked:1', [base, middle, base]);
    const linked = archive.map((entry) =>
      entry.name === 'layer2/layer.tar' ? { name: entry.name, type: '2', link: '../layer0/layer.tar' } : entry,
    );
    expect((await loadTar(store, linked))[0]!.layers[2]).toBe(`sha256:${sha256(base.tar)}`);
  });

  test('an image without layers, and one with an empty layer', async () => {
    expect((await loadTar(store, legacyArchive('none:1', [])))[0]!.layers).toEqual([]);
    const empty = { tar: Buffer.alloc(0) };
    expect((await loadTar(store, legacyArchive('empty:1', [empty])))[0]!.sizeBytes).toBe(0);
    expect((await loadTar(store, legacyArchive('zeros:1', [layer()])))[0]!.sizeBytes).toBe(0);
  });

  test('a layer that a power cut may have spoilt, since no image names it, is unpacked again', async () => {
    await loadTar(store, legacyArchive('app:1', [base]));
    const images = join(instance.root, 'images');
    const folder = join(images, 'layers', sha256(base.tar));
    const record = JSON.parse(readFileSync(join(folder, 'layer.json'), 'utf8'));
    writeFileSync(join(folder, 'layer.json'), JSON.stringify({ ...record, boot: 'an earlier one' }));
    writeFileSync(join(folder, 'fs/etc/a'), '');
    rmSync(join(images, 'tags.json'));
    const [image] = await loadTar(store, modernArchive('app:1', [base]));
    expect(readFileSync(join((await store.layerPaths(image!.id))[0]!, 'etc/a'), 'utf8')).toBe('base');
  });

  test('a tag that moves leaves the old image without a name', async () => {
    const [old] = await loadTar(store, legacyArchive('app:1', [base]));
    await loadTar(store, legacyArchive('app:1', [base, middle]));
    expect((await store.find(old!.id))!.tags).toEqual([]);
  });

  test.each([
    ['docker save today', () => modernArchive('app:1', layers)],
    ['docker save of old', () => legacyArchive('app:1', layers)],
    ['an OCI layout', () => ociLayout({ 'io.containerd.image.name': 'docker.io/library/app:1' }, layers)],
  ])(
    'a file is read where it is needed, and the store\u2019s own layers are not read at all: %s',
    async (_, entries) => {
      const file = join(instance.root, 'archive.tar');
      writeFileSync(file, makeTar(...entries()));
      const read: number[] = [];
      const load = () => store.load({ file }, { onProgress: (bytes) => read.push(bytes) });
      const [image] = await load();
      expect(image).toMatchObject({
        names: ['docker.io/library/app:1'],
        layers: layers.map(({ tar }) => `sha256:${sha256(tar)}`),
      });
      expect(read.at(-1)).toBe(layers.reduce((sum, { tar }) => sum + tar.length, 0));
      read.length = 0;
      expect((await load())[0]!.id).toBe(image!.id);
      expect(read).toEqual([]);
      writeFileSync(file, makeTar(...entries()).subarray(0, 3000));
      await expect(load()).rejects.toMatchObject({ name: 'TcomposeError' });
      rmSync(file);
    },
  );

  test('the names that the archive gives are told, not those that there were, and what had them before', async () => {
    const [old] = await loadTar(store, legacyArchive('app:1', [base]));
    await store.tag('app:1', 'mine:1');
    const list = (tags: readonly string[], of: readonly Layer[]) => ({
      ...JSON.parse(String(legacyArchive('x:1', of).find(({ name }) => name === 'manifest.json')!.data))[0],
      RepoTags: tags,
    });
    const images = [list(['app:1', 'app:2'], [base, middle]), list([], [base]), list(['app:3'], [base, middle])];
    const members = [...legacyArchive('x:1', [base]), ...legacyArchive('x:1', [base, middle])];
    const loaded = await loadTar(store, [
      ...members.filter(({ name }) => name !== 'manifest.json'),
      { name: 'manifest.json', data: JSON.stringify(images) },
    ]);
    const name = (tag: string) => `docker.io/library/${tag}`;
    expect(loaded.map(({ names, displaced }) => ({ names, displaced }))).toEqual([
      { names: ['app:1', 'app:2', 'app:3'].map(name), displaced: [{ name: name('app:1'), id: old!.id }] },
      { names: [], displaced: [] },
    ]);
  });

  test("of an index's platforms, this host's", async () => {
    const other = configOf([base], { Labels: { other: 'yes' } });
    const mine = configOf([base]);
    const layouts = [other, mine].map((config) => ociLayout({}, [base], config));
    const descriptors = layouts.map((entries) => JSON.parse(String(entries.at(-1)!.data)).manifests[0]);
    const platforms = ['s390x', process.arch === 'x64' ? 'amd64' : process.arch];
    const manifests = descriptors.map((descriptor, index) => ({
      ...descriptor,
      annotations: undefined,
      platform: { os: 'linux', architecture: platforms[index] },
    }));
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
    const outer = {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.index.v1+json',
          digest: `sha256:${sha256(index)}`,
          size: index.length,
          annotations: { 'io.containerd.image.name': 'docker.io/library/multi:1' },
        },
      ],
    };
    const blobs = new Map(
      layouts
        .flat()
        .filter(({ name }) => name.startsWith('blobs/'))
        .map((entry) => [entry.name, entry]),
    );
    const archive = [
      ...blobs.values(),
      { name: `blobs/sha256/${sha256(index)}`, data: index },
      { name: 'index.json', data: JSON.stringify(outer) },
    ];
    const [image] = await loadTar(store, archive);
    expect(image!.id).toBe(`sha256:${sha256(mine)}`);
    expect(image!.tags).toEqual(['docker.io/library/multi:1']);
  });

  test('by name, by digest of its manifest, by id and by the beginning of its id', async () => {
    const entries = ociLayout({ 'io.containerd.image.name': 'docker.io/library/app:1' }, [base]);
    const { digest } = JSON.parse(String(entries.at(-1)!.data)).manifests[0];
    const [image] = await loadTar(store, entries);
    for (const ref of [
      'app:1',
      'docker.io/library/app:1',
      `app@${digest}`,
      `app:9@${digest}`,
      image!.id,
      image!.id.slice(7),
      image!.id.slice(7, 15),
    ]) {
      expect({ ref, id: (await store.find(ref))?.id }).toEqual({ ref, id: image!.id });
    }
    for (const ref of ['app', 'app:2', 'other/app:1', 'f'.repeat(64), ''])
      expect(await store.find(ref)).toBeUndefined();
  });

  test('removal: names first, the image with its last name, not one that a container uses', async () => {
    const [image] = await loadTar(store, legacyArchive('app:1', [base]));
    await store.tag('app:1', 'app:2');
    expect(await store.remove('app:2', { force: false })).toEqual({
      untagged: ['docker.io/library/app:2'],
      deleted: [],
    });
    const container = join(instance.root, 'containers/c1');
    mkdirSync(container, { recursive: true });
    const record = {
      version: 1,
      id: 'c1',
      name: 'web-1',
      mounts: [],
      madeFrom: { image: { ref: 'app:1', id: image!.id } },
    };
    writeFileSync(join(container, 'container.json'), JSON.stringify(record));
    await expect(store.remove('app:1', { force: false })).rejects.toThrow('the image app:1 is used by container web-1');
    expect(await store.remove('app:1', { force: true })).toEqual({
      untagged: ['docker.io/library/app:1'],
      deleted: [],
    });
    expect(await store.layerPaths(image!.id)).toHaveLength(1);
    rmSync(join(instance.root, 'containers'), { recursive: true });
    expect((await store.remove(image!.id, { force: false })).deleted).toEqual([
      image!.id,
      `sha256:${sha256(base.tar)}`,
    ]);
    await expect(store.remove('app:1', { force: false })).rejects.toThrow('there is no image app:1');
  });
});
