/** The table of what a change of each field costs: a new container, a change under the running process, or nothing at all. */
import type {
  DesiredAttachment,
  DesiredContainer,
  DesiredDevice,
  DesiredMount,
  DesiredPort,
} from '../model/desired.ts';
import type { Path } from '../model/source.ts';
import { mountsAreLive } from './mounts-in-place.ts';

/**
 * `record`: says where a container comes from; no process can see it, and nothing is done for it. `live`: the engine changes it under
 * the running process (`container.update`). `process`: only a new container has it.
 */
export type Cost = 'record' | 'live' | 'process';

export interface FieldRule {
  readonly cost: Cost;
  /** Narrows `live`: a change for which it does not hold costs a new container. */
  readonly liveWhen?: (from: DesiredContainer, to: DesiredContainer) => boolean;
  /** Where the file says it. */
  readonly path: Path;
  /** How two values are told apart, and told about: whole, key by key, as a set, or by the fields named here. */
  readonly by: 'whole' | 'keys' | 'set' | Readonly<Record<string, Path>>;
  /** For lists whose members have a name of their own. */
  readonly key?: string;
  /** A value in the words of the file; itself when absent. */
  readonly say?: (value: never) => unknown;
}

const whole = (...path: string[]): FieldRule => ({ cost: 'process', path, by: 'whole' });
const said = <K extends keyof DesiredContainer>(rule: FieldRule, say: (value: Member<K>) => unknown): FieldRule => ({
  ...rule,
  say,
});
/** What is told about: a member of a list, or the whole. */
type Member<K extends keyof DesiredContainer> = DesiredContainer[K] extends readonly (infer One)[]
  ? One
  : DesiredContainer[K];
const keys = (...path: string[]): FieldRule => ({ cost: 'process', path, by: 'keys' });
const set = (path: string, key?: string): FieldRule => ({
  cost: 'process',
  path: [path],
  by: 'set',
  ...(key ? { key } : {}),
});
const fields = (by: Readonly<Record<string, Path>>): FieldRule => ({ cost: 'process', path: [], by });

function portText({ protocol, target, hostIp, published, range }: DesiredPort): string {
  const host = range ? `${range.first}-${range.last}` : published === 0 ? '' : `${published}`;
  return [hostIp.includes(':') ? `[${hostIp}]` : hostIp, host, `${target}/${protocol}`].filter(Boolean).join(':');
}

/** As the file writes it. */
const namespaceText = (mode: { readonly kind: string; readonly container?: string; readonly size?: number }): string =>
  [mode.kind, mode.container ?? (mode.size === undefined ? undefined : `size=${mode.size}`)].filter(Boolean).join(':');

const deviceText = ({ source, target, permissions }: DesiredDevice): string => `${source}:${target}:${permissions}`;

function mountText(mount: DesiredMount): string {
  const readOnly = mount.readOnly ? ':ro' : '';
  if (mount.kind === 'from') return `all of ${mount.container}${readOnly}`;
  if (mount.kind === 'tmpfs') return ['tmpfs', ...mount.options].join(',') + readOnly;
  if (mount.kind === 'bind') return `${mount.source}${readOnly} (${bindText(mount)})`;
  if (mount.kind === 'image')
    return `image ${mount.image.ref}${mount.subpath === undefined ? '' : `/${mount.subpath}`}`;
  if (mount.kind === 'file') return `${mount.content.of} (${mount.uid}:${mount.gid} ${mount.mode.toString(8)})`;
  const subpath = mount.subpath === undefined ? '' : `/${mount.subpath}`;
  return `${mount.volume ?? 'anonymous volume'}${subpath}${readOnly}${mount.noCopy ? ' (nocopy)' : ''}`;
}

const bindText = ({
  propagation,
  recursive,
  createHostPath,
  writableBelow,
  mapsIds,
}: Extract<DesiredMount, { kind: 'bind' }>): string =>
  [
    propagation,
    ...(recursive ? [] : ['not recursive']),
    ...(writableBelow ? ['writable below'] : []),
    ...(createHostPath ? ['made if missing'] : []),
    ...(mapsIds ? ['ids mapped'] : []),
  ].join(', ');

/** What a change between these two costs. */
export const costOf = ({ cost, liveWhen }: FieldRule, from: DesiredContainer, to: DesiredContainer): Cost =>
  cost === 'live' && liveWhen?.(from, to) === false ? 'process' : cost;

/** As the rule, but changed under the running process (where `liveWhen` holds). */
const live = (rule: FieldRule, liveWhen?: FieldRule['liveWhen']): FieldRule => ({
  ...rule,
  cost: 'live',
  ...(liveWhen ? { liveWhen } : {}),
});

/** What stands in each line of the log was told to the supervisor when it started. */
const withoutLogLabels = ({ log }: DesiredContainer, to: DesiredContainer): boolean =>
  [log, to.log].every(({ options }) => !Object.keys(options).some((name) => /^(labels|tag|env)/.test(name)));

/** Names and addresses can be changed under an interface; what else there is to it was settled when it was made. */
function attachmentsAreLive(from: DesiredContainer, to: DesiredContainer): boolean {
  const made = ({ aliases: _, ipv4: __, ipv6: ___, ...rest }: DesiredAttachment) =>
    JSON.stringify(Object.entries(rest).sort());
  return to.attachments.every((wanted) => {
    const had = from.attachments.find(({ network }) => network === wanted.network);
    return had === undefined || made(had) === made(wanted);
  });
}

/** A new field of DesiredContainer does not compile until its row is here. */
export const FIELDS: { readonly [K in keyof Required<DesiredContainer>]: FieldRule } = {
  name: { cost: 'record', path: ['container_name'], by: 'whole' },
  image: said<'image'>(whole('image'), ({ ref, id }) => (id ? `${ref}@${id.slice(0, 19)}` : ref)),
  argv: whole('command'),
  env: keys('environment'),
  labels: live(keys('labels'), withoutLogLabels),
  user: whole('user'),
  groupAdd: whole('group_add'),
  workingDir: whole('working_dir'),
  hostname: whole('hostname'),
  domainname: whole('domainname'),
  tty: whole('tty'),
  stdinOpen: whole('stdin_open'),
  // Of one-offs only, which are never compared.
  foreground: { cost: 'record', path: ['stdin_open'], by: 'whole' },
  init: whole('init'),
  runs: whole('x-tcompose', 'run'),
  mounts: { ...said<'mounts'>(set('volumes', 'target'), mountText), cost: 'live', liveWhen: mountsAreLive },
  networkMode: said<'networkMode'>(whole('network_mode'), (mode) =>
    mode.kind === 'container' ? `container:${mode.container}` : mode.kind,
  ),
  attachments: live(
    said<'attachments'>(set('networks', 'network'), ({ network: _, ...rest }) => rest),
    attachmentsAreLive,
  ),
  ports: live(said<'ports'>(set('ports'), portText)),
  links: live(said<'links'>(set('links', 'container'), ({ aliases }) => aliases.join(', '))),
  // Read at the start of those that link to it.
  linkEnv: whole('links'),
  exposed: live(whole('expose')),
  extraHosts: live(said<'extraHosts'>(set('extra_hosts', 'host'), ({ address }) => address)),
  dns: live(fields({ servers: ['dns'], search: ['dns_search'], options: ['dns_opt'] })),
  restart: said<'restart'>(whole('restart'), ({ policy, maxRetries, delayMs, windowMs }) =>
    [
      maxRetries > 0 ? `${policy}:${maxRetries}` : policy,
      delayMs ? `after ${delayMs} ms` : '',
      windowMs ? `within ${windowMs} ms` : '',
    ]
      .filter(Boolean)
      .join(', '),
  ),
  healthcheck: fields({
    test: ['healthcheck', 'test'],
    intervalMs: ['healthcheck', 'interval'],
    timeoutMs: ['healthcheck', 'timeout'],
    retries: ['healthcheck', 'retries'],
    startPeriodMs: ['healthcheck', 'start_period'],
    startIntervalMs: ['healthcheck', 'start_interval'],
  }),
  stop: live(fields({ signal: ['stop_signal'], graceMs: ['stop_grace_period'] })),
  log: fields({ driver: ['logging', 'driver'], options: ['logging', 'options'] }),
  // Read from the file whenever one runs (hooks.ts).
  hooks: { cost: 'record', path: ['post_start'], by: 'whole' },
  preStart: {
    ...set('pre_start', 'name'),
    say: ({ image, argv }: DesiredContainer) => `${image.ref}: ${argv.join(' ')}`,
  },
  namespaces: {
    ...fields({ ipc: ['ipc'], pid: ['pid'], uts: ['uts'], cgroup: ['cgroup'], user: ['userns_mode'] }),
    say: namespaceText,
  },
  devices: { ...set('devices', 'target'), say: deviceText },
  deviceRules: whole('device_cgroup_rules'),
  cdiDevices: whole('devices'),
  cgroupParent: whole('cgroup_parent'),
  platform: whole('platform'),
  annotations: live(keys('annotations')),
  security: fields({
    privileged: ['privileged'],
    capAdd: ['cap_add'],
    capDrop: ['cap_drop'],
    noNewPrivileges: ['security_opt'],
    seccomp: ['security_opt'],
    readOnlyRootfs: ['read_only'],
    apparmor: ['security_opt'],
    systemPathsUnconfined: ['security_opt'],
    writableCgroups: ['security_opt'],
  }),
  resources: fields({
    memoryBytes: ['mem_limit'],
    memoryReservationBytes: ['mem_reservation'],
    memorySwapBytes: ['memswap_limit'],
    memorySwappiness: ['mem_swappiness'],
    oomKillDisable: ['oom_kill_disable'],
    milliCpus: ['cpus'],
    cpuQuotaUs: ['cpu_quota'],
    cpuPeriodUs: ['cpu_period'],
    cpuRealtimeRuntimeUs: ['cpu_rt_runtime'],
    cpuRealtimePeriodUs: ['cpu_rt_period'],
    blkio: ['blkio_config'],
    cpuShares: ['cpu_shares'],
    cpuset: ['cpuset'],
    pidsLimit: ['pids_limit'],
    oomScoreAdj: ['oom_score_adj'],
    shmSizeBytes: ['shm_size'],
  }),
  sysctls: keys('sysctls'),
  ulimits: keys('ulimits'),
};
