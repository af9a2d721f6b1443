/** Limits and privileges of a container. */
import type { DesiredBlkio, DesiredContainer } from '../../model/desired.ts';
import { byteCount, durationMs } from '../quantities.ts';
import { present } from './present.ts';
import { refuse, type ServiceScope } from './scope.ts';

type Share = { readonly cpus?: string | number; readonly memory?: string | number; readonly pids?: number };
const SHM_BYTES = 64 * 1024 * 1024;

export function resources(scope: ServiceScope): DesiredContainer['resources'] {
  const { service } = scope;
  const { limits = {}, reservations = {} } = (service.deploy?.resources ?? {}) as {
    limits?: Share;
    reservations?: Share;
  };
  const bytes = (...values: (string | number | undefined)[]) => {
    const value = values.find((candidate) => candidate !== undefined && String(candidate) !== '0');
    return value === undefined ? undefined : byteCount(value);
  };
  return present<DesiredContainer['resources']>({
    memoryBytes: bytes(service.mem_limit, limits.memory),
    memoryReservationBytes: bytes(service.mem_reservation, reservations.memory),
    memorySwapBytes: bytes(service.memswap_limit),
    memorySwappiness: service.mem_swappiness === undefined ? undefined : Number(service.mem_swappiness),
    oomKillDisable: service.oom_kill_disable || undefined,
    ...cpuTime(scope, service.cpus ?? limits.cpus),
    cpuRealtimeRuntimeUs: micros(service.cpu_rt_runtime),
    cpuRealtimePeriodUs: micros(service.cpu_rt_period),
    blkio: blkio(service.blkio_config as BlkioConfig | undefined),
    cpuShares: service.cpu_shares || undefined,
    cpuset: service.cpuset || undefined,
    pidsLimit: service.pids_limit ?? limits.pids,
    oomScoreAdj: service.oom_score_adj,
    shmSizeBytes: bytes(service.shm_size) ?? SHM_BYTES,
  });
}

/** `cpus` is a number of them; quota and period say the same in microseconds, and may not contradict it (Docker's rule). */
function cpuTime(scope: ServiceScope, cpus: string | number | undefined) {
  const [quota, period] = [micros(scope.service.cpu_quota), micros(scope.service.cpu_period)];
  if (cpus === undefined || Number(cpus) <= 0) return { milliCpus: undefined, cpuQuotaUs: quota, cpuPeriodUs: period };
  if (quota === undefined && period === undefined) return { milliCpus: Math.round(Number(cpus) * 1000) };
  throw refuse(scope, `service ${scope.name} has cpus and cpu_quota or cpu_period, which say the same`, ['cpus'], {
    code: 'conflicting-keys',
    help: 'leave out cpu_quota and cpu_period',
  });
}

/** Microseconds, as a number or as a duration's text; 0 is unset. */
function micros(value: string | number | undefined): number | undefined {
  const number = Number(value ?? 0);
  return (Number.isNaN(number) ? durationMs(String(value)) * 1000 : number) || undefined;
}

interface BlkioConfig {
  readonly weight?: number;
  readonly weight_device?: readonly { readonly path: string; readonly weight: number }[];
  readonly device_read_bps?: readonly Throttle[];
  readonly device_read_iops?: readonly Throttle[];
  readonly device_write_bps?: readonly Throttle[];
  readonly device_write_iops?: readonly Throttle[];
}
interface Throttle {
  readonly path: string;
  readonly rate: string | number;
}

function blkio(config: BlkioConfig | undefined): DesiredBlkio | undefined {
  if (config === undefined) return undefined;
  const throttles = (list: readonly Throttle[] = []) => list.map(({ path, rate }) => ({ path, rate: byteCount(rate) }));
  return {
    ...(config.weight ? { weight: config.weight } : {}),
    weightDevices: (config.weight_device ?? []).map(({ path, weight }) => ({ path, weight })),
    readBps: throttles(config.device_read_bps),
    readIops: throttles(config.device_read_iops),
    writeBps: throttles(config.device_write_bps),
    writeIops: throttles(config.device_write_iops),
  };
}

/** SELinux labels are not set here: that they should not be is nothing to do; any other is warned about by the loader's table. */
const isLabel = (key: string): boolean => key === 'label';

const capability = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');

export function security(scope: ServiceScope): DesiredContainer['security'] {
  const { service } = scope;
  let noNewPrivileges = false;
  let seccomp = 'default';
  let apparmor: string | undefined;
  let systemPathsUnconfined = false;
  let writableCgroups: boolean | undefined;
  for (const [index, option] of (service.security_opt ?? []).entries()) {
    const [key = '', value = ''] = option.split(/[:=](.*)/s);
    if (key === 'no-new-privileges') noNewPrivileges = option === key || truth(scope, key, value, index);
    else if (key === 'seccomp') seccomp = seccompText(scope, value, index);
    else if (key === 'apparmor') apparmor = value;
    else if (key === 'writable-cgroups') writableCgroups = truth(scope, key, value, index);
    else if (key === 'systempaths' && value === 'unconfined') systemPathsUnconfined = true;
    else if (!isLabel(key)) throw unsupported(scope, option, index);
  }
  return {
    privileged: service.privileged === true,
    capAdd: (service.cap_add ?? []).map(capability),
    capDrop: (service.cap_drop ?? []).map(capability),
    noNewPrivileges,
    seccomp: service.privileged ? 'unconfined' : seccomp,
    readOnlyRootfs: service.read_only === true,
    ...(apparmor === undefined ? {} : { apparmor }),
    ...(systemPathsUnconfined ? { systemPathsUnconfined } : {}),
    ...(writableCgroups === undefined ? {} : { writableCgroups }),
  };
}

/** The words of Go's ParseBool, which dockerd reads here: `no-new-privileges:0` is off, and a slip is not guessed at. */
function truth(scope: ServiceScope, key: string, value: string, index: number): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw refuse(scope, `${key} of service ${scope.name} cannot be "${value}"`, ['security_opt', index], {
    code: 'bad-value',
    help: 'write true or false',
  });
}

function seccompText(scope: ServiceScope, value: string, index: number): string {
  if (value === 'unconfined' || value === 'default') return value;
  if (value === 'builtin') return 'default';
  const text = scope.seccompProfiles.get(value);
  if (text !== undefined) return text;
  throw refuse(scope, `the seccomp profile ${value} of service ${scope.name} cannot be read`, ['security_opt', index], {
    code: 'no-such-file',
    help: 'name a JSON file in the form that Docker takes, or `seccomp=unconfined`',
  });
}

const unsupported = (scope: ServiceScope, option: string, index: number) =>
  refuse(scope, `security_opt "${option}" of service ${scope.name} is not supported yet`, ['security_opt', index], {
    code: 'not-yet',
    help: 'no-new-privileges:true, seccomp=PROFILE, apparmor=PROFILE, systempaths=unconfined and writable-cgroups=true are',
  });

export function ulimits({ service }: ServiceScope): DesiredContainer['ulimits'] {
  const entries = Object.entries(service.ulimits ?? {});
  return Object.fromEntries(
    entries.map(([name, limit]) => [name, typeof limit === 'number' ? { soft: limit, hard: limit } : limit]),
  );
}
