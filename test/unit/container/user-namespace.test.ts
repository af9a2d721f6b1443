/** Whose ids a container has, what it cannot have beside them, and the order of what its start does. */
import { describe, expect, test } from 'vitest';
import { allotUser, userDonor, userPlan } from '../../../engine/container/isolation/user-namespace.ts';
import { isOlder, userNamespaceProblem } from '../../../engine/container/isolation/user-namespace-check.ts';
import type { ContainerRecord } from '../../../engine/state/records.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';

const PATHS = { root: '/root', run: '/run' };
type User = NonNullable<NonNullable<DesiredContainer['namespaces']>['user']>;
const AUTO: User = { kind: 'auto', size: 65_536 };
const PRIVATE: User = { kind: 'private' };
const of = (container: string) => ({ kind: 'container', container }) as const;
const desired = (name: string, changes: Partial<DesiredContainer> = {}): DesiredContainer =>
  ({
    name,
    labels: { 'com.docker.compose.project': 'shop' },
    networkMode: { kind: 'none' },
    mounts: [],
    namespaces: { user: AUTO },
    security: { privileged: false },
    ...changes,
  }) as unknown as DesiredContainer;
const made = (madeFrom: DesiredContainer, uid?: number): ContainerRecord =>
  ({
    id: madeFrom.name.repeat(8),
    name: madeFrom.name,
    madeFrom,
    ...(uid === undefined ? {} : { ids: { uid, gid: uid, size: 65_536 } }),
  }) as unknown as ContainerRecord;

describe('its ids', () => {
  test('are its own with auto, also beside those that are stopped; a new one of the same mode keeps them', () => {
    const first = allotUser(desired('a'), undefined, [])!;
    const second = allotUser(desired('b'), undefined, [made(desired('a'), first.uid)])!;
    expect(Math.abs(second.uid - first.uid)).toBeGreaterThanOrEqual(65_536);
    expect(allotUser(desired('b'), made(desired('b'), 900_000), [])?.uid).toBe(900_000);
    const fewer = desired('b', { namespaces: { user: { kind: 'auto', size: 10 } } });
    expect(allotUser(fewer, made(desired('b'), 900_000), [])?.size).toBe(10);
  });

  test('are the project’s with private, and of no other project', () => {
    const one = desired('a', { namespaces: { user: PRIVATE } });
    const other = { ...one, name: 'c', labels: { 'com.docker.compose.project': 'other' } };
    expect(allotUser({ ...one, name: 'b' }, undefined, [made(desired('z'), 800_000), made(one, 900_000)])?.uid).toBe(
      900_000,
    );
    expect(allotUser(other, undefined, [made(one, 524_288)])?.uid).not.toBe(524_288);
  });

  test('are the host’s without, and the donor’s where it shares', () => {
    expect(allotUser(desired('a', { namespaces: {} }), undefined, [])).toBeUndefined();
    const guest = desired('guest', { networkMode: of('a') });
    expect(allotUser(guest, undefined, [])).toBeUndefined();
    const second = desired('second', { namespaces: { user: AUTO, pid: of('guest') } });
    expect([userDonor(guest), userDonor(second), userDonor(desired('a'))]).toEqual(['a', 'guest', undefined]);
    const records = [made(desired('a'), 900_000), made(guest), made(second)];
    expect(userPlan(PATHS, records[2]!, records)).toEqual({
      ids: { uid: 900_000, gid: 900_000, size: 65_536 },
      donor: `/run/containers/${'guest'.repeat(8)}/state`,
    });
    expect(() => userPlan(PATHS, records[1]!, [made(desired('a', { namespaces: {} }))])).toThrow(
      'container guest has a user namespace and shares others with a, which has none',
    );
  });
});

describe('what cannot be beside it', () => {
  const problem = (changes: Partial<DesiredContainer>, kernel = '6.1.0-13-amd64') =>
    userNamespaceProblem(desired('a', changes), kernel)?.message;

  test('is named', () => {
    expect(problem({})).toBeUndefined();
    expect(problem({ networkMode: { kind: 'host' } })).toBe(
      'container a cannot have a user namespace and network_mode: host',
    );
    expect(problem({ namespaces: { user: AUTO, pid: { kind: 'host' }, cgroup: { kind: 'host' } } })).toMatch(
      /and pid: host, cgroup: host$/,
    );
    expect(problem({ networkMode: of('b'), namespaces: { user: AUTO, ipc: of('c') } })).toMatch(/share with b and c$/);
    const volume = { kind: 'volume', target: '/proc/x', readOnly: false, noCopy: false } as const;
    expect(problem({ mounts: [volume] })).toMatch(/and a volume on \/proc\/x$/);
    expect(problem({}, '5.15.0')).toBe('container a cannot have a user namespace: Linux 5.15.0 is older than 5.19');
  });

  test('kernels are compared by number', () => {
    expect(['5.18.19', '4.20.0', '5.9.1'].map((kernel) => isOlder(kernel, [5, 19]))).toEqual([true, true, true]);
    expect(['5.19.0', '6.1.0-13', '10.0'].map((kernel) => isOlder(kernel, [5, 19]))).toEqual([false, false, false]);
  });
});
