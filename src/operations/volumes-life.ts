/** Volumes made, taken away and cleared by hand: `tcompose volume create|rm|prune`, with the rules of the docker CLI. */
import { randomBytes } from 'node:crypto';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { LiveVolume } from '../model/live.ts';
import type { Context } from './context.ts';
import { matches, type VolumeFilter } from './volume-filters.ts';

/** As Docker marks them; `volume prune` without --all takes these only. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

export interface CreateOptions {
  /** Absent: a random one, and the volume counts as anonymous. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** The name. One that is there stays as it is. */
export async function createVolume({ engine }: Context, options: CreateOptions): Promise<string> {
  const { driver = 'local', driverOpts } = options;
  if (driver !== 'local')
    throw new TcomposeError(`there is no volume driver ${driver}`, {
      code: 'no-such-driver',
      help: 'leave --driver out: volumes are kept on this host (local)',
    });
  const name = options.name || randomBytes(32).toString('hex');
  const labels = options.name ? options.labels : { ...options.labels, [ANONYMOUS_LABEL]: '' };
  await engine.volumes.create([{ name, external: false, driver, driverOpts, labels }]);
  return name;
}

/** Each is tried; `onRemoved` is told of those that went. `force`: one that is not there is no error; one in use still is. */
export async function removeVolumes(
  { engine }: Context,
  names: readonly string[],
  options: { readonly force: boolean; readonly onRemoved?: (name: string) => void },
): Promise<void> {
  const errors: Error[] = [];
  for (const name of names) {
    try {
      if (await engine.volumes.find(name)) await engine.volumes.remove([name]);
      else if (!options.force) throw noSuchVolume(name);
      options.onRemoved?.(name);
    } catch (error) {
      errors.push(error as Error);
    }
  }
  if (errors.length > 1) throw new TcomposeErrors(errors);
  if (errors[0]) throw errors[0];
}

export const noSuchVolume = (name: string) =>
  new TcomposeError(`no such volume: ${name}`, { code: 'no-such-volume', help: 'see `tcompose volume ls`' });

export interface PruneOptions {
  /** Named ones, too. */
  readonly all: boolean;
  readonly filter: VolumeFilter;
  /** Asked before anything is removed; absent: yes. */
  readonly confirm?: (names: readonly string[]) => Promise<boolean>;
}

export interface Pruned {
  readonly removed: readonly string[];
  readonly bytes: number;
}

/** What is in use stays, whoever began to use it after it was looked for: the engine refuses to remove it. Undefined: not wanted. */
export async function pruneVolumes(context: Context, options: PruneOptions): Promise<Pruned | undefined> {
  const { engine } = context;
  const { volumes } = await engine.snapshot({ networkDamage: false });
  const goes = ({ usedBy, madeFrom, anonymous }: LiveVolume) =>
    usedBy.length === 0 && !madeFrom.external && (options.all || anonymous || ANONYMOUS_LABEL in madeFrom.labels);
  const names = volumes
    .filter((volume) => goes(volume) && matches(volume, options.filter))
    .map(({ name }) => name)
    .sort();
  if (options.confirm && !(await options.confirm(names))) return undefined;
  const removed: string[] = [];
  let bytes = 0;
  for (const name of names) {
    if (context.signal.aborted) break;
    try {
      const size = await engine.volumes.size(name);
      await engine.volumes.remove([name]);
      removed.push(name);
      bytes += size;
    } catch (error) {
      if (!['volume-in-use', 'volume-missing'].includes((error as { code?: string }).code ?? '')) throw error;
    }
  }
  return { removed, bytes };
}
