/** Contexts that are folders and archives, and layers that are copied from: what is read, when, and what never is. */
import { renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gather } from '../../../engine/build/copy/gather.ts';
import { openContext } from '../../../engine/build/copy/open-context.ts';
import { useCopyStage } from './a-copy-job.ts';
import { overlayReach } from './a-small-builder.ts';
import { type TreeSpec, tarBytes } from './a-tree.ts';

const stage = useCopyStage();

describe('a folder', () => {
  test('is read once: later only what has changed is, and nothing where nothing has', async () => {
    const folder = await stage.tree('read-once', { 'a/': {}, 'a/one': 'x'.repeat(1000), 'a/two': 'y'.repeat(300) });
    await new Promise((done) => setTimeout(done, 2300)); // whole seconds would not tell a change that comes at once
    const first = await stage.job('COPY . /x/', folder);
    expect(stage.bytesRead()).toBe(1300);
    stage.again();
    expect((await stage.job('COPY . /x/', folder)).step).toEqual(first.step);
    expect(stage.bytesRead()).toBe(0);
    writeFileSync(join(folder, 'a/two'), 'z'.repeat(300));
    utimesSync(join(folder, 'a/two'), 1_500_000_000, 1_500_000_000);
    stage.again();
    expect((await stage.job('COPY . /x/', folder)).step).not.toEqual(first.step);
    expect(stage.bytesRead()).toBe(300);
  });

  test('a file that was written a moment ago is read again, since its times may stay as they are', async () => {
    const folder = await stage.tree('young', { a: 'first' });
    writeFileSync(join(folder, 'a'), 'first');
    await stage.job('COPY . /x/', folder);
    stage.again();
    await stage.job('COPY . /x/', folder);
    expect(stage.bytesRead()).toBe(5);
  });

  test('only what is copied is read', async () => {
    const folder = await stage.tree('little', { a: 'small', big: 'b'.repeat(10_000), 'd/': {}, 'd/c': 'c' });
    await stage.job('COPY a d /x/', folder);
    expect(stage.bytesRead()).toBe(6);
  });

  test('times, owners and the order of making do not count, everything else does', async () => {
    const digest = async (name: string, spec: TreeSpec) =>
      (await stage.job('COPY . /x/', await stage.tree(name, spec))).step.contents;
    const plain = await digest('same-1', { a: 'a', 'd/': {}, 'd/b': 'b', l: { link: 'a' } });
    expect(
      await digest('same-2', { l: { link: 'a' }, 'd/': {}, 'd/b': { text: 'b', uid: 7, mtime: 5 }, a: 'a' }),
    ).toEqual(plain);
    const others: Record<string, TreeSpec> = {
      content: { a: 'A', 'd/': {}, 'd/b': 'b', l: { link: 'a' } },
      mode: { a: { text: 'a', mode: 0o600 }, 'd/': {}, 'd/b': 'b', l: { link: 'a' } },
      link: { a: 'a', 'd/': {}, 'd/b': 'b', l: { link: 'b' } },
      name: { c: 'a', 'd/': {}, 'd/b': 'b', l: { link: 'a' } },
      attribute: { a: { text: 'a', xattrs: { 'user.x': '1' } }, 'd/': {}, 'd/b': 'b', l: { link: 'a' } },
      folder: { a: 'a', 'd/': { mode: 0o700 }, 'd/b': 'b', l: { link: 'a' } },
    };
    for (const [name, spec] of Object.entries(others))
      expect(await digest(`other-${name}`, spec), name).not.toEqual(plain);
  });

  test('what changes between hashing and copying is an error, not a layer of something else', async () => {
    const folder = await stage.tree('raced', { a: 'first' });
    const gathered = await stage.job('COPY . /x/', folder);
    writeFileSync(join(folder, 'a'), 'other');
    await expect(gathered.put(overlayReach(stage.services.scratch, []), undefined)).rejects.toThrow(
      'a changed while it was copied',
    );
  });

  test('a link put in the place of a folder meanwhile never leads out of the context', async () => {
    const folder = await stage.tree('swapped', { 'd/': {}, 'd/passwd': 'ours' });
    const gathered = await stage.job('COPY d /x/', folder);
    renameSync(join(folder, 'd'), join(folder, 'gone'));
    symlinkSync('/etc', join(folder, 'd'));
    await expect(gathered.put(overlayReach(stage.services.scratch, []), undefined)).rejects.toThrow(/d\/passwd/);
  });

  test('texts are found through links inside of it, and nowhere else', async () => {
    const folder = await stage.tree('texts', {
      'sub/': {},
      'sub/Dockerfile': 'FROM x',
      Dockerfile: { link: '/sub/Dockerfile' },
      out: { link: '../../../../../etc/hostname' },
      'd/': {},
    });
    const context = await openContext(stage.services, { kind: 'folder', path: folder });
    expect(await context.readText('Dockerfile')).toBe('FROM x');
    expect(await context.readText('sub/../sub/Dockerfile')).toBe('FROM x');
    expect(await context.readText('missing')).toBeUndefined();
    expect(await context.readText('no/such/folder')).toBeUndefined();
    expect(await context.readText('out')).toBeUndefined();
    await expect(context.readText('d')).rejects.toThrow('is no file');
    await expect(openContext(stage.services, { kind: 'folder', path: join(folder, 'nowhere') })).rejects.toThrow(
      'is not there',
    );
  });
});

describe('a stage', () => {
  test('what its layers hold is hashed once for all builds', async () => {
    const layer = await stage.tree('layer', { a: 'of a stage', 'd/': {}, 'd/b': 'too' });
    const copied = () => {
      const body = stage.body('COPY --from=one . /x/');
      return gather(stage.services, { body, from: { kind: 'layers', layers: [layer], key: 'a-key' }, target: '/x/' });
    };
    const first = await copied();
    expect(stage.bytesRead()).toBe(13);
    stage.again();
    expect((await copied()).step).toEqual(first.step);
    expect(stage.bytesRead()).toBe(0);
  });
});

describe('an archive', () => {
  test.each(['plain', 'gzip', 'zstd', 'xz', 'bzip2'] as const)('is a context: %s', async (pack) => {
    const tar = await tarBytes({ Dockerfile: 'FROM x', 'd/': {}, 'd/f': 'f' }, pack === 'plain' ? undefined : pack);
    const path = join(stage.work, `context-${pack}`);
    writeFileSync(path, tar);
    const context = await openContext(stage.services, { kind: 'archive', path });
    expect(await context.readText('Dockerfile')).toBe('FROM x');
    expect(await stage.made('COPY d /x', context.folder)).toEqual(['/x d755 0:0 "" old', '/x/f f644 0:0 "f" old']);
  });

  test('that is none, or leads out, is an error', async () => {
    const path = join(stage.work, 'no-archive');
    writeFileSync(path, 'FROM scratch '.repeat(100));
    await expect(openContext(stage.services, { kind: 'archive', path })).rejects.toThrow('not a valid tar archive');
    writeFileSync(path, await tarBytes({ '../../out': 'x' }));
    await expect(openContext(stage.services, { kind: 'archive', path })).rejects.toThrow('leaves the root');
  });
});
