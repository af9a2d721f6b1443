/** Which AppArmor profile a container's program is put under, where the kernel has AppArmor; the default one is loaded when it is needed. */
import { existsSync, readFileSync } from 'node:fs';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Host } from '../../host.ts';
import { runProgram } from '../../network/programs.ts';

/** What is written where, just before exec. */
export interface AppArmorChange {
  readonly path: string;
  readonly profile: string;
}

export interface AppArmorFacts {
  /** Of the process that writes; apparmor(7). Kernels before 5.8 have only the one that all security modules share. */
  readonly execPath: string;
}

const SECURITY = '/sys/kernel/security/apparmor';
const DEFAULT_PROFILE = 'tcompose-default';

/** Undefined: the kernel has none, or it is turned off, or it cannot be asked here. */
export function readAppArmorFacts(): AppArmorFacts | undefined {
  if (!existsSync(`${SECURITY}/profiles`)) return undefined;
  const own = '/proc/thread-self/attr/apparmor/exec';
  return { execPath: existsSync(own) ? own : '/proc/thread-self/attr/exec' };
}

/** `note` hears what is done with less than was asked for. */
export async function apparmorChange(
  host: Host,
  { name, security }: Pick<DesiredContainer, 'name' | 'security'>,
  facts: AppArmorFacts | undefined,
  note: (warning: string) => void = () => undefined,
): Promise<AppArmorChange | undefined> {
  const asked = security.apparmor ?? (security.privileged ? 'unconfined' : '');
  if (asked === 'unconfined') return undefined;
  if (facts === undefined) {
    if (asked !== '') note(`the AppArmor profile ${asked} is not applied: this kernel has no AppArmor`);
    return undefined;
  }
  const loaded = loadedProfiles();
  // Files are written for Docker: its name for the default means ours where Docker is not.
  const isDefault =
    ['', 'default', DEFAULT_PROFILE].includes(asked) || (asked === 'docker-default' && !loaded.has(asked));
  if (isDefault) {
    const problem = loaded.has(DEFAULT_PROFILE) ? '' : await host.shared('apparmor', loadDefault);
    if (problem === '') return { path: facts.execPath, profile: DEFAULT_PROFILE };
    note(`no AppArmor profile is applied: ${problem}`);
    return undefined;
  }
  if (loaded.has(asked)) return { path: facts.execPath, profile: asked };
  throw new TcomposeError(`the AppArmor profile ${asked} of container ${name} is not loaded`, {
    code: 'apparmor-profile-missing',
    address: `container/${name}`,
    help: `load it:\n    apparmor_parser -r /etc/apparmor.d/${asked}`,
  });
}

/** Lines of a name and a mode in brackets; names may have blanks. */
function loadedProfiles(): ReadonlySet<string> {
  const lines = readFileSync(`${SECURITY}/profiles`, 'utf8').split('\n');
  return new Set(lines.map((line) => line.replace(/ \([a-z]+\)$/, '')));
}

/** Why it could not be loaded, or ''. */
async function loadDefault(): Promise<string> {
  try {
    const { status, errors } = await runProgram('apparmor_parser', ['-Kr'], profileText(DEFAULT_PROFILE));
    return status === 0 ? '' : `apparmor_parser says ${errors.trim().split('\n').at(-1) ?? `exit status ${status}`}`;
  } catch {
    return 'apparmor_parser is not installed';
  }
}

/**
 * What Docker's default profile grants and denies (moby/profiles, apparmor), apparmor.d(5): all but mounting, writing to the kernel's
 * settings, and touching processes of others. Unconfined processes may signal: the supervisor is one. It includes no file of the host,
 * but where there is one says in which language it is written: from version 4 on, `network` would leave out unix sockets.
 */
const profileText = (
  name: string,
  hasAbi = existsSync('/etc/apparmor.d/abi/3.0'),
): string => `${hasAbi ? 'abi <abi/3.0>,\n' : ''}@{PROC}=/proc/

profile ${name} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send,receive) peer=${name},
  ptrace (trace,read,tracedby,readby) peer=${name},

  deny mount,

  # In /proc only what belongs to processes, and the settings of shared memory.
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  # In /sys only the control groups.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
