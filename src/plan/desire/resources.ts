/** Limits and privileges of a container. */
import type { DesiredContainer } from '../../model/desired.ts';
import { byteCount } from '../quantities.ts';
import { refuse, type ServiceScope } from './scope.ts';

type Share = { readonly cpus?: string | number; readonly memory?: string | number; readonly pids?: number };
const SHM_BYTES = 64 * 1024 * 1024;

/** Fields that are undefined are left out, so that records stay small and comparable. */
function present<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function resources({ service }: ServiceScope): DesiredContainer['resources'] {
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
    milliCpus: milliCpus(service.cpus ?? limits.cpus, service.cpu_quota, service.cpu_period),
    cpuShares: service.cpu_shares || undefined,
    cpuset: service.cpuset || undefined,
    pidsLimit: service.pids_limit ?? limits.pids,
    oomScoreAdj: service.oom_score_adj,
    shmSizeBytes: bytes(service.shm_size) ?? SHM_BYTES,
  });
}

/** cpu_quota is microseconds (or a duration's text) in each cpu_period of 100 ms. */
function milliCpus(
  cpus: string | number | undefined,
  quota?: string | number,
  period?: string | number,
): number | undefined {
  if (cpus !== undefined && Number(cpus) > 0) return Math.round(Number(cpus) * 1000);
  if (quota === undefined || Number(quota) <= 0) return undefined;
  return Math.round((Number(quota) * 1000) / (Number(period ?? 0) || 100_000));
}

/** They switch off what this engine does not do to begin with. */
const ALREADY_SO = new Set(['label=disable', 'apparmor=unconfined']);

const capability = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');

export function security(scope: ServiceScope): DesiredContainer['security'] {
  const { service } = scope;
  let noNewPrivileges = false;
  let seccomp = 'default';
  for (const [index, option] of (service.security_opt ?? []).entries()) {
    const [key = '', value = ''] = option.split(/[:=](.*)/s);
    if (key === 'no-new-privileges') noNewPrivileges = value !== 'false';
    else if (key === 'seccomp') seccomp = seccompText(scope, value, index);
    else if (!ALREADY_SO.has(`${key}=${value}`)) throw unsupported(scope, option, index);
  }
  return {
    privileged: service.privileged === true,
    capAdd: (service.cap_add ?? []).map(capability),
    capDrop: (service.cap_drop ?? []).map(capability),
    noNewPrivileges,
    seccomp: service.privileged ? 'unconfined' : seccomp,
    readOnlyRootfs: service.read_only === true,
  };
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
    help: 'no-new-privileges:true and seccomp=PROFILE are',
  });

export function ulimits({ service }: ServiceScope): DesiredContainer['ulimits'] {
  const entries = Object.entries(service.ulimits ?? {});
  return Object.fromEntries(
    entries.map(([name, limit]) => [name, typeof limit === 'number' ? { soft: limit, hard: limit } : limit]),
  );
}
