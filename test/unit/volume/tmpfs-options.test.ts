/** Words of a tmpfs: what the kernel takes as flags, as data, or not at all. */
import { expect, test } from 'vitest';
import { tmpfsMount, unknownTmpfsOption } from '../../../engine/volume/tmpfs-options.ts';

test('without options it is closed to programs, devices and set-user-id bits, and open to everybody', () => {
  expect(tmpfsMount([], false)).toEqual({ flags: 2 | 4 | 8, data: ['mode=1777'] });
});

test('later words undo earlier ones; what is no flag is the file system’s', () => {
  expect(tmpfsMount(['exec', 'noatime', 'ro', 'rw', 'size=1m', 'mode=700'], false)).toEqual({
    flags: 2 | 4 | 1024,
    data: ['size=1m', 'mode=700'],
  });
  expect(tmpfsMount([], true).flags & 1).toBe(1);
});

test('what neither knows is found before the kernel refuses it', () => {
  expect(
    unknownTmpfsOption(['size=1m', 'size=50%', 'size=0x1000k', 'mode=01777', 'uid=3', 'nr_inodes=2', 'exec']),
  ).toBeUndefined();
  expect(unknownTmpfsOption(['size=1m', 'nosuch'])).toBe('nosuch');
  expect(unknownTmpfsOption(['constructor'])).toBe('constructor');
  expect(unknownTmpfsOption(['size'])).toBe('size');
});
