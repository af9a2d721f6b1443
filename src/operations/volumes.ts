/** Volumes, for `tcompose volume …`; keys as the docker CLI prints them. */
import type { LiveVolume } from '../model/live.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';
import { matches, type VolumeFilter } from './volume-filters.ts';
import { noSuchVolume } from './volumes-life.ts';
import { labelWords, withLabel } from './words.ts';

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
  options: { readonly project?: string; readonly filter?: VolumeFilter } = {},
): Promise<readonly (VolumeRow & typeof UNKNOWN)[]> {
  const { project, filter } = options;
  const { volumes } = await engine.snapshot({ ...(project === undefined ? {} : { project }), networkDamage: false });
  const wanted = filter === undefined ? volumes : volumes.filter((volume) => matches(volume, filter));
  return wanted
    .map((volume) => withLabel(inOrder({ ...UNKNOWN, ...row(volume) }), volume.madeFrom.labels))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
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
    .filter(({ name, anonymous }) => !anonymous && (services.length === 0 || used.has(name)))
    .map(row)
    .map(({ UsedBy: _, ...rest }) => inOrder({ ...UNKNOWN, ...rest }))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** In `docker volume inspect`'s shape: of those that are there, with the names of those that are not. */
export async function inspectVolumes(
  { engine }: Context,
  names: readonly string[],
): Promise<{ readonly found: readonly object[]; readonly missing: readonly Error[] }> {
  const volumes = await Promise.all(names.map((name) => engine.volumes.find(name)));
  return {
    found: volumes.flatMap((volume) => (volume ? [inspection(volume)] : [])),
    missing: names.flatMap((name, index) => (volumes[index] ? [] : [noSuchVolume(name)])),
  };
}

/** As Docker writes what is empty. */
const orNull = (words: Readonly<Record<string, string>>) => (Object.keys(words).length === 0 ? null : words);

const inspection = ({ name, madeFrom, mountpoint, createdAt, usedBy }: LiveVolume): object => ({
  CreatedAt: createdAt,
  Driver: madeFrom.driver,
  Labels: orNull(madeFrom.labels),
  Mountpoint: mountpoint,
  Name: name,
  Options: orNull(madeFrom.driverOpts),
  Scope: 'local',
  UsedBy: usedBy,
});
