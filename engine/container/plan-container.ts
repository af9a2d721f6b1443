/** From a record to the whole description of its container, looking up what only this host and its image can tell. */
import { mkdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { containerDir, containerRun } from '../state/paths.ts';
import type { ContainerRecord, MountRecord } from '../state/records.ts';
import { contentFile } from './contents.ts';
import { environmentOf } from './environment.ts';
import type { HostFacts } from './host-facts.ts';
import { hostnameOf } from './host-files.ts';
import { resolveIdentity } from './identity.ts';
import { apparmorChange } from './isolation/apparmor.ts';
import { capabilityMask } from './isolation/capabilities.ts';
import { type CdiEdits, type CdiMount, cdiEdits } from './isolation/cdi.ts';
import { parseDeviceRule } from './isolation/device-filter.ts';
import { grantDevices } from './isolation/devices.ts';
import { namespacePlan, owns } from './isolation/namespaces.ts';
import { seccompFilter } from './isolation/seccomp-cache.ts';
import { checkIdentity, userPlan } from './isolation/user-namespace.ts';
import { isOlder } from './isolation/user-namespace-check.ts';
import { linkVariables } from './link-env.ts';
import { INIT_PATH, type MountRequest, type MountSource } from './mounts.ts';
import type { ContainerPlan, ProcessPlan } from './program.ts';
import { type CgroupPlan, cgroupPlan, parentOf } from './resources/cgroup.ts';
import type { CgroupFacts } from './resources/cgroup-facts.ts';
import { hostKnobs } from './resources/knobs.ts';
import { ownNamespaces } from './resources/limits.ts';
import type { AccountFiles } from './rootfs-files.ts';

export interface PlanInputs {
  readonly instance: string;
  readonly facts: HostFacts;
  readonly layers: readonly string[];
  /** As VolumeStore.sources gives them. */
  readonly sources: readonly string[];
  readonly accounts: AccountFiles;
  /** Whose host name and files it has: itself, or the donor of its network. */
  readonly namedAs: ContainerRecord;
  readonly network: readonly LaunchOp[];
  /** Of the instance: donors of namespaces among them. */
  readonly records: readonly ContainerRecord[];
  /** Hears what is done with less than was asked for. */
  readonly note: (warning: string) => void;
}

/** In another's process namespace there is a first process already. */
const hasInit = (container: DesiredContainer): boolean => container.init && owns(container, 'pid');

export async function planContainer(host: Host, record: ContainerRecord, inputs: PlanInputs): Promise<ContainerPlan> {
  const { id, madeFrom: container } = record;
  const { facts } = inputs;
  const folder = containerDir(host.paths, id);
  const knobs = hostKnobs(facts.cgroups, parentOf(inputs.instance, container));
  const cgroup = cgroupPlan(facts.cgroups, inputs.instance, record, knobs);
  for (const warning of cgroup.warnings) inputs.note(warning);
  const { security } = container;
  const cdi = await cdiEdits(container.name, container.cdiDevices ?? []);
  const devices = await grantDevices({ ...container, devices: [...(container.devices ?? []), ...cdi.devices] });
  const mounts = [...record.mounts, ...cdi.mounts.map(cdiMount)];
  const sources = [...inputs.sources, ...cdi.mounts.map(({ source }) => source)];
  const namespaces = namespacePlan(host.paths, record, inputs.records);
  const user = userPlan(host.paths, record, inputs.records);
  const linked = linkVariables(record, inputs.records);
  const process = withCdi(await planProcess(host, record, { ...inputs, linked }), cdi);
  if (user !== undefined) checkIdentity(container.name, process.identity, user);
  return {
    process,
    cgroup,
    namespaces,
    deviceRules: [...devices.rules, ...(container.deviceRules ?? []).flatMap(parseDeviceRule)],
    masksPaths: !security.privileged && security.systemPathsUnconfined !== true,
    overlay: {
      layers: inputs.layers,
      upper: join(folder, 'upper'),
      work: join(folder, 'work'),
      on: join(containerRun(host.paths, id), 'rootfs'),
    },
    mounts: {
      mounts,
      sources: await Promise.all(mounts.map((mount, index) => sourceOf(host, record, mount, sources[index]!))),
      filesFrom: containerDir(host.paths, inputs.namedAs.id),
      ...(hasInit(container) ? { init: host.launcher } : {}),
      readOnlyRootfs: security.readOnlyRootfs,
      privileged: security.privileged,
      writableCgroups: security.writableCgroups ?? security.privileged,
      shmSizeBytes: container.resources.shmSizeBytes,
      cgroups: cgroupViews(facts.cgroups, cgroup, namespaces.ownsCgroup),
      devices: devices.nodes,
      hasKcore: facts.hasKcore,
    },
    hostname: hostnameOf(inputs.namedAs.madeFrom, inputs.namedAs.id, facts.names),
    ...(container.domainname === undefined ? {} : { domainname: container.domainname }),
    sysctls: container.sysctls,
    ownNamespaces: ownNamespaces(container),
    tty: container.tty,
    throttlePaths: facts.throttlePaths,
    network: inputs.network,
    ...(user === undefined
      ? {}
      : { user: { ...user, stateRoot: host.paths.root, ownsIpcSettings: !isOlder(facts.kernel, [6, 9]) } }),
  };
}

/** As a bind mount that the file has. */
const cdiMount = ({ source, target, readOnly }: CdiMount): MountRecord => ({
  kind: 'bind',
  source,
  target,
  readOnly,
  anonymous: false,
  noCopy: true,
  propagation: '',
  recursive: true,
  createHostPath: false,
  options: [],
});

const withCdi = (process: ProcessPlan, { env, gids }: CdiEdits): ProcessPlan => ({
  ...process,
  env: [
    ...process.env.filter((entry) => !Object.hasOwn(env, entry.split('=', 1)[0]!)),
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ],
  identity: { ...process.identity, groups: [...new Set([...process.identity.groups, ...gids])] },
});

/** Also the ground of what an exec runs as. */
export async function planProcess(
  host: Host,
  { madeFrom: container }: ContainerRecord,
  {
    facts,
    accounts,
    namedAs,
    note,
    linked = {},
  }: Pick<PlanInputs, 'facts' | 'accounts' | 'namedAs' | 'note'> & {
    readonly linked?: Readonly<Record<string, string>>;
  },
): Promise<ProcessPlan> {
  const { security } = container;
  const identity = resolveIdentity(container, accounts);
  const capabilities = capabilityMask(security, facts.capabilities);
  const apparmor = await apparmorChange(host, container, facts.apparmor, note);
  const isFiltered = security.seccomp !== 'unconfined' && !(security.privileged && security.seccomp === 'default');
  return {
    argv: hasInit(container) ? [INIT_PATH, 'init', ...container.argv] : container.argv,
    env: environmentOf([linked, container.env], {
      hostname: hostnameOf(namedAs.madeFrom, namedAs.id, facts.names),
      home: identity.home,
      tty: container.tty,
    }),
    workingDir: container.workingDir,
    identity,
    capabilities,
    noNewPrivileges: security.noNewPrivileges,
    ...(isFiltered
      ? {
          filter: await seccompFilter(host, security.seccomp, {
            architecture: facts.architecture,
            kernel: facts.kernel,
            capabilities,
          }),
        }
      : {}),
    ulimits: container.ulimits,
    oomScoreAdj: container.resources.oomScoreAdj ?? 0,
    ...(apparmor === undefined ? {} : { apparmor }),
  };
}

/** Where the engine puts what it writes for this container, and what the container's mounts come from. */
export async function sourceOf(
  host: Host,
  { id, madeFrom: { name: container } }: ContainerRecord,
  mount: MountRecord,
  path: string,
): Promise<MountSource> {
  if (mount.kind === 'tmpfs') return { path: '', isFolder: true };
  if (mount.kind === 'file') return { path: contentFile(host.paths, id, mount.target), isFolder: false };
  if (mount.kind === 'image') {
    const [empty, on] = ['empty', 'image'].map((name) => join(containerRun(host.paths, id), name)) as [string, string];
    for (const folder of [empty, on]) mkdirSync(folder, { recursive: true, mode: 0o755 });
    return {
      path: '',
      isFolder: true,
      image: { layers: await (await host.images()).layerPaths(mount.source), empty, on },
    };
  }
  const whole = mount.subpath === undefined ? path : join(path, mount.subpath);
  try {
    return { path, isFolder: (await stat(whole)).isDirectory() };
  } catch (cause) {
    throw new TcomposeError(`${whole}, to be mounted on ${mount.target}, does not exist`, {
      code: 'mount-source-missing',
      address: `container/${container}`,
      help: `create it:\n    mkdir -p ${whole}`,
      cause,
    });
  }
}

/** Programs read their limits there (the JVM does): of version 1 only hierarchies that were joined are shown. */
function cgroupViews(
  { mode, hierarchies }: CgroupFacts,
  plan: CgroupPlan,
  ownsCgroup: boolean,
): MountRequest['cgroups'] {
  if (mode === 'unified') return [{ name: '', type: 'cgroup2', data: '' }];
  return Object.entries(hierarchies).flatMap(([name, point]): MountRequest['cgroups'] => {
    const folder = plan.folders.find((folder) => folder.startsWith(`${point}/`));
    if (folder === undefined) return [];
    return [{ name, type: 'cgroup', data: name, ...(ownsCgroup ? {} : { folder }) }];
  });
}
