/** Resource limits of a process (setrlimit), the sysctls of its namespaces, and which of both a container may ask for. */
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { ULIMITS } from '../../../src/model/linux-names.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { owns } from '../isolation/namespaces.ts';

const INFINITY = 2n ** 64n - 1n;
const UNLIMITED = -1;

export function rlimitOps(ulimits: DesiredContainer['ulimits']): readonly LaunchOp[] {
  return Object.entries(ulimits).map(([name, { soft, hard }]) => {
    const resource = ULIMITS.indexOf(name.toLowerCase());
    if (resource < 0) {
      throw new TcomposeError(`there is no ulimit ${name}`, {
        code: 'ulimit-unknown',
        help: `use one of ${ULIMITS.join(', ')}`,
      });
    }
    return { op: 'rlimit', resource, soft: limit(soft), hard: limit(hard), clamp: true };
  });
}

const limit = (value: number): bigint => (value === UNLIMITED ? INFINITY : BigInt(value));

const IPC_SYSCTLS = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/;
const NAME = /^[a-zA-Z0-9_.@:-]+(\/[a-zA-Z0-9_.@:-]+)*$/;

/** Ports below 1024 and ping need no privilege in a network of one's own: as Docker has it. */
const DEFAULT_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

export interface OwnNamespaces {
  readonly network: boolean;
  readonly ipc: boolean;
  readonly uts: boolean;
}

/** Of whose namespaces it may change the settings. */
export const ownNamespaces = (container: DesiredContainer): OwnNamespaces => ({
  network: ['bridge', 'none'].includes(container.networkMode.kind),
  ipc: owns(container, 'ipc'),
  uts: owns(container, 'uts'),
});

/** Written through the host's /proc, from within the namespaces that they belong to. */
export function sysctlWrites(
  sysctls: DesiredContainer['sysctls'],
  own: OwnNamespaces,
): readonly { readonly path: string; readonly value: string; readonly optional: boolean }[] {
  for (const name of Object.keys(sysctls)) check(name, own);
  const defaults = own.network ? Object.entries(DEFAULT_SYSCTLS).filter(([name]) => !(name in sysctls)) : [];
  const write =
    (optional: boolean) =>
    ([name, value]: [string, string]) => ({ path: `/proc/sys/${sysctlPath(name)}`, value, optional });
  return [...defaults.map(write(true)), ...Object.entries(sysctls).map(write(false))];
}

/** sysctl.d(5): the first separator tells which form it is; in dotted form a slash stands for a dot within a name. */
function sysctlPath(name: string): string {
  if (/^[^./]*\//.test(name)) return name;
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

function check(name: string, own: OwnNamespaces): void {
  const dotted = sysctlPath(name).replaceAll('/', '.');
  const isNet = dotted.startsWith('net.');
  const allowed =
    NAME.test(name) && !name.includes('..') && (isNet || IPC_SYSCTLS.test(dotted) || dotted === 'kernel.domainname');
  if (!allowed) {
    throw new TcomposeError(`the sysctl ${name} is not separate for each container`, {
      code: 'sysctl-refused',
      help: 'set it on the host; a container may set net.*, fs.mqueue.*, and the kernel.msg*, kernel.sem and kernel.shm* ones',
    });
  }
  const isUts = dotted === 'kernel.domainname';
  const [kind, owned] = isNet
    ? ['network', own.network]
    : isUts
      ? ['UTS namespace', own.uts]
      : ['IPC namespace', own.ipc];
  if (owned) return;
  throw new TcomposeError(`the sysctl ${name} cannot be set: the container has no ${kind} of its own`, {
    code: 'sysctl-refused',
    help: `remove it, or give the container its own ${kind}`,
  });
}
