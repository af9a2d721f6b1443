/** Volumes, for `tcompose volume …`; keys as the docker CLI prints them. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveVolume } from '../model/live.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';
import { labelWords } from './words.ts';

export interface VolumeRow {
  readonly Driver: string;
  readonly Name: string;
  readonly Mountpoint: string;
  readonly Labels: string;
  readonly Scope: string;
  /** Not in docker: names of the containers that mount it. */
  readonly UsedBy: readonly string[];
}

export async function listVolumes(
  { engine }: Context,
  options: { readonly project?: string } = {},
): Promise<readonly VolumeRow[]> {
  const { volumes } = await engine.snapshot({ ...options, networkDamage: false });
  return volumes.map(row).sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

const row = ({ name, madeFrom, mountpoint, usedBy }: LiveVolume): VolumeRow => ({
  Driver: madeFrom.driver,
  Name: name,
  Mountpoint: mountpoint,
  Labels: labelWords(madeFrom.labels),
  Scope: 'local',
  UsedBy: usedBy,
});

/** What `compose volumes` has besides: nobody ever fills it in. */
const UNKNOWN = { Availability: 'N/A', Group: 'N/A', Links: 'N/A', Size: 'N/A', Status: 'N/A' } as const;

/** Keys by name, as Docker prints them. */
const inOrder = <T extends object>(row: T): T =>
  Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))) as T;

/** Volumes that the file declares for these services (none named: all of the project's), as `docker compose volumes` lists them. */
export async function volumesOfProject(
  context: Context,
  target: Target,
  services: readonly string[],
): Promise<readonly (Omit<VolumeRow, 'UsedBy'> & typeof UNKNOWN)[]> {
  const found = await find(context, target);
  checkServices(found, target, services);
  const used = new Set(
    found.containers
      .filter((live) => services.includes(serviceOf(live)))
      .flatMap(({ mounts }) => mounts.flatMap(({ kind, source }) => (kind === 'volume' ? [source] : []))),
  );
  return found.live.volumes
    .filter(({ name }) => services.length === 0 || used.has(name))
    .map(row)
    .map(({ UsedBy: _, ...rest }) => inOrder({ ...UNKNOWN, ...rest }))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** In `docker volume inspect`'s shape. */
export async function inspectVolumes({ engine }: Context, names: readonly string[]): Promise<readonly object[]> {
  const found = await Promise.all(names.map((name) => engine.volumes.find(name)));
  const missing = names.filter((_, index) => !found[index]);
  if (missing.length > 0) throw noSuchVolume(missing);
  return found.flatMap((volume) => (volume ? [inspection(volume)] : []));
}

const inspection = ({ name, madeFrom, mountpoint, createdAt, usedBy }: LiveVolume): object => ({
  CreatedAt: createdAt,
  Driver: madeFrom.driver,
  Labels: madeFrom.labels,
  Mountpoint: mountpoint,
  Name: name,
  Options: madeFrom.driverOpts,
  Scope: 'local',
  UsedBy: usedBy,
});

const noSuchVolume = (names: readonly string[]) =>
  new TcomposeError(`no such volume: ${names.join(', ')}`, {
    code: 'no-such-volume',
    help: 'see `tcompose volume ls`',
  });

/** `force`: one that is not there is no error; one in use still is. */
export async function removeVolumes(
  { engine }: Context,
  names: readonly string[],
  options: { readonly force: boolean },
): Promise<void> {
  const found = await Promise.all(names.map((name) => engine.volumes.find(name)));
  const missing = names.filter((_, index) => !found[index]);
  if (missing.length > 0 && !options.force) throw noSuchVolume(missing);
  const present = names.filter((_, index) => found[index]);
  if (present.length > 0) await engine.volumes.remove(present);
}
