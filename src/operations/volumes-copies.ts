/** Copies of volumes: `tcompose volume clone|snapshot|export|import|diff`. */
import type { DesiredVolume } from '../model/desired.ts';
import type { VolumeChange, VolumeCopyFacts, VolumeCopyOptions } from '../model/volume-facts.ts';
import type { Context } from './context.ts';
import { ANONYMOUS_LABEL, noSuchVolume } from './volumes-life.ts';

/** Where a copy comes from, and of a snapshot when it was taken. */
const COPY_LABEL = { from: 'tcompose.volume.from', taken: 'tcompose.volume.snapshot' } as const;

type Labels = Readonly<Record<string, string>>;

const plain = (name: string, labels: Labels): DesiredVolume => ({
  name,
  external: false,
  driver: 'local',
  driverOpts: {},
  labels,
});

/** A copy belongs to no project: `down -v` would take it along. */
const ownLabels = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.entries(labels).filter(
      ([key]) =>
        key !== ANONYMOUS_LABEL &&
        !key.startsWith('com.docker.compose.') &&
        !(Object.values(COPY_LABEL) as string[]).includes(key),
    ),
  );

type Copying = Omit<VolumeCopyOptions, 'signal'>;

export async function cloneVolume(
  { engine, signal }: Context,
  from: string,
  to: string,
  options: Copying,
): Promise<VolumeCopyFacts> {
  const source = await engine.volumes.find(from);
  if (!source) throw noSuchVolume(from);
  const labels = { ...ownLabels(source.madeFrom.labels), [COPY_LABEL.from]: from };
  return engine.volumes.clone(from, plain(to, labels), { ...options, signal });
}

/** The snapshot's name: without one given, the volume's with the moment, `data-20260131T150405Z`. */
export async function snapshotVolume(
  context: Context,
  volume: string,
  name: string | undefined,
  options: Copying,
): Promise<{ readonly name: string; readonly facts: VolumeCopyFacts }> {
  const { engine, signal, clock } = context;
  const source = await engine.volumes.find(volume);
  if (!source) throw noSuchVolume(volume);
  const moment = `${new Date(clock()).toISOString().replace(/\.\d+/, '')}`;
  const to = name ?? `${volume}-${moment.replace(/[-:]/g, '')}`;
  const labels = {
    ...ownLabels(source.madeFrom.labels),
    [COPY_LABEL.from]: volume,
    [COPY_LABEL.taken]: moment,
  };
  return { name: to, facts: await engine.volumes.clone(volume, plain(to, labels), { ...options, signal }) };
}

/** With the names of containers that may write to it meanwhile. */
export async function exportVolume(
  { engine }: Context,
  name: string,
): Promise<{ readonly tar: NodeJS.ReadableStream; readonly usedBy: readonly string[] }> {
  const found = await engine.volumes.find(name);
  if (!found) throw noSuchVolume(name);
  const users = await Promise.all(found.usedBy.map((container) => engine.containers.find(container)));
  const usedBy = users.flatMap((live) => (live && live.status === 'running' ? [live.name] : []));
  return { tar: await engine.volumes.export(name), usedBy };
}

export async function importVolume(
  { engine }: Context,
  name: string,
  tar: NodeJS.ReadableStream,
  onProgress?: (bytes: number) => void,
): Promise<void> {
  await engine.volumes.import(plain(name, {}), tar, onProgress);
}

export async function diffVolumes({ engine }: Context, from: string, to: string): Promise<readonly VolumeChange[]> {
  for (const name of [from, to]) if (!(await engine.volumes.find(name))) throw noSuchVolume(name);
  return engine.volumes.diff(from, to);
}
