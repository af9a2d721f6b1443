/** What is wrong in an archive is refused, with nothing kept. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Entry, makeTar } from '../../unit/image/tar-writer.ts';
import { base, middle, store, writeFolder } from './a-load.ts';
import { configOf, layer, legacyArchive, loadTar, modernArchive, ociLayout, streamOf } from './a-store.ts';

describe('what is refused', () => {
  const spoilBlob = (entries: readonly Entry[], index: number): Entry[] =>
    entries.map((entry, at) =>
      at === index ? { ...entry, data: Buffer.from(`${entry.data}`.replace('base', 'evil')) } : entry,
    );
  const withIndex = (index: unknown): Entry[] => [{ name: 'index.json', data: JSON.stringify(index) }];
  const cases: readonly (readonly [string, () => readonly Entry[], RegExp])[] = [
    [
      'a layer that is not the one of the configuration',
      () => legacyArchive('x:1', [middle], configOf([base])),
      /is not the one that the configuration names/,
    ],
    ['a blob without its digest', () => spoilBlob(modernArchive('x:1', [base]), 0), /does not have the digest/],
    [
      'a configuration without its digest',
      () => modernArchive('x:1', [base]).map((entry, at) => (at === 1 ? { ...entry, data: `${entry.data} ` } : entry)),
      /does not have the digest/,
    ],
    [
      'fewer layers than the configuration has',
      () => legacyArchive('x:1', [base], configOf([base, middle])),
      /lists 1 layers, and the configuration 2/,
    ],
    [
      'a layer that is missing',
      () => legacyArchive('x:1', [base, middle]).filter(({ name }) => name !== 'layer1/layer.tar'),
      /layer1\/layer.tar is missing/,
    ],
    [
      'a configuration that is missing',
      () => legacyArchive('x:1', [base]).filter(({ name }) => !/^[0-9a-f]{64}\.json/.test(name)),
      /json is missing/,
    ],
    [
      'a layer that is a hostile tar',
      () => legacyArchive('x:1', [layer({ name: '../evil' })]),
      /the layer layer0\/layer.tar is not a valid tar archive/,
    ],
    ['a root filesystem', () => [{ name: 'etc/passwd', data: 'root' }], /a root filesystem is imported, not loaded/],
    ['a manifest that is no list', () => [{ name: 'manifest.json', data: 'null' }], /not a list/],
    ['a manifest that is no JSON', () => [{ name: 'manifest.json', data: '{' }], /not JSON/],
    [
      'a manifest that names a file outside',
      () => [{ name: 'manifest.json', data: JSON.stringify([{ Config: '/etc/passwd', RepoTags: [], Layers: [] }]) }],
      /missing/,
    ],
    ['an invalid tag', () => legacyArchive('X:1', [base]), /invalid reference format/],
    ['an index that is a manifest too', () => withIndex({ manifests: [], layers: [] }), /at once/],
    [
      'a digest that is a path',
      () => withIndex({ manifests: [{ digest: 'sha256:../../x', size: 1 }] }),
      /no sha256 digest/,
    ],
    [
      'a size that does not fit',
      () =>
        ociLayout({}, [base]).map((entry) =>
          entry.name === 'index.json'
            ? { ...entry, data: String(entry.data).replace(/"size":\d+/, '"size":5') }
            : entry,
        ),
      /bytes instead of/,
    ],
    [
      'no platform of ours',
      () =>
        withIndex({
          manifests: [0, 1].map((n) => ({
            digest: `sha256:${String(n).repeat(64)}`,
            size: 1,
            platform: { os: 'linux', architecture: 's390x' },
          })),
        }),
      /no image for this host/,
    ],
    ['an archive of before Docker 1.10', () => [{ name: 'repositories', data: '{}' }], /older than 1.10/],
  ];
  test.each(cases)('%s', async (_, entries, message) => {
    await expect(loadTar(store, entries())).rejects.toMatchObject({
      name: 'TcomposeError',
      message: expect.stringMatching(message),
    });
    expect(await store.list()).toEqual([]);
  });

  test('an archive that is cut off anywhere', async () => {
    const whole = makeTar(...modernArchive('x:1', [base, middle]));
    for (const bytes of [300, 1000, 4096, whole.length - 2000]) {
      await expect(store.load(streamOf(whole.subarray(0, bytes)))).rejects.toMatchObject({ name: 'TcomposeError' });
      expect(await store.list()).toEqual([]);
    }
  });

  test('a folder whose blob is a link to outside, or has another digest', async () => {
    const entries = ociLayout({}, [base]);
    const folder = writeFolder(entries);
    const blobPath = join(folder, entries[0]!.name);
    writeFileSync(blobPath, makeTar({ name: 'other' }));
    await expect(store.load({ folder })).rejects.toThrow(/does not have the digest/);
    rmSync(blobPath);
    execFileSync('ln', ['-s', '/etc/passwd', blobPath]);
    await expect(store.load({ folder })).rejects.toThrow(/is missing/);
  });
});
