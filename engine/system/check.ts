/** What would be refused later, found before anything is touched. */
import type { DesiredContainer, DesiredState } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { findLogProblem } from '../logs/plan.ts';

/** sethostname(2): HOST_NAME_MAX. */
const HOST_NAME_MAX = 64;
/** They become names of files and folders, with a few characters more: NAME_MAX is 255. */
const NAME_MAX = 200;

export async function checkWanted(
  host: Host,
  { containers, networks, volumes }: Omit<DesiredState, 'project'>,
  leaving: ReadonlySet<string>,
): Promise<readonly Error[]> {
  const names = [
    ...containers.flatMap(longHostName),
    ...containers.flatMap((one) => findLogProblem(one) ?? []),
    ...containers.flatMap(({ name }) => longName('container', name)),
    ...networks.flatMap(({ name }) => longName('network', name)),
    ...volumes.flatMap(({ name }) => longName('volume', name)),
  ];
  const [made, ports, addresses, parents, mounts, limits, isolation] = await Promise.all([
    impossibleVolumes(volumes),
    impossiblePorts(host, { containers, networks }, leaving),
    impossibleAddresses(host, { containers, networks }, leaving),
    impossibleParents(host, networks),
    impossibleMounts(host, containers, new Set(volumes.map(({ name }) => name))),
    impossibleLimits(host, containers),
    impossibleIsolation(host, containers),
  ]);
  return [...names, ...made, ...ports, ...addresses, ...parents, ...mounts, ...limits, ...isolation];
}

async function impossibleIsolation(host: Host, containers: readonly DesiredContainer[]): Promise<readonly Error[]> {
  if (containers.length === 0) return [];
  const { isolationProblems } = await import('../container/isolation/check-isolation.ts');
  return (await Promise.all(containers.map((one) => isolationProblems(host, one)))).flat();
}

/** The facts of the host are read only where there is something to hold against them. */
async function impossibleLimits(host: Host, containers: readonly DesiredContainer[]): Promise<readonly Error[]> {
  const limited = containers.filter(
    ({ resources, cgroupParent }) => Object.keys(resources).length > 1 || cgroupParent !== undefined,
  );
  if (limited.length === 0) return [];
  const [{ limitsProblem }, { processors, cgroups }] = await Promise.all([
    import('../container/resources/check-limits.ts'),
    host.facts(),
  ]);
  return limited.flatMap((one) => limitsProblem(one, { processors, controllers: cgroups.controllers }) ?? []);
}

function longHostName({ name, hostname = '' }: DesiredContainer): readonly TcomposeError[] {
  const length = Buffer.byteLength(hostname);
  if (length <= HOST_NAME_MAX) return [];
  return [
    new TcomposeError(`the host name of ${name} is too long: ${length} bytes, ${HOST_NAME_MAX} at most`, {
      code: 'hostname-too-long',
      address: `container/${name}`,
      help: 'shorten it',
      exitCode: 2,
    }),
  ];
}

function longName(kind: string, name: string): readonly TcomposeError[] {
  const length = Buffer.byteLength(name);
  if (length <= NAME_MAX) return [];
  return [
    new TcomposeError(`the ${kind} name ${name.slice(0, 40)}… is too long: ${length} bytes, ${NAME_MAX} at most`, {
      code: 'name-too-long',
      address: `${kind}/${name}`,
      help: 'shorten it, or the name of the project',
      exitCode: 2,
    }),
  ];
}

async function impossiblePorts(
  host: Host,
  wanted: Pick<DesiredState, 'containers' | 'networks'>,
  leaving: ReadonlySet<string>,
): Promise<readonly Error[]> {
  if (wanted.containers.every(({ ports }) => ports.length === 0)) return [];
  const { portProblems } = await import('./check-ports.ts');
  return await portProblems(host, wanted, leaving);
}

/** Where nothing is asked for by number, nothing is looked at. */
async function impossibleAddresses(
  host: Host,
  { containers, networks }: Pick<DesiredState, 'containers' | 'networks'>,
  leaving: ReadonlySet<string>,
): Promise<readonly Error[]> {
  const asks = containers.some(({ attachments }) =>
    attachments.some((one) => one.ipv4 ?? one.ipv6 ?? one.mac ?? one.interfaceName ?? one.linkLocalIps ?? one.sysctls),
  );
  if (!asks && networks.every(({ ipam, driverOpts }) => ipam.length === 0 && Object.keys(driverOpts).length === 0))
    return [];
  const [{ addressProblems }, { idleAmong }, records] = await Promise.all([
    import('../network/index.ts'),
    import('../container/runtime.ts'),
    host.records(),
  ]);
  return await addressProblems({ containers, networks }, records, leaving, idleAmong(host.paths, records.containers));
}

/** Networks upon an interface of the host's: whether it is there, and whether the kernel can. */
async function impossibleParents(host: Host, networks: DesiredState['networks']): Promise<readonly Error[]> {
  if (networks.every(({ driver }) => driver === 'bridge')) return [];
  const { parentProblems } = await import('../network/index.ts');
  return await parentProblems(await host.networkContext(), networks, (await host.records()).networks);
}

async function impossibleVolumes(volumes: DesiredState['volumes']): Promise<readonly Error[]> {
  if (volumes.length === 0) return [];
  const { volumeProblem } = await import('../volume/check-volumes.ts');
  return (await Promise.all(volumes.map(volumeProblem))).flatMap((problem) => problem ?? []);
}

async function impossibleMounts(
  host: Host,
  containers: readonly DesiredContainer[],
  making: ReadonlySet<string>,
): Promise<readonly Error[]> {
  const mounting = containers.filter(({ mounts }) => mounts.length > 0);
  if (mounting.length === 0) return [];
  const { mountProblems } = await import('../volume/check-mounts.ts');
  const layersOf = async (image: string) => (await host.images()).layerPaths(image).catch(() => undefined);
  const [{ findRecord }, records] = await Promise.all([import('../state/container-records.ts'), host.records()]);
  const isContainer = (name: string) =>
    containers.some((one) => one.name === name) || findRecord(records.containers, name) !== undefined;
  const check = { paths: host.paths, layersOf, starting: containers, making, isContainer };
  return (await Promise.all(mounting.map((one) => mountProblems(check, one)))).flat();
}
