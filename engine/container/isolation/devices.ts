/** Device nodes of a container: the six that every one has, those that were asked for, and with `privileged` all of the host's. */
import { lstat, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredContainer, DesiredDevice } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { DeviceRule } from './device-filter.ts';

export interface DeviceNode {
  /** In the container. */
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface DeviceGrants {
  readonly nodes: readonly DeviceNode[];
  readonly rules: readonly DeviceRule[];
}

const usual = (name: string, major: number, minor: number): DeviceNode => ({
  path: `/dev/${name}`,
  type: 'c',
  major,
  minor,
  mode: 0o666,
  uid: 0,
  gid: 0,
});

export const USUAL_DEVICES: readonly DeviceNode[] = [
  usual('null', 1, 3),
  usual('zero', 1, 5),
  usual('full', 1, 7),
  usual('random', 1, 8),
  usual('urandom', 1, 9),
  usual('tty', 5, 0),
];

/** Numbers are those of this moment: a device that goes and comes back as another is not followed. `folder` stands for /dev. */
export async function grantDevices(container: DesiredContainer, folder = '/dev'): Promise<DeviceGrants> {
  const asked = await Promise.all((container.devices ?? []).map((device) => resolve(container.name, device)));
  const found = container.security.privileged ? await nodesBelow(folder, '/dev') : [];
  const byPath = new Map([...USUAL_DEVICES, ...found, ...asked.flatMap(({ nodes }) => nodes)].map((n) => [n.path, n]));
  return { nodes: [...byPath.values()], rules: asked.flatMap(({ rules }) => rules) };
}

async function resolve(container: string, { source, target, permissions }: DesiredDevice): Promise<DeviceGrants> {
  const refused = (why: string, help: string, cause?: unknown) =>
    new TcomposeError(`the device ${source} cannot be given to ${container}: ${why}`, {
      code: 'device-unusable',
      address: `container/${container}`,
      help,
      ...(cause === undefined ? {} : { cause }),
    });
  const path = await realpath(source).catch((cause: unknown) => {
    throw refused('it is not there', `see what is there:\n    ls -l ${source}`, cause);
  });
  const own = await nodeAt(path, target);
  const nodes = own === undefined ? await nodesBelow(path, target).catch(() => []) : [own];
  if (nodes.length === 0) throw refused('it is no device, and no folder of devices', 'name a device node');
  return { nodes, rules: nodes.map(({ type, major, minor }) => ({ type, major, minor, access: permissions })) };
}

/** What is mounted there in a container by other means, and what udev and container managers keep for themselves. */
const PASSED_OVER = new Set(['pts', 'shm', 'fd', 'mqueue', 'console', 'ptmx', '.lxc', '.lxd-mounts', '.udev']);

/** Links are not followed: what they lead to is a device of its own, or elsewhere. */
async function nodesBelow(folder: string, inside: string): Promise<readonly DeviceNode[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !PASSED_OVER.has(name));
  const found = await Promise.all(
    entries.map(async (entry): Promise<readonly DeviceNode[]> => {
      const [path, target] = [join(folder, entry.name), join(inside, entry.name)];
      if (entry.isDirectory()) return nodesBelow(path, target).catch(() => []);
      const node = await nodeAt(path, target);
      return node === undefined ? [] : [node];
    }),
  );
  return found.flat();
}

/** Undefined: it is no device, or gone. */
async function nodeAt(path: string, inside: string): Promise<DeviceNode | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined || !(found.isCharacterDevice() || found.isBlockDevice())) return undefined;
  return {
    path: inside,
    type: found.isBlockDevice() ? 'b' : 'c',
    ...deviceNumbers(found.rdev),
    mode: Number(found.mode & 0o7777n),
    uid: Number(found.uid),
    gid: Number(found.gid),
  };
}

/** makedev(3): twelve bits and more of the major number around twenty and more of the minor one. */
export const deviceNumbers = (device: bigint): { readonly major: number; readonly minor: number } => ({
  major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
  minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
});
