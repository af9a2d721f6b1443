/** Archives are read as they were meant, or refused. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../engine/image/byte-reader.ts';
import { TarError } from '../../../engine/image/tar-header.ts';
import { readTar, type TarEntry } from '../../../engine/image/tar-reader.ts';
import { END, type Entry, entryBytes, makeTar, padded } from './tar-writer.ts';

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

type Read = Omit<TarEntry, 'data'> & { readonly content: Buffer };

const readAll = async (bytes: Buffer, chunk = 700): Promise<{ entries: Read[]; isEndMarked: boolean }> => {
  const entries: Read[] = [];
  const reading = readTar(new ByteReader(inChunks(bytes, chunk)));
  for (;;) {
    const next = await reading.next();
    if (next.done) return { entries, isEndMarked: next.value };
    const parts: Buffer[] = [];
    for await (const part of next.value.data()) parts.push(Buffer.from(part));
    const { data: _, ...entry } = next.value;
    entries.push({ ...entry, content: Buffer.concat(parts) });
  }
};

const only = async (entry: Entry): Promise<Read> => (await readAll(makeTar(entry))).entries[0]!;

describe('what is read', () => {
  test('names, data and kinds, however the bytes are cut', async () => {
    const tar = makeTar(
      { name: 'etc/', type: '5', mode: 0o1777 },
      { name: 'etc/passwd', data: 'root:x:0:0\n', uid: 5, gid: 7, mode: 0o4755 },
      { name: 'link', type: '2', link: 'etc/passwd' },
      { name: 'hard', type: '1', link: 'etc/passwd' },
      { name: 'dev', type: '3', major: 5, minor: 1 },
      { name: 'pipe', type: '6' },
    );
    for (const chunk of [1, 511, 512, 513, 100_000]) {
      const { entries, isEndMarked } = await readAll(tar, chunk);
      expect(isEndMarked).toBe(true);
      expect(entries.map(({ kind, path, link }) => [kind, path, link])).toEqual([
        ['folder', 'etc/', ''],
        ['file', 'etc/passwd', ''],
        ['symlink', 'link', 'etc/passwd'],
        ['hard-link', 'hard', 'etc/passwd'],
        ['char-device', 'dev', ''],
        ['fifo', 'pipe', ''],
      ]);
      expect(entries[1]).toMatchObject({ mode: 0o4755, uid: 5, gid: 7, size: 11, stored: 11 });
      expect(entries[1]!.content.toString()).toBe('root:x:0:0\n');
      expect(entries[4]).toMatchObject({ major: 5, minor: 1 });
    }
  });

  test('data that is not read is skipped', async () => {
    const reading = readTar(
      new ByteReader(inChunks(makeTar({ name: 'a', data: 'x'.repeat(3000) }, { name: 'b' }), 512)),
    );
    expect((await reading.next()).value).toMatchObject({ path: 'a' });
    expect((await reading.next()).value).toMatchObject({ path: 'b' });
  });

  test('any file content survives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 1500 }),
        async (files, chunk) => {
          const tar = makeTar(...files.map((data, index) => ({ name: `f${index}`, data: Buffer.from(data) })));
          const { entries } = await readAll(tar, chunk);
          expect(entries.map(({ content }) => [...content])).toEqual(files.map((data) => [...data]));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('PAX records override: name, link, size, owner beyond octal, nanoseconds', async () => {
    const long = `${'d/'.repeat(200)}file`;
    const entry = await only({
      name: 'short',
      pax: { path: long, uid: '4000000000', gid: '3000000', mtime: '1700000000.123456789' },
    });
    expect(entry).toMatchObject({
      path: long,
      uid: 4_000_000_000,
      gid: 3_000_000,
      mtime: { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
    });
    const sized = Buffer.concat([
      entryBytes({ name: 'big', pax: { size: '3' }, spoil: (header) => header.write('00000000000\0', 124) }),
      padded(Buffer.from('abc')),
      END,
    ]);
    expect((await readAll(sized)).entries[0]!.content.toString()).toBe('abc');
  });

  test('times before 1970 count back', async () => {
    expect((await only({ name: 'old', pax: { mtime: '-1.25' } })).mtime).toEqual({
      seconds: -2,
      nanoseconds: 750_000_000,
    });
  });

  test('extended attributes keep every byte, NUL and newline included', async () => {
    const value = Buffer.from([1, 0, 10, 61, 255, 0]);
    const entry = await only({
      name: 'ping',
      pax: { 'SCHILY.xattr.security.capability': value, 'LIBARCHIVE.xattr.user.a%20b': value.toString('base64') },
    });
    expect(entry.xattrs.get('security.capability')).toEqual(value);
    expect(entry.xattrs.get('user.a b')).toEqual(value);
  });

  test('names need not be UTF-8', async () => {
    const name = Buffer.from([0x66, 0xe4, 0xff]).toString('latin1');
    expect((await only({ name })).path).toBe(name);
  });

  test('GNU long names and links, and base-256 numbers', async () => {
    const long = 'n'.repeat(300);
    const tar = Buffer.concat([
      entryBytes({ name: '././@LongLink', type: 'L', data: `${long}\0`, gnu: true }),
      entryBytes({ name: '././@LongLink', type: 'K', data: `${long}2\0`, gnu: true }),
      entryBytes({
        name: 'n',
        type: '2',
        link: 'n',
        gnu: true,
        spoil: (header) => header.set([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe], 108),
      }),
      END,
    ]);
    expect((await readAll(tar)).entries[0]).toMatchObject({ path: long, link: `${long}2`, uid: 0xfffffffe });
  });

  test.each(['gnu', 'posix'])('sparse files of tar --format=%s have their holes where they were', async (format) => {
    const folder = mkdtempSync(join(tmpdir(), 'tcompose-sparse-'));
    try {
      const file = join(folder, 'holes');
      execFileSync('truncate', ['-s', '3M', file]);
      execFileSync('dd', [`of=${file}`, 'bs=1', 'seek=1048576', 'conv=notrunc', 'status=none'], { input: 'middle' });
      for (const version of format === 'posix' ? ['0.0', '0.1', '1.0'] : ['']) {
        const argv = [
          '-C',
          folder,
          '-cSf',
          '-',
          `--format=${format}`,
          ...(version ? [`--sparse-version=${version}`] : []),
          'holes',
        ];
        const { entries } = await readAll(execFileSync('tar', argv));
        const { path, size, segments, content } = entries[0]!;
        expect({ version, path, size }).toEqual({ version, path: 'holes', size: 3 * 1024 * 1024 });
        const rebuilt = Buffer.alloc(size);
        let at = 0;
        for (const [offset, length] of segments) at += content.copy(rebuilt, offset, at, at + length);
        expect(rebuilt.subarray(1_048_576, 1_048_582).toString()).toBe('middle');
        expect(rebuilt.filter((byte) => byte !== 0).length).toBe(6);
        expect(content.length).toBeLessThan(100_000);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('what GNU tar writes of a real tree', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tcompose-tree-'));
    try {
      mkdirSync(join(folder, 'a/b'), { recursive: true });
      writeFileSync(join(folder, 'a/b/ü\n.txt'), 'hello');
      symlinkSync('../x', join(folder, 'a/l'));
      for (const format of ['v7', 'ustar', 'gnu', 'pax']) {
        const { entries } = await readAll(
          execFileSync('tar', ['-C', folder, `--format=${format}`, '--sort=name', '-cf', '-', 'a']),
        );
        expect(entries.map(({ kind, path }) => `${kind} ${Buffer.from(path, 'latin1')}`)).toEqual([
          'folder a/',
          'folder a/b/',
          'file a/b/ü\n.txt',
          'symlink a/l',
        ]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('what is refused', () => {
  const refused: readonly (readonly [string, Buffer])[] = [
    ['a wrong checksum', Buffer.concat([entryBytes({ name: 'a' }).fill(0x41, 0, 1), END])],
    ['a negative size', makeTar({ name: 'a', spoil: (header) => header.fill(0xff, 124, 136) })],
    [
      'a size beyond reason',
      makeTar({
        name: 'a',
        spoil: (header) => header.set([0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 124),
      }),
    ],
    ['a size that is no number', makeTar({ name: 'a', spoil: (header) => header.write('12x', 124) })],
    ['a PAX size that is no number', makeTar({ name: 'a', pax: { size: '-5' } })],
    ['an unknown type', makeTar({ name: 'a', type: 'Q' })],
    ['an owner that means "unchanged"', makeTar({ name: 'a', pax: { uid: '4294967295' } })],
    ['data that is missing', entryBytes({ name: 'a', data: 'x'.repeat(1000) }).subarray(0, 1024)],
    ['padding that is missing', entryBytes({ name: 'a', data: 'x'.repeat(600) }).subarray(0, 512 + 600)],
    ['half a header', makeTar({ name: 'a' }).subarray(0, 700)],
    ['a PAX header without length', Buffer.concat([entryBytes({ name: 'x', type: 'x', data: 'nonsense' }), END])],
    [
      'a PAX header whose length lies',
      Buffer.concat([entryBytes({ name: 'x', type: 'x', data: '999 path=a\n' }), END]),
    ],
    [
      'a PAX header beyond reason',
      Buffer.concat([entryBytes({ name: 'x', type: 'x', spoil: (header) => header.write('77777777777\0', 124) }), END]),
    ],
    [
      'a sparse map that overlaps',
      makeTar({ name: 'a', data: 'xx', pax: { 'GNU.sparse.size': '10', 'GNU.sparse.map': '5,1,0,1' } }),
    ],
    [
      'a sparse map longer than its file',
      makeTar({ name: 'a', data: 'xx', pax: { 'GNU.sparse.size': '3', 'GNU.sparse.map': '2,2' } }),
    ],
    [
      'a sparse map that is no list of numbers',
      makeTar({ name: 'a', data: 'xx', pax: { 'GNU.sparse.size': '3', 'GNU.sparse.map': '0,x' } }),
    ],
    [
      'a sparse map in the data that never ends',
      makeTar({ name: 'a', data: '9'.repeat(512), pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '3' } }),
    ],
  ];
  test.each(refused)('%s', async (_, tar) => {
    await expect(readAll(tar)).rejects.toThrow(TarError);
  });

  test('random bytes never hang or crash the reader', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2048 }), fc.nat(1535), async (noise, at) => {
        const tar = Buffer.concat([makeTar({ name: 'a', pax: { path: 'b' }, data: 'xyz' })]);
        tar.set(noise.subarray(0, Math.max(0, tar.length - at)), at);
        await readAll(tar).catch((error: unknown) => expect(error).toBeInstanceOf(TarError));
      }),
      { numRuns: 300 },
    );
  });
});
