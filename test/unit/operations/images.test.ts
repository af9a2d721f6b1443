/** Images are listed, told of and pruned as docker does it. */
import { describe, expect, test } from 'vitest';
import type { ImageInfo } from '../../../src/model/engine.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Context } from '../../../src/operations/context.ts';
import { fitsReference, LS_FILTERS, passesImage, readImageFilters } from '../../../src/operations/image-filters.ts';
import { imageHistory } from '../../../src/operations/image-history.ts';
import { unusedImages } from '../../../src/operations/image-prune.ts';
import { inspectImages, listImages, removeImages } from '../../../src/operations/images.ts';
import { createFakeEngine } from '../../helpers/fake-engine.ts';
import { fakeImage } from '../../helpers/fake-live.ts';

const app: ImageInfo = {
  ...fakeImage('app:1', { labels: { stage: 'test' } }),
  digests: [`docker.io/library/app@sha256:${'a'.repeat(64)}`],
  layers: ['sha256:low', 'sha256:high'],
  raw: {
    config: {},
    author: 'somebody',
    history: [
      { created: '2026-01-01T00:00:00Z', created_by: `RUN ${'x'.repeat(60)}` },
      { created: '2026-01-01T00:00:00Z', created_by: 'ENV a=b', empty_layer: true },
      { created: '2026-01-01T00:00:00Z', created_by: 'COPY . .', comment: 'said' },
    ],
  },
};
const nameless: ImageInfo = {
  ...fakeImage('gone:1'),
  id: `sha256:${'b'.repeat(64)}`,
  tags: [],
  createdAt: '2025-01-01T00:00:00Z',
};
const other = { ...fakeImage('reg.example/team/other:2'), tags: ['reg.example/team/other:2'] };

const contextOf = (images: readonly ImageInfo[]): Context => {
  const engine = createFakeEngine({ images: images.map((image) => [image.tags[0] ?? image.id, image] as const) });
  const layers = new Map([
    ['sha256:low', 2_000_000],
    ['sha256:high', 3000],
  ]);
  const usage = async () => ({ layers, cache: { entries: 0, bytes: 0 } });
  const find = async (ref: string) =>
    images.find(({ id, tags }) => id === ref || tags.some((tag) => tag.endsWith(ref)));
  return {
    engine: { ...engine, images: { ...engine.images, usage, find } },
    emit: () => {},
    signal: new AbortController().signal,
    clock: () => Date.parse('2026-01-02T00:00:00Z'),
    version: '0',
  };
};
const all = [app, nameless, other];
const listed = async (filters: readonly string[], reference?: string) =>
  (
    await listImages(contextOf(all), {
      filters: readImageFilters(filters, LS_FILTERS),
      ...(reference === undefined ? {} : { reference }),
    })
  ).map(({ Repository, Tag }) => `${Repository}:${Tag}`);

describe('image ls', () => {
  test.each<[readonly string[], string | undefined, readonly string[]]>([
    [[], undefined, ['app:1', '<none>:<none>', 'reg.example/team/other:2']],
    [['dangling=true'], undefined, ['<none>:<none>']],
    [['dangling=false'], undefined, ['app:1', 'reg.example/team/other:2']],
    [['label=stage'], undefined, ['app:1']],
    [['label=stage=live'], undefined, []],
    [['before=app:1'], undefined, ['<none>:<none>']],
    [['until=2025-06-01'], undefined, ['<none>:<none>']],
    [['reference=reg.example/*/other'], undefined, ['reg.example/team/other:2']],
    [['reference=app:*', 'reference=*/*/other'], undefined, ['app:1', 'reg.example/team/other:2']],
    [[], 'app', ['app:1']],
    [[], 'app:2', []],
  ])('--filter %j and %s give %j', async (filters, reference, expected) => {
    expect(await listed(filters, reference)).toEqual(expected);
  });

  test('a filter that nobody knows is a usage error that names those there are', () => {
    expect(() => readImageFilters(['size=3'], LS_FILTERS)).toThrow('--filter size=3 is not known');
  });

  test('ids in full and digests are given where they are asked for', async () => {
    const [row] = await listImages(contextOf(all), { digests: true, noTrunc: true });
    expect(row).toMatchObject({ ID: app.id, Digest: `sha256:${'a'.repeat(64)}`, Repository: 'app', Tag: '1' });
  });
});

test('a pattern of a reference does not pass slashes, and tags need not be written', () => {
  expect(fitsReference('*', 'docker.io/library/app:1')).toBe(true);
  expect(fitsReference('*', 'reg.example/app:1')).toBe(false);
  expect(fitsReference('a?p:1', 'docker.io/library/app:1')).toBe(true);
  expect(fitsReference('a.p', 'docker.io/library/app:1')).toBe(false);
});

test('labels of a filter must all be there, label! none', () => {
  expect(passesImage([{ key: 'label!', value: 'stage' }], app)).toBe(false);
  expect(passesImage([{ key: 'label!', value: 'stage=live' }], app)).toBe(true);
});

test('the history is newest first, with the size of each layer, steps without one have none', async () => {
  const rows = await imageHistory(contextOf(all), 'app:1', { noTrunc: false, human: true });
  expect(rows.map(({ ID, Size, Comment }) => [ID, Size, Comment])).toEqual([
    [app.id.slice(7, 19), '3kB', 'said'],
    ['<missing>', '0B', ''],
    ['<missing>', '2MB', ''],
  ]);
  expect(rows[2]!.CreatedBy).toBe(`RUN ${'x'.repeat(40)}…`);
});

test('a layer that no step tells of is a line of its own', async () => {
  const [, ...rest] = await imageHistory(
    contextOf([{ ...app, raw: { config: {}, history: [{ created_by: 'top' }] } }]),
    'app:1',
    {
      noTrunc: true,
      human: false,
    },
  );
  expect(rest).toEqual([expect.objectContaining({ CreatedBy: '', Size: '2000000' })]);
});

test('inspect has the fields of docker, without what containers had in old configurations', async () => {
  const old = { ...app, raw: { ...app.raw, config: { Hostname: '', AttachStdin: false, Cmd: ['a'], Labels: null } } };
  expect(await inspectImages(contextOf([old]), ['app:1', 'nothing:1'])).toEqual({
    found: [
      expect.objectContaining({
        ...{ Id: app.id, RepoTags: ['app:1'], Author: 'somebody', Comment: 'said', Os: 'linux' },
        Config: { Cmd: ['a'], Labels: null },
      }),
    ],
    missing: [expect.objectContaining({ code: 'no-such-image' })],
  });
});

test('what is removed is told though something else cannot be, and with force what is not there is no failure', async () => {
  const { engine } = contextOf(all);
  const remove = async (ref: string) => {
    if (ref === 'app:1') return { untagged: ['app:1'], deleted: [] };
    throw new TcomposeError(`there is no image ${ref}`, { code: 'image-missing' });
  };
  const context = { engine: { ...engine, images: { ...engine.images, remove } } };
  const told: string[] = [];
  const onRemoved = ({ untagged }: { untagged: readonly string[] }) => told.push(...untagged);
  await expect(removeImages(context, ['none', 'app:1'], { force: false, onRemoved })).rejects.toThrow('none');
  expect(told).toEqual(['app:1']);
  expect(await removeImages(context, ['none', 'app:1'], { force: true, onRemoved })).toHaveLength(1);
});

test('the pattern of a name is that of path.Match', () => {
  const fits = (pattern: string, name: string) => fitsReference(pattern, `reg.example/${name}`);
  expect(fits('reg.example/ap[a-q]', 'app:1')).toBe(true);
  expect(fits('reg.example/ap[^a-q]', 'app:1')).toBe(false);
  expect(fits('reg.example[^a]app', 'app:1'), 'a slash is no character of a set').toBe(false);
  expect(fits('reg\\.example/app', 'app:1')).toBe(true);
  expect(fits('reg.example/(app|)', 'app:1')).toBe(false);
});

test.each(['reference=app[', 'reference=a\\', 'reference=[z-a]', 'dangling=maybe', 'until=bad', 'unknown=1'])(
  'a filter that cannot be understood is refused: %s',
  (word) => expect(() => readImageFilters([word], LS_FILTERS)).toThrow(expect.objectContaining({ code: 'usage' })),
);

test('images are older and newer by the moment, however it is written', () => {
  const [early, late] = [
    { ...app, createdAt: '2026-01-01T12:00:00+14:00' },
    { ...other, createdAt: '2026-01-01T00:00:00Z' },
  ];
  expect(passesImage([{ key: 'before', value: 'late' }], early, () => late)).toBe(true);
  expect(passesImage([{ key: 'since', value: 'late' }], early, () => late)).toBe(false);
});

test('a prune takes what has no name, with all what no container uses', async () => {
  const { engine } = contextOf(all);
  const names = async (options: { all: boolean }) =>
    (await unusedImages({ engine }, { ...options, filters: [] })).map(({ tags }) => tags[0]);
  expect(await names({ all: false })).toEqual([undefined]);
  expect(await names({ all: true })).toHaveLength(3);
});
