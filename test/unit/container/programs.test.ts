/** Launch programs as data: the order of what a start does, where mounts go, and what is left out. */
import { describe, expect, test } from 'vitest';
import { foldersToEnter } from '../../../engine/container/exec/leave-session.ts';
import { hostnameOf, hostsText } from '../../../engine/container/host-files.ts';
import { USUAL_DEVICES } from '../../../engine/container/isolation/devices.ts';
import { OWN_NAMESPACES } from '../../../engine/container/isolation/namespaces.ts';
import { type MountRequest, mountOps } from '../../../engine/container/mounts.ts';
import { type ContainerPlan, joinProgram, setupProgram, startProgram } from '../../../engine/container/program.ts';
import { cgroupPlace } from '../../../engine/container/resources/cgroup.ts';
import { parseCgroupFacts } from '../../../engine/container/resources/cgroup-facts.ts';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import type { MountRecord } from '../../../engine/state/records.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';

const hybrid = parseCgroupFacts(
  '33 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n36 31 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
);
const unified = parseCgroupFacts('31 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw');
const aMount = (target: string, more: Partial<MountRecord> = {}): MountRecord => ({
  target,
  kind: 'volume',
  source: 'v',
  readOnly: false,
  anonymous: false,
  noCopy: false,
  propagation: '',
  recursive: true,
  createHostPath: false,
  options: [],
  ...more,
});
const wish = { id: 'id', madeFrom: { resources: { shmSizeBytes: 0 } } };
const mounts = (records: readonly MountRecord[]): Omit<MountRequest, 'root' | 'scratch'> => ({
  devices: USUAL_DEVICES,
  shm: 'own',
  shmSlot: 3,
  hasKcore: true,
  mounts: records,
  sources: records.map(() => ({ path: '/src', isFolder: true })),
  filesFrom: '/run/c',
  readOnlyRootfs: false,
  privileged: false,
  writableCgroups: false,
  shmSizeBytes: 1024,
  cgroups: [],
});
const plan = (changes: Partial<ContainerPlan> = {}): ContainerPlan => ({
  process: {
    argv: ['/bin/app'],
    env: [],
    workingDir: '',
    identity: { uid: 33, gid: 33, groups: [33], home: '/' },
    capabilities: 0xffn,
    noNewPrivileges: false,
    filter: { code: new Uint8Array(8), flags: 0 },
    ulimits: {},
    oomScoreAdj: 0,
  },
  cgroup: cgroupPlace(hybrid, 'ab12', wish),
  overlay: { layers: ['/l/top', '/l/base'], upper: '/u', work: '/w', on: '/run/c/rootfs' },
  mounts: mounts([]),
  hostname: 'box',
  sysctls: {},
  ownNamespaces: { network: true, ipc: true, uts: true },
  namespaces: OWN_NAMESPACES,
  deviceRules: [],
  masksPaths: true,
  tty: false,
  throttlePaths: [],
  network: [{ op: 'unshare', flags: 0x40000000 }],
  ...changes,
});
const names = (ops: readonly LaunchOp[]) => ops.map(({ op }) => op);
const points = (ops: readonly LaunchOp[]) =>
  ops.flatMap((op) => (op.op === 'mount-in' || op.op === 'bind-in' ? [op.inside] : []));

describe('a start', () => {
  test('enters its groups before it is born, and leaves the host’s mounts only when all is mounted', () => {
    const ops = names(startProgram(plan()));
    const order = [
      'write',
      'clone',
      'unshare',
      'mount',
      'open',
      'mask-in',
      'pivot',
      'hostname',
      'seccomp',
      'bounding',
      'set-ids',
      'capabilities',
      'exec',
    ];
    const places = order.map((name) => ops.indexOf(name as LaunchOp['op']));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(ops.indexOf('clone')).toBe(1);
    expect(ops.at(-1)).toBe('exec');
  });

  test('with no_new_privs the filter comes last, so that it need not allow what comes before', () => {
    const ops = names(startProgram(plan({ process: { ...plan().process, noNewPrivileges: true } })));
    expect(ops.slice(-3)).toEqual(['prctl', 'seccomp', 'exec']);
  });

  test('who is not root keeps no capability, whatever the bounding set is', () => {
    const ops = startProgram(plan());
    expect(ops).toContainEqual({ op: 'bounding', mask: 0xffn });
    expect(ops).toContainEqual({ op: 'capabilities', effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n });
  });

  test('on version 2 it is born in its group and writes to no other', () => {
    const ops = startProgram(plan({ cgroup: cgroupPlace(unified, 'ab12', wish) }));
    expect(ops[0]).toMatchObject({ op: 'clone', cgroup: 2 });
  });

  test('privileged masks nothing and filters no device', () => {
    const privileged = plan({ masksPaths: false, mounts: { ...mounts([]), privileged: true } });
    expect(names(startProgram(privileged))).not.toContain('mask-in');
    expect(names(setupProgram(privileged))).not.toContain('device-filter');
    expect(names(setupProgram(plan()))).toContain('device-filter');
  });

  test('the host’s mounts are followed only by a container that asked for it', () => {
    const flags = (records: readonly MountRecord[]) =>
      startProgram(plan({ mounts: mounts(records) })).flatMap((op) =>
        op.op === 'mount' && op.path === '/' ? [op.flags] : [],
      );
    expect(flags([])).toEqual([0x4000 | (1 << 18)]);
    expect(flags([aMount('/x', { kind: 'bind', propagation: 'rslave' })])).toEqual([0x4000 | (1 << 19)]);
  });
});

test('an exec enters groups by the host’s paths, without the launcher that waits for it, then the namespaces, and gives nobody’s terminal away', () => {
  const ops = joinProgram({ pid: 42, startTime: '7' }, plan().process, plan().cgroup, {
    terminal: false,
    ownsStreams: false,
  });
  expect(names(ops).slice(0, 5)).toEqual(['join', 'open', 'clone', 'write', 'keyring']);
  expect(names(ops)).not.toContain('own-streams');
  expect(names(ops)).not.toContain('setsid');
});

describe('mounts', () => {
  const inside = (records: readonly MountRecord[]) => points(mountOps({ ...mounts(records), root: 0, scratch: 1 }));

  test('parents come before what lies in them', () => {
    const order = inside([aMount('/dev/shm/deep/er'), aMount('/data'), aMount('/data/in/side')]);
    expect(order.indexOf('/data')).toBeLessThan(order.indexOf('/data/in/side'));
    expect(order.indexOf('/dev')).toBeLessThan(order.indexOf('/dev/shm'));
    expect(order.indexOf('/dev/shm')).toBeLessThan(order.indexOf('/dev/shm/deep/er'));
  });

  test('one that was asked for takes the place of the usual one, and of all below /dev', () => {
    expect(inside([aMount('/etc/hosts')]).filter((path) => path === '/etc/hosts')).toHaveLength(1);
    expect(inside([aMount('/dev/')]).filter((path) => path.startsWith('/dev'))).toEqual(['/dev']);
  });

  test('a folder of a volume is looked up beneath the volume', () => {
    const ops = mountOps({ ...mounts([aMount('/x', { subpath: 'a/b' })]), root: 0, scratch: 1 });
    expect(ops).toContainEqual(expect.objectContaining({ op: 'open-in', slot: 6, root: 1, inside: 'a/b' }));
    expect(ops).toContainEqual(expect.objectContaining({ op: 'bind-in', source: '', sourceRoot: 6, inside: '/x' }));
  });

  test('words for mount(2) are taken out of a tmpfs’s options', () => {
    const tmpfs = aMount('/t', { kind: 'tmpfs', options: ['size=1m', 'exec', 'ro'] });
    const op = mountOps({ ...mounts([tmpfs]), root: 0, scratch: 1 }).find(
      (op) => op.op === 'mount-in' && op.inside === '/t',
    );
    expect(op).toMatchObject({ flags: 2 | 4 | 1, data: 'size=1m,mode=1777' });
  });
});

describe('hosts files', () => {
  const container = (changes: Partial<DesiredContainer> = {}) =>
    ({
      sysctls: {},
      networkMode: { kind: 'bridge' },
      extraHosts: [{ host: 'gate', address: 'host-gateway' }],
      ...changes,
    }) as DesiredContainer;
  const IPV6 = [
    '::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n',
    'ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n',
  ].join('');
  const host = { hostname: 'machine', hosts: '127.0.0.1 machine\n', resolvConf: '' };
  const endpoint = {
    network: 'n',
    hostInterface: 'v',
    interfaceName: 'eth0',
    mac: '',
    aliases: [],
    ipv4: { address: '10.0.0.2', prefix: 24 },
  };

  test('hold loopback, what was asked for, and the container’s own names', () => {
    expect(hostsText(container({ domainname: 'example.org' }), 'box', [endpoint], { gateway: '10.0.0.1', host })).toBe(
      `127.0.0.1\tlocalhost\n${IPV6}10.0.0.1\tgate\n10.0.0.2\tbox.example.org\tbox\n`,
    );
  });

  test('say what ::1 is, unless the kernel or the file has none', () => {
    const facts = { gateway: '10.0.0.1', host };
    const off = container({ sysctls: { 'net.ipv6.conf.all.disable_ipv6': '1' } });
    const short = '127.0.0.1\tlocalhost\n10.0.0.1\tgate\n10.0.0.2\tbox\n';
    expect(hostsText(off, 'box', [endpoint], facts)).toBe(short);
    expect(hostsText(container({}), 'box', [endpoint], { ...facts, ipv6: false })).toBe(short);
    expect(hostsText(container({}), 'box', [], facts)).toBe(`127.0.0.1\tlocalhost\n${IPV6}10.0.0.1\tgate\n`);
  });

  test('give a host name with dots its first label as well', () => {
    const facts = { gateway: '10.0.0.1', host };
    expect(hostsText(container({}), 'box.example.org', [endpoint], facts)).toContain(
      '\n10.0.0.2\tbox.example.org\tbox\n',
    );
    expect(hostsText(container({}), 'box', [endpoint], facts)).toContain('\n10.0.0.2\tbox\n');
  });

  test('with the host’s network they are the host’s', () => {
    const own = container({ networkMode: { kind: 'host' } });
    expect(hostsText(own, 'machine', [], { gateway: '127.0.0.1', host })).toBe('127.0.0.1 machine\n127.0.0.1\tgate\n');
    expect(hostnameOf(own, 'abc', host)).toBe('machine');
  });
});

test('a command leaves its login session, and only where systemd keeps one', () => {
  const session =
    '4:memory:/x\n1:name=systemd:/user.slice/user-0.slice/session-3.scope\n0::/user.slice/user-0.slice/session-3.scope\n';
  expect(foldersToEnter(hybrid, session, 'ab12')).toEqual(
    ['systemd', 'unified'].map((name) => `/sys/fs/cgroup/${name}/tcompose-ab12/supervisors`),
  );
  expect(foldersToEnter(hybrid, '1:name=systemd:/\n0::/processes\n', 'ab12')).toEqual([]);
});
