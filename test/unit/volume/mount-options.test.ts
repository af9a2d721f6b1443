/** Driver options become arguments of mount(8) that it cannot take for options of its own. */
import { describe, expect, test } from 'vitest';
import {
  checkDriverOptions,
  hostToResolve,
  mountArguments,
  withoutPasswords,
} from '../../../engine/volume/mount-options.ts';

const volume = (driverOpts: Record<string, string>) =>
  ({ name: 'v', external: false, driver: 'local', driverOpts, labels: {} }) as const;

describe('driver options', () => {
  test.each([
    [
      { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=5' },
      ['-t', 'tmpfs', '-o', 'size=1m,uid=5', '--', 'tmpfs', '/d'],
    ],
    [{ type: '', device: '/srv/data', o: 'bind' }, ['-t', 'none', '-o', 'bind', '--', '/srv/data', '/d']],
    [{ type: 'none', device: '/srv/data', o: 'bind' }, ['-t', 'none', '-o', 'bind', '--', '/srv/data', '/d']],
    [
      { type: 'nfs', device: ':/export', o: 'addr=10.0.0.1,rw' },
      ['-i', '-t', 'nfs', '-o', 'addr=10.0.0.1,rw', '--', ':/export', '/d'],
    ],
    [{ type: 'tmpfs', device: 'tmpfs' }, ['-t', 'tmpfs', '--', 'tmpfs', '/d']],
  ])('%j', (options, expected) => {
    checkDriverOptions(volume(options));
    expect(mountArguments(volume(options), '/d')).toEqual(expected);
  });

  test.each([
    [{ type: 'tmpfs' }, /belong together/],
    [{ device: '/x' }, /belong together/],
    [{ o: 'bind' }, /belong together/],
    [{ type: '-o', device: '/x' }, /type/],
    [{ type: 'none', device: '--make-shared', o: 'bind' }, /device/],
    [{ type: 'none', device: 'relative', o: 'bind' }, /absolute/],
    [{ sizes: '1' }, /unknown/],
    [{ size: '1m' }, /needs project quotas/],
  ])('%j is refused', (options, message) =>
    expect(() => checkDriverOptions(volume(options as Record<string, string>))).toThrow(message),
  );

  test.each([
    [{ type: 'nfs', device: ':/x', o: 'rw,addr=files.example' }, 'files.example', 'rw,addr=192.0.2.1'],
    [{ type: 'nfs4', device: ':/x', o: 'addr=files.example,soft' }, 'files.example', 'soft,addr=192.0.2.1'],
    [{ type: 'cifs', device: '//files.example/share', o: 'username=u' }, 'files.example', 'username=u,addr=192.0.2.1'],
    [{ type: 'none', device: '/x', o: 'bind' }, undefined, undefined],
  ])('a server is looked up for the kernel, which takes addresses only: %j', (options, host, given) => {
    const one = volume(options);
    expect(hostToResolve(one)).toBe(host);
    if (given !== undefined) expect(mountArguments(one, '/d', '192.0.2.1')).toContain(given);
  });

  test('passwords stay out of messages', () =>
    expect(withoutPasswords('mount: username=u,password=geheim,vers=3: no')).toBe(
      'mount: username=u,password=(hidden),vers=3: no',
    ));
});
