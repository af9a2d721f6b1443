/** What is saved is what was loaded, to the byte, and others read it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ByteReader } from '../../../engine/image/byte-reader.ts';
import { readTar } from '../../../engine/image/tar-reader.ts';
import { base, instance, layers, store } from './a-load.ts';
import { configOf, layer, legacyArchive, loadTar, modernArchive, sha256 } from './a-store.ts';

let folder: string;
beforeEach(() => {
  mkdirSync(instance.root, { recursive: true });
  folder = mkdtempSync(join(instance.root, 'saved-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const save = async (...refs: string[]) => buffer(await store.save(refs));

const membersOf = async (archive: Buffer): Promise<Map<string, Buffer>> => {
  const members = new Map<string, Buffer>();
  for await (const entry of readTar(new ByteReader(Readable.from([archive]))))
    if (entry.kind === 'file') members.set(entry.path, await buffer(entry.data()));
  return members;
};

/** Written by GNU tar, in each of its formats, with everything that headers can hold. */
const strange = (format: string) => {
  const tree = join(folder, `tree-${format}`);
  mkdirSync(join(tree, 'd'.repeat(90), 'e'.repeat(90)), { recursive: true });
  writeFileSync(join(tree, 'a'), 'a');
  execFileSync('ln', [join(tree, 'a'), join(tree, 'b')]);
  execFileSync('ln', ['-s', '/nowhere/'.repeat(15), join(tree, 'c')]);
  execFileSync('truncate', ['-s', '3M', join(tree, 'sparse')]);
  execFileSync('dd', [`of=${join(tree, 'sparse')}`, 'bs=1', 'seek=2000000', 'conv=notrunc', 'status=none'], {
    input: 'x',
  });
  execFileSync('mknod', [join(tree, 'null'), 'c', '1', '3']);
  return {
    tar: execFileSync('tar', [`--format=${format}`, '--sparse', '-C', tree, '-c', '.'], { maxBuffer: 1 << 26 }),
  };
};

test('layers come back as they were, whatever program wrote them', async () => {
  const all = [...layers, strange('gnu'), strange('posix'), layer({ name: 'z', data: '' })];
  const [image] = await loadTar(store, modernArchive('app:1', all));
  const members = await membersOf(await save('app:1'));
  for (const { tar } of all) expect(members.get(`blobs/sha256/${sha256(tar)}`)?.equals(tar)).toBe(true);
  expect(members.get(`blobs/sha256/${image!.id.slice(7)}`)?.equals(configOf(all))).toBe(true);
  expect(JSON.parse(members.get('manifest.json')!.toString())).toEqual([
    {
      Config: `blobs/sha256/${image!.id.slice(7)}`,
      RepoTags: ['app:1'],
      Layers: all.map(({ tar }) => `blobs/sha256/${sha256(tar)}`),
    },
  ]);
});

test('a file that was put through a link to outside is read from where it was put, not from outside', async () => {
  const hostile = layer(
    { name: 'out', type: '2', link: '/etc' },
    { name: 'etc/', type: '5' },
    { name: 'out/passwd', data: 'of the image' },
  );
  await loadTar(store, modernArchive('app:1', [hostile]));
  const members = await membersOf(await save('app:1'));
  expect(members.get(`blobs/sha256/${sha256(hostile.tar)}`)?.equals(hostile.tar)).toBe(true);
});

test('a layer whose archive has files twice, or what replaces them, comes back as it was', async () => {
  const repeated = layer(
    { name: 'a', data: 'first' },
    { name: 'linked', type: '1', link: 'a' },
    { name: 'a', data: 'later, and longer' },
    { name: 'linked', data: 'on its own' },
    { name: 'a', data: 'last' },
    { name: 'folder/', type: '5' },
    { name: 'folder/below/', type: '5' },
    { name: 'folder/below/x', data: 'goes with its folder' },
    { name: 'folder', type: '2', link: 'other' },
    { name: 'other/', type: '5' },
    { name: 'other/x', data: 'stays' },
    { name: 'empty', data: '' },
    { name: 'empty', data: 'no more' },
    { name: 'gone', data: 'a pipe takes its place' },
    { name: 'gone', type: '6' },
    { name: 'hidden', data: 'not by its own layer' },
    { name: '.wh.hidden', data: '' },
  );
  const [image] = await loadTar(store, modernArchive('app:1', [repeated, base]));
  const members = await membersOf(await save('app:1'));
  for (const { tar } of [repeated, base])
    expect(members.get(`blobs/sha256/${sha256(tar)}`)?.equals(tar), 'byte by byte').toBe(true);
  const [top] = (await store.layerPaths(image!.id)).slice(-1);
  expect(readFileSync(join(top!, 'a'), 'utf8')).toBe('last');
  expect(readdirSync(top!).sort()).toEqual(['a', 'empty', 'folder', 'gone', 'hidden', 'linked', 'other']);
});

test('several images share their layers, a name without a tag means all of its tags, an id none', async () => {
  await loadTar(store, legacyArchive('app:1', layers));
  const [other] = await loadTar(store, legacyArchive('other:1', [base]));
  await store.tag('app:1', 'app:2');
  const members = await membersOf(await save('app', other!.id));
  expect([...members.keys()].filter((name) => name === `blobs/sha256/${sha256(base.tar)}`)).toHaveLength(1);
  const list = JSON.parse(members.get('manifest.json')!.toString());
  expect(list.map(({ RepoTags }: { RepoTags: string[] | null }) => RepoTags)).toEqual([['app:1', 'app:2'], null]);
});

test('what is not there is told before anything is written', async () => {
  await expect(store.save(['nothing:1'])).rejects.toMatchObject({ code: 'image-missing' });
});

test('what was saved is loaded again as the same image', async () => {
  const [image] = await loadTar(store, modernArchive('app:1', layers));
  const archive = await save('app:1');
  await store.remove(image!.id, { force: true });
  const [again] = await store.load(Readable.from([archive], { objectMode: false }));
  expect([again!.id, again!.tags]).toEqual([image!.id, ['docker.io/library/app:1']]);
});

const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;
describe.skipIf(!hasSkopeo)('skopeo', () => {
  const skopeo = (...words: string[]) =>
    execFileSync('skopeo', ['--insecure-policy', ...words], { cwd: folder, stdio: 'pipe' });

  test.each(['docker-archive', 'oci-archive'])('reads what is saved, and its %s is loaded', async (form) => {
    const [image] = await loadTar(store, modernArchive('app:1', layers));
    writeFileSync(join(folder, 'saved.tar'), await save('app:1'));
    skopeo('copy', '-q', 'docker-archive:saved.tar:app:1', `${form}:theirs.tar:app:theirs`);
    await store.remove(image!.id, { force: true });
    const [theirs] = await store.load(createReadStream(join(folder, 'theirs.tar')));
    expect(theirs!.layers).toEqual(layers.map(({ tar }) => `sha256:${sha256(tar)}`));
    expect(theirs!.tags).toEqual(['docker.io/library/app:theirs']);
  });

  test('what its dir: writes is loaded, and a blob that is not what it is called is refused', async () => {
    await loadTar(store, modernArchive('app:1', layers));
    writeFileSync(join(folder, 'saved.tar'), await save('app:1'));
    rmSync(join(folder, 'dir'), { recursive: true, force: true });
    skopeo('copy', '-q', 'docker-archive:saved.tar:app:1', 'dir:dir');
    const [image] = await store.load({ folder: join(folder, 'dir') });
    expect(image).toMatchObject({ names: [], layers: layers.map(({ tar }) => `sha256:${sha256(tar)}`) });
    writeFileSync(join(folder, 'dir', image!.id.slice('sha256:'.length)), ' '.repeat(configOf(layers).length));
    await expect(store.load({ folder: join(folder, 'dir') })).rejects.toThrow(/not valid|expected of it/);
  });

  test('reads what is saved as an OCI layout, too', async () => {
    await loadTar(store, modernArchive('app:1', layers));
    writeFileSync(join(folder, 'saved.tar'), await save('app:1'));
    skopeo('copy', '-q', 'oci-archive:saved.tar:1', 'oci:layout:x');
    expect(JSON.parse(skopeo('inspect', 'oci:layout:x').toString()).Layers).toHaveLength(3);
  });
});
