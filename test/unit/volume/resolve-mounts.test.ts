/** One mount per target, in the order in which they can be mounted. */
import { describe, expect, test } from 'vitest';
import { type MountRequest, resolveMounts } from '../../../engine/volume/resolve-mounts.ts';
import type { DesiredMount } from '../../../src/model/desired.ts';

const volume = (target: string, name?: string, readOnly = false): DesiredMount => ({
  kind: 'volume',
  target,
  readOnly,
  noCopy: false,
  ...(name !== undefined && { volume: name }),
});
const bind = (source: string, target: string): DesiredMount => ({
  kind: 'bind',
  source,
  target,
  readOnly: false,
  createHostPath: true,
  propagation: 'rprivate',
  recursive: true,
});
const from = (container: string, readOnly = false): DesiredMount => ({ kind: 'from', container, readOnly, target: '' });

const resolve = (request: Partial<MountRequest>) =>
  resolveMounts({ mounts: [], imageVolumes: [], inherited: [], mountsOf: () => undefined, ...request });
const targets = (request: Partial<MountRequest>) => resolve(request).map((mount) => `${mount.target}=${mount.source}`);

describe('mounts', () => {
  test('parents come before children', () => {
    expect(targets({ mounts: [volume('/a/b/c', 'x'), volume('/a', 'y'), bind('/h', '/a/b')] })).toEqual([
      '/a=y',
      '/a/b=/h',
      '/a/b/c=x',
    ]);
  });

  test('targets are cleaned; two of one target are refused, as are / and relative ones', () => {
    expect(targets({ mounts: [volume('/a//b/', 'x')] })).toEqual(['/a/b=x']);
    expect(() => resolve({ mounts: [volume('/a', 'x'), volume('/a/', 'y')] })).toThrow(/two mounts/);
    for (const target of ['/', '//', '/a/..', 'data', ''])
      expect(() => resolve({ mounts: [volume(target, 'x')] })).toThrow(/no place/);
  });

  test("an image's VOLUME becomes an anonymous volume unless something is mounted there", () => {
    const tmpfs: DesiredMount = { kind: 'tmpfs', target: '/tmp', readOnly: false, options: [] };
    const [data, other] = resolve({
      mounts: [volume('/data', 'mine'), tmpfs],
      imageVolumes: ['/data', '/tmp', '/logs/'],
    }).filter((mount) => mount.kind === 'volume');
    expect(data).toMatchObject({ target: '/data', source: 'mine', anonymous: false });
    expect(other).toMatchObject({ target: '/logs', anonymous: true, noCopy: false });
    expect(other!.source).toMatch(/^[0-9a-f]{64}$/);
  });

  test('anonymous volumes are taken over from the replaced container by target, named ones are not', () => {
    const before = resolve({ mounts: [volume('/a'), volume('/b', 'named')], imageVolumes: ['/c'] });
    const after = resolve({ mounts: [volume('/a'), volume('/b')], imageVolumes: ['/c'], inherited: before });
    const sourceAt = (mounts: typeof after, target: string) => mounts.find((mount) => mount.target === target)!.source;
    expect(sourceAt(after, '/a')).toBe(sourceAt(before, '/a'));
    expect(sourceAt(after, '/c')).toBe(sourceAt(before, '/c'));
    expect(sourceAt(after, '/b')).not.toBe('named');
    expect(after.every((mount) => mount.anonymous)).toBe(true);
  });

  test('volumes_from brings all but tmpfs, read-only where asked, and nothing is copied into them', () => {
    const source = resolve({
      mounts: [
        volume('/v', 'v'),
        volume('/ro', 'r', true),
        { kind: 'tmpfs', target: '/t', readOnly: false, options: [] },
      ],
      imageVolumes: ['/anon'],
    });
    const mountsOf = (name: string) => (name === 'data-1' ? source : undefined);
    const writable = resolve({ mounts: [from('data-1')], mountsOf });
    expect(writable.map(({ target, readOnly, noCopy }) => [target, readOnly, noCopy])).toEqual([
      ['/anon', false, true],
      ['/ro', true, true],
      ['/v', false, true],
    ]);
    expect(resolve({ mounts: [from('data-1', true)], mountsOf }).every((mount) => mount.readOnly)).toBe(true);
    expect(() => resolve({ mounts: [from('nobody')], mountsOf })).toThrow(/no container nobody/);
  });

  test('own mounts win over volumes_from wherever they stand, later volumes_from over earlier', () => {
    const mountsOf = (name: string) => resolve({ mounts: [volume('/data', name), volume('/more', name)] });
    expect(targets({ mounts: [volume('/data', 'own'), from('one'), from('two')], mountsOf })).toEqual([
      '/data=own',
      '/more=two',
    ]);
  });

  test('volumes_from suppresses the VOLUME of the same target', () => {
    const mountsOf = () => resolve({ mounts: [volume('/data', 'shared')] });
    expect(targets({ mounts: [from('one')], imageVolumes: ['/data'], mountsOf })).toEqual(['/data=shared']);
  });
});
