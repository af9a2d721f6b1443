/** Kernel features, tried in a launcher's child: namespaces, overlay, a bridge with a veth pair, a seccomp filter. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../../src/model/engine.ts';
import { CLONE, MS, O_CLOEXEC } from '../container/linux.ts';
import type { Host } from '../host.ts';
import { type LaunchOp, slotFd } from '../launcher/ops.ts';

interface Trial {
  readonly topic: string;
  readonly works: string;
  readonly help: string;
  /** Containers run without it, with less. */
  readonly isOptional?: true;
  readonly ops: (folder: string) => Promise<readonly LaunchOp[]>;
}

const RETURN_ALLOW = Uint8Array.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);

const TRIALS: readonly Trial[] = [
  {
    topic: 'namespaces',
    works: 'mount, network, process, IPC, host name and cgroup',
    help: 'run as root, on a kernel with CONFIG_NAMESPACES and its parts',
    ops: async () => [
      {
        op: 'unshare',
        flags: CLONE.NEWNS | CLONE.NEWNET | CLONE.NEWPID | CLONE.NEWIPC | CLONE.NEWUTS | CLONE.NEWCGROUP,
      },
    ],
  },
  {
    topic: 'overlay',
    works: 'layers can be mounted there',
    help: 'load the module, or put --root on ext4, xfs or btrfs:\n    modprobe overlay',
    ops: async (folder) => {
      const [lower, upper, work, on] = ['lower', 'upper', 'work', 'on'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
        string,
      ];
      await Promise.all([lower, upper, work, on].map((path) => mkdir(path)));
      return [
        { op: 'unshare', flags: CLONE.NEWNS },
        { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
        {
          op: 'mount',
          source: 'overlay',
          path: on,
          type: 'overlay',
          flags: 0,
          data: `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
        },
      ];
    },
  },
  {
    topic: 'bridge',
    works: 'bridges and veth pairs can be made',
    help: 'load the modules:\n    modprobe -a bridge veth',
    ops: async () => {
      const { newBridge, newVethPair } = await import('../network/rtnetlink.ts');
      const mac = '02:00:00:00:00:01';
      const host = { name: 'peer', namespaceFd: slotFd(1), group: 0 };
      const messages = [
        newBridge({ name: 'bridge', index: 10, mac, mtu: 1500, group: 0 }),
        newVethPair({ inside: { name: 'veth', index: 11, mac }, host, mtu: 1500 }),
      ];
      return [
        { op: 'unshare', flags: CLONE.NEWNET },
        { op: 'open', slot: 1, path: '/proc/self/ns/net', flags: O_CLOEXEC },
        { op: 'netlink-open', slot: 0 },
        ...messages.map((message): LaunchOp => ({ op: 'netlink', slot: 0, message })),
      ];
    },
  },
  {
    topic: 'anti-spoofing',
    works: 'containers cannot send with the addresses of others',
    help: 'until then they can. Load the module, or use a kernel with CONFIG_NF_TABLES_BRIDGE:\n    modprobe nf_tables',
    isOptional: true,
    ops: async () => {
      const { spoofGuardTrial } = await import('../network/index.ts');
      return [{ op: 'unshare', flags: CLONE.NEWNET }, ...spoofGuardTrial()];
    },
  },
  {
    topic: 'seccomp',
    works: 'filters can be loaded',
    help: 'use a kernel with CONFIG_SECCOMP_FILTER',
    ops: async () => [{ op: 'seccomp', filter: RETURN_ALLOW, flags: 0 }],
  },
];

export async function tryKernel(host: Host): Promise<Finding[]> {
  await host.instance();
  const scratch = await mkdtemp(join(host.paths.root, 'doctor-'));
  try {
    return await Promise.all(TRIALS.map((trial) => attempt(host, trial, scratch)));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function attempt(host: Host, { topic, works, help, isOptional, ops }: Trial, scratch: string): Promise<Finding> {
  try {
    const folder = join(scratch, topic);
    await mkdir(folder);
    await (await host.session()).run(await ops(folder));
    return { topic, level: 'ok', what: works };
  } catch (error) {
    return { topic, level: isOptional ? 'warning' : 'error', what: (error as Error).message, help };
  }
}
