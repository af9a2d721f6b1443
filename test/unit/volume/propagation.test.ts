/** Whether a place on the host can share its mounts, read off mountinfo. */
import { expect, test } from 'vitest';
import { propagationProblem } from '../../../engine/volume/propagation.ts';

const MOUNTS = [
  '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
  '28 27 0:5 / /srv rw,relatime shared:6 - tmpfs tmpfs rw',
  '29 27 0:6 / /slave rw,relatime master:6 - tmpfs tmpfs rw',
  '30 28 0:7 / /srv/own rw,relatime - tmpfs tmpfs rw',
  '31 27 0:8 / /twice rw - tmpfs tmpfs rw',
  '32 31 0:9 / /twice rw shared:7 - tmpfs tmpfs rw',
  '33 27 0:9 / /with\\040blank rw shared:8 - tmpfs tmpfs rw',
].join('\n');

test.each([
  ['/srv/deep/folder', 'rshared', undefined],
  ['/srv', 'shared', undefined],
  ['/srvx', 'rshared', 'path /srvx is mounted on / but it is not a shared mount'],
  ['/srv/own/x', 'rshared', 'path /srv/own/x is mounted on /srv/own but it is not a shared mount'],
  ['/slave/x', 'rslave', undefined],
  ['/slave/x', 'shared', 'path /slave/x is mounted on /slave but it is not a shared mount'],
  ['/home', 'slave', 'path /home is mounted on / but it is not a shared or slave mount'],
  ['/twice/x', 'rshared', undefined],
  ['/with blank/x', 'rshared', undefined],
])('%s, %s', (path, propagation, message) => {
  expect(propagationProblem(MOUNTS, path, propagation)?.message).toBe(message);
});
