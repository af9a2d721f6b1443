/** What a container with ids of its own cannot have, told before anything is touched. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Host } from '../../host.ts';
import { volumeData } from '../../state/paths.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../linux.ts';
import { owns } from './namespaces.ts';
import { idsText } from './user-namespace.ts';

/** Overlay takes layers of idmapped mounts from Linux 5.19 on. */
const LEAST_KERNEL = [5, 19] as const;

export function isOlder(kernel: string, [major, minor]: readonly [number, number]): boolean {
  const [own = 0, below = 0] = kernel.split('.', 2).map((part) => Number.parseInt(part, 10));
  return own < major || (own === major && below < minor);
}

/** What its description and this kernel say. */
export function userNamespaceProblem(container: DesiredContainer, kernel: string): TcomposeError | undefined {
  const { name, namespaces, security, networkMode } = container;
  if (namespaces?.user === undefined) return undefined;
  const refused = (what: string, code: string, help: string) =>
    new TcomposeError(`container ${name} cannot have a user namespace${what}`, {
      code,
      address: `container/${name}`,
      help,
    });
  if (isOlder(kernel, LEAST_KERNEL)) {
    return refused(`: Linux ${kernel} is older than 5.19`, 'kernel-too-old', 'leave out userns_mode');
  }
  const hosts = [
    ...(security.privileged ? ['privileged'] : []),
    ...(networkMode.kind === 'host' ? ['network_mode: host'] : []),
    ...(['pid', 'ipc', 'cgroup'] as const).filter((k) => namespaces[k]?.kind === 'host').map((k) => `${k}: host`),
  ];
  if (hosts.length > 0) {
    return refused(` and ${hosts.join(', ')}`, 'namespace-conflict', `remove ${hosts.join(', ')} or userns_mode`);
  }
  const donors = new Set([
    ...(networkMode.kind === 'container' ? [networkMode.container] : []),
    ...(['pid', 'ipc', 'uts'] as const).flatMap((kind) => {
      const mode = owns(container, kind) ? undefined : namespaces[kind];
      return mode?.kind === 'container' ? [mode.container] : [];
    }),
  ]);
  if (donors.size > 1) {
    const help = 'share with one container only: a process has one user namespace';
    return refused(` and share with ${[...donors].join(' and ')}`, 'namespace-conflict', help);
  }
  const late = container.mounts.find(({ kind, target }) => kind === 'volume' && /^\/(?:proc|sys)(?:\/|$)/.test(target));
  return late && refused(` and a volume on ${late.target}`, 'namespace-conflict', 'mount it elsewhere');
}

/** Whether the file systems of what is to be mapped can do it, tried on mounts that nobody sees. Volumes that are not there yet will lie in ROOT. */
export async function checkMappable(host: Host, container: DesiredContainer): Promise<void> {
  if (container.namespaces?.user === undefined) return;
  const paths = container.mounts.flatMap((mount) => {
    if (mount.kind === 'volume') return mount.volume === undefined ? [] : [volumeData(host.paths, mount.volume)];
    return mount.kind === 'bind' && mount.mapsIds ? [mount.source] : [];
  });
  const present = [existing(host.paths.root), ...paths.filter((path) => existsSync(path))];
  await Promise.all([...new Set(present)].map((path) => host.shared(`maps ${path}`, () => tryMapping(host, path))));
}

const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));

const EINVAL = 22;

async function tryMapping(host: Host, path: string): Promise<void> {
  const [root, user] = [0, 1];
  const bind = { recursive: false, attributes: 0, propagation: 0, user };
  try {
    await (await host.session()).run([
      { op: 'user-namespace', slot: user, ...idsText({ uid: 524_288, gid: 524_288, size: 1 }) },
      { op: 'unshare', flags: CLONE.NEWNS },
      { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
      { op: 'open', slot: root, path: '/', flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
      { op: 'bind-in', root, source: path, inside: path, ...bind },
    ]);
  } catch (error) {
    const { LaunchError } = await import('../../launcher/launcher.ts');
    if (!(error instanceof LaunchError) || error.errno !== EINVAL) throw error;
    throw new TcomposeError(`the file system of ${path} cannot map ids`, {
      code: 'ids-not-mappable',
      help: 'keep it on ext4, xfs, btrfs or tmpfs of a kernel that can, or leave out userns_mode',
      cause: error,
    });
  }
}
