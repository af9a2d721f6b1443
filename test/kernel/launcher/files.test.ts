/** Operations on files: what they make, and that nothing a container put in the way leads outside of its root. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { LAUNCHERS, O, openWorkshop, type Workshop } from './probe-container.ts';

describe.each(LAUNCHERS)('operations on files %s', (_which, binary) => {
  let workshop: Workshop;
  let root: string;
  let outside: string;
  let count = 0;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());
  beforeEach(() => {
    const folder = join(workshop.folder, `case-${++count}`);
    root = join(folder, 'root');
    outside = join(folder, 'outside');
    for (const path of [root, outside]) mkdirSync(path, { recursive: true });
    writeFileSync(join(outside, 'secret'), 'secret');
  });

  const run = (...ops: LaunchOp[]) =>
    workshop.launcher.run([{ op: 'open', slot: 0, path: root, flags: O.PATH | O.DIRECTORY }, ...ops]);
  const failing = (...ops: LaunchOp[]) =>
    run(...ops).then(
      () => undefined,
      (error) => error.message.replace(/.*\((E[A-Z0-9]+)\)$/, '$1') as string,
    );
  const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);

  test('folders: with mode and owner, with parents, an existing one is left alone', async () => {
    await run(
      { op: 'mkdir-in', root: 0, inside: '/a', mode: 0o1777, uid: 7, gid: 8 },
      { op: 'mkdir-in', root: 0, inside: 'b/c/d', mode: 0o700, parents: true },
      { op: 'mkdir-in', root: 0, inside: '/a', mode: 0o700, uid: 0, gid: 0 },
    );
    expect([modeOf(`${root}/a`), lstatSync(`${root}/a`).uid, lstatSync(`${root}/a`).gid]).toEqual(['1777', 7, 8]);
    expect([modeOf(`${root}/b`), modeOf(`${root}/b/c/d`)]).toEqual(['755', '700']);
    expect(await failing({ op: 'mkdir-in', root: 0, inside: 'no/such', mode: 0o700 })).toBe('ENOENT');
  });

  test('files: made, kept when they are there', async () => {
    writeFileSync(join(root, 'old'), 'kept');
    await run(
      { op: 'touch-in', root: 0, inside: 'old', mode: 0o600 },
      { op: 'touch-in', root: 0, inside: 'x/new', mode: 0o640, parents: true },
    );
    expect(readFileSync(join(root, 'old'), 'utf8')).toBe('kept');
    expect(modeOf(`${root}/x/new`)).toBe('640');
  });

  test('devices and links', async () => {
    await run(
      { op: 'mknod-in', root: 0, inside: 'null', mode: 0o020666, major: 1, minor: 3, uid: 1, gid: 2 },
      { op: 'symlink-in', root: 0, inside: 'l', target: '/proc/self/fd' },
      { op: 'symlink-in', root: 0, inside: 'l', target: 'other', existsOk: true },
    );
    const status = lstatSync(`${root}/null`);
    expect([status.isCharacterDevice(), status.rdev, status.uid, modeOf(`${root}/null`)]).toEqual([
      true,
      0x103,
      1,
      '666',
    ]);
    expect(readlinkSync(`${root}/l`)).toBe('/proc/self/fd');
    expect(await failing({ op: 'symlink-in', root: 0, inside: 'l', target: 'x' })).toBe('EEXIST');
  });

  test('reading: content up to a limit, nothing for what is absent, no pipes and no folders', async () => {
    writeFileSync(join(root, 'f'), 'x'.repeat(300_000));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const { data } = await run(
      { op: 'read-in', root: 0, inside: 'f', maxBytes: 1_000_000 },
      { op: 'read-in', root: 0, inside: 'f', maxBytes: 3 },
      { op: 'read-in', root: 0, inside: 'absent', maxBytes: 10 },
      { op: 'read-in', root: 0, inside: 'f/absent', maxBytes: 10 },
    );
    expect([...data].map(([index, bytes]) => [index, bytes.length])).toEqual([
      [1, 300_000],
      [2, 3],
    ]);
    for (const inside of ['pipe', '/'])
      expect(await failing({ op: 'read-in', root: 0, inside, maxBytes: 9 })).toBe('EINVAL');
    expect(await failing({ op: 'read-in', root: 0, inside: 'f', maxBytes: 2 ** 21 })).toBe('EINVAL');
  });

  test('a device that lies in wait is not even opened: that alone can start a watchdog', async () => {
    // No driver has this number: an open would fail with ENXIO.
    await run({ op: 'mknod-in', root: 0, inside: 'trap', mode: 0o020666, major: 240, minor: 99 });
    expect(await failing({ op: 'read-in', root: 0, inside: 'trap', maxBytes: 9 })).toBe('EINVAL');
  });

  describe('symbolic links of a hostile image', () => {
    beforeEach(() => {
      symlinkSync(outside, join(root, 'absolute'));
      symlinkSync('../../../../../../../../../../../../..' + outside, join(root, 'relative'));
      symlinkSync('/nowhere', join(root, 'dangling'));
      symlinkSync('loop', join(root, 'loop'));
      symlinkSync('/proc/self/root', join(root, 'magic'));
    });

    const untouched = () => {
      expect(readdirSync(outside)).toEqual(['secret']);
      expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
    };

    test.each(['absolute', 'relative'])('%s: what is written through it lands inside, or nowhere', async (link) => {
      expect(await failing({ op: 'touch-in', root: 0, inside: `${link}/new`, mode: 0o600 })).toBe('ENOENT');
      expect(await failing({ op: 'mknod-in', root: 0, inside: `${link}/n`, mode: 0o020666, major: 1, minor: 3 })).toBe(
        'ENOENT',
      );
      expect(await failing({ op: 'symlink-in', root: 0, inside: `${link}/s`, target: 'x' })).toBe('ENOENT');
      expect(await failing({ op: 'open-in', slot: 3, root: 0, inside: `${link}/secret`, flags: 0 })).toBe('ENOENT');
      const { data } = await run({ op: 'read-in', root: 0, inside: `${link}/secret`, maxBytes: 100 });
      expect(data.size).toBe(0);
      untouched();
      // A link to a folder that the image has inside is followed there.
      mkdirSync(join(root, outside), { recursive: true });
      await run({ op: 'touch-in', root: 0, inside: `${link}/in`, mode: 0o600 });
      expect(existsSync(join(root, outside, 'in'))).toBe(true);
      untouched();
    });

    test('dangling and circular ones are errors, never paths', async () => {
      for (const op of [
        { op: 'mkdir-in', root: 0, inside: 'dangling', mode: 0o755, parents: true },
        { op: 'touch-in', root: 0, inside: 'dangling', mode: 0o600, parents: true },
      ] as const) {
        expect(await failing(op)).toBe('EEXIST');
      }
      expect(await failing({ op: 'mkdir-in', root: 0, inside: 'dangling/x', mode: 0o755, parents: true })).toBe(
        'ENOENT',
      );
      expect(await failing({ op: 'mkdir-in', root: 0, inside: 'loop/x', mode: 0o755, parents: true })).toBe('ELOOP');
      expect(existsSync('/nowhere')).toBe(false);
    });

    test('a name that leads upwards stays inside', async () => {
      await run({ op: 'touch-in', root: 0, inside: '../../../../../../../escape', mode: 0o600 });
      expect(readdirSync(root)).toContain('escape');
      expect(existsSync('/escape')).toBe(false);
      for (const inside of ['..', 'a/..', '.', '', '/']) {
        expect(await failing({ op: 'symlink-in', root: 0, inside, target: 'x' })).toBe('EINVAL');
      }
    });
  });

  test('on the host: one write of the whole data, and only to what exists', async () => {
    writeFileSync(join(outside, 'file'), '');
    await workshop.launcher.run([{ op: 'write', path: join(outside, 'file'), data: 'abc' }]);
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('abc');
    const result = await workshop.launcher.run([
      { op: 'write', path: join(outside, 'absent'), data: 'x', optional: true },
      { op: 'mkdir', path: join(outside, 'd'), mode: 0o711 },
      { op: 'mkdir', path: join(outside, 'd'), mode: 0o700, existsOk: true },
    ]);
    expect(result.warnings).toEqual([
      expect.objectContaining({ index: 0, errno: 2, message: expect.stringContaining('cannot write "x" to') }),
    ]);
    expect(modeOf(join(outside, 'd'))).toBe('711');
  });

  test('slots beyond the table are refused', async () => {
    expect(await failing({ op: 'open', slot: 64, path: '/', flags: 0 })).toBe('EBADF');
    expect(await failing({ op: 'mkdir-in', root: 2 ** 31, inside: 'x', mode: 0 })).toBe('EBADF');
    expect(await failing({ op: 'mkdir-in', root: 5, inside: 'x', mode: 0 })).toBe('EBADF');
  });
});
