/** User namespaces as operations: made and held, namespaces that belong to them, mounts that map ids, and what is left of the helpers. */

import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import { eventually } from '../../helpers/eventually.ts';
import { CLONE, LAUNCHERS, MS, O, openWorkshop, type Workshop } from './probe-container.ts';

const [USER, ROOT, FOLDER, PROC] = [0, 1, 2, 3];
const RANGE = '0 700000 1000';
const made: LaunchOp = { op: 'user-namespace', slot: USER, uids: RANGE, gids: RANGE };
const enter: LaunchOp = { op: 'join-path', path: `/proc/self/fd/${64 + USER}`, flags: 0x10000000 };
const alone: readonly LaunchOp[] = [
  { op: 'unshare', flags: CLONE.NEWNS },
  { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
  { op: 'open', slot: ROOT, path: '/', flags: O.PATH | O.DIRECTORY },
];
const proc: LaunchOp = { op: 'open', slot: PROC, path: '/proc', flags: O.PATH | O.DIRECTORY };
/** Processes that are launchers, whoever started them. */
const launchers = (): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('tcompose-');
    } catch {
      return false; // It ended meanwhile.
    }
  });

describe.each(LAUNCHERS)('user namespaces %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());
  const run = (ops: readonly LaunchOp[]) => workshop.launcher.run(ops);
  /** The text of a file of /proc, by who has run the operations before. */
  const reads = async (inside: string, ops: readonly LaunchOp[]) => {
    const { data } = await run([...ops, { op: 'read-in', root: PROC, inside, maxBytes: 1000 }]);
    return Buffer.from(data.get(ops.length) ?? [])
      .toString()
      .trim();
  };

  test('one is made, entered and has the map that was given', async () => {
    expect((await reads('self/uid_map', [proc, made, enter])).split(/ +/)).toEqual(['0', '700000', '1000']);
    expect((await reads('self/gid_map', [proc, made, enter])).split(/ +/)).toEqual(['0', '700000', '1000']);
    expect(await reads('self/setgroups', [proc, made, enter])).toBe('allow');
  });

  test('a map that is none, slots that are none and namespaces that are none are refused, and leave nobody behind', async () => {
    await run([]);
    const before = launchers();
    const refused: readonly (readonly [LaunchOp, keyof typeof constants.errno])[] = [
      [{ ...made, uids: '' } as LaunchOp, 'EINVAL'],
      [{ ...made, gids: '0 0 0' } as LaunchOp, 'EINVAL'],
      [{ ...made, uids: '0 1 4294967295\n0 1 1' } as LaunchOp, 'EINVAL'],
      [{ op: 'user-namespace', slot: 64, uids: RANGE, gids: RANGE }, 'EBADF'],
      [{ op: 'unshare', flags: CLONE.NEWNET, user: 64 }, 'EBADF'],
      [{ op: 'unshare', flags: CLONE.NEWNET, user: 9 }, 'EBADF'],
      [{ op: 'unshare', flags: 1, user: USER }, 'EINVAL'],
      [{ op: 'take-user', slot: 5 }, 'ESRCH'],
    ];
    for (const [op, errno] of refused) {
      await expect(run([made, op]), JSON.stringify(op)).rejects.toMatchObject({
        index: 1,
        errno: constants.errno[errno],
      });
    }
    // Who was there before may have been on the way out.
    await eventually(async () => expect(launchers().filter((one) => !before.includes(one))).toEqual([]), 5000);
    expect(before.length).toBeGreaterThan(0);
  });

  test('a network of its own is entered with the rights of the host', async () => {
    const text = await reads('self/net/dev', [proc, made, { op: 'unshare', flags: CLONE.NEWNET, user: USER }]);
    expect(
      text
        .split('\n')
        .filter((line) => line.includes(':'))
        .map((line) => line.trim().split(':')[0]),
    ).toContain('lo');
    expect(
      (await reads('self/uid_map', [proc, made, { op: 'unshare', flags: CLONE.NEWNET, user: USER }])).split(/ +/),
    ).not.toContain('700000');
  });

  test('through a mount that maps ids what root of the range makes is root’s on the disk', async () => {
    const folder = join(workshop.folder, 'mapped');
    mkdirSync(folder);
    const bind = {
      op: 'bind-in',
      root: ROOT,
      source: folder,
      inside: folder,
      recursive: false,
      attributes: 0,
      propagation: 0,
    } as const;
    const make: readonly LaunchOp[] = [
      { op: 'open', slot: FOLDER, path: folder, flags: O.PATH | O.DIRECTORY },
      { op: 'mkdir-in', root: FOLDER, inside: 'made', mode: 0o755 },
    ];
    const asRoot: readonly LaunchOp[] = [
      { op: 'prctl', option: 28, arg2: 4n },
      { op: 'fs-ids', uid: 700_000, gid: 700_000 },
    ];
    await run([made, ...alone, { ...bind, user: USER }, ...asRoot, ...make]);
    expect(statSync(join(folder, 'made'))).toMatchObject({ uid: 0, gid: 0 });
    // Who has no place in the map can make nothing.
    await expect(
      run([made, ...alone, { ...bind, user: USER }, ...make.slice(0, 1), { ...make[1]!, inside: 'other' } as LaunchOp]),
    ).rejects.toMatchObject({
      errno: constants.errno.EOVERFLOW,
    });
    await expect(run([made, ...alone, { ...bind, source: '/proc', user: USER }])).rejects.toThrow(
      /its file system cannot map ids/,
    );
    await expect(run([...alone, { ...bind, user: 9 }])).rejects.toMatchObject({ errno: constants.errno.EBADF });
  });

  test('rights over files end where the map does', async () => {
    const [own, strange] = [join(workshop.folder, 'own'), join(workshop.folder, 'strange')];
    chmodSync(workshop.folder, 0o755);
    for (const path of [own, strange]) writeFileSync(path, 'text', { mode: 0o600 });
    chownSync(own, 700_999, 700_999);
    chownSync(strange, 701_000, 701_000);
    const root: readonly LaunchOp[] = [
      { op: 'open', slot: FOLDER, path: workshop.folder, flags: O.PATH | O.DIRECTORY },
      made,
      enter,
      { op: 'set-ids', uid: 0, gid: 0, groups: [] },
    ];
    const read = (inside: string) => run([...root, { op: 'read-in', root: FOLDER, inside, maxBytes: 10 }]);
    await expect(read('own')).resolves.toBeDefined();
    await expect(read('strange')).rejects.toMatchObject({ errno: constants.errno.EACCES });
    await expect(run([...root.slice(0, 3), { op: 'set-ids', uid: 1000, gid: 0, groups: [] }])).rejects.toMatchObject({
      errno: constants.errno.EINVAL,
    });
  });

  test('a limit is raised and never lowered', async () => {
    const limit = async (...ops: LaunchOp[]) =>
      /Max open files +(\S+) +(\S+)/.exec(await reads('self/limits', [proc, ...ops]))!.slice(1);
    const low: LaunchOp = { op: 'rlimit', resource: 7, soft: 500n, hard: 600n, clamp: false };
    expect(await limit(low, { op: 'raise-rlimit', resource: 7, hard: 550n })).toEqual(['500', '600']);
    const raised = await limit(low, { op: 'raise-rlimit', resource: 7, hard: 700n });
    // Where we have no CAP_SYS_RESOURCE it stays: who sets it afterwards is told.
    expect([
      ['500', '600'],
      ['500', '700'],
    ]).toContainEqual(raised);
    await expect(run([{ op: 'raise-rlimit', resource: 99, hard: 1n }])).rejects.toMatchObject({
      errno: constants.errno.EINVAL,
    });
  });
});
