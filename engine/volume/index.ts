/** The volumes' only door: named and anonymous volumes, what a container's mounts become, and their first content. */
import type { Volumes } from '../../src/model/engine.ts';
import type { LiveVolume } from '../../src/model/live.ts';
import { readContainerRecords } from '../state/container-records.ts';
import type { Paths } from '../state/paths.ts';
import type { ContainerRecord, MountRecord } from '../state/records.ts';
import { attachBind, attachVolume, detachVolumes } from './attach.ts';
import { describeVolume, makeVolume, readVolume, readVolumes, volumeMissing } from './volume-records.ts';

export { type MountRequest, resolveMounts } from './resolve-mounts.ts';

export interface VolumeStoreOptions {
  readonly paths: Paths;
  /** Path of tcompose-launcher: mounts and resolves inside an image's root filesystem. */
  readonly launcher: string;
}

/**
 * At create: resolveMounts, then prepare, then (once the image is known to be there) seed. At every start: sources.
 * At remove, after the record is gone: removeAnonymous when asked for. At stop: release.
 */
export interface VolumeStore extends Pick<Volumes, 'create' | 'remove' | 'find'> {
  /** `containers`: records already read, so that they are not read again. */
  list(containers?: readonly ContainerRecord[]): Promise<readonly LiveVolume[]>;
  /** Makes anonymous volumes and missing bind sources (where asked for); throws for what is missing otherwise. */
  prepare(mounts: readonly MountRecord[], labels?: Readonly<Record<string, string>>): Promise<void>;
  /** Copies the image's content into volumes used for the first time. `layers` as ImageStore.layerPaths gives them. */
  seed(mounts: readonly MountRecord[], layers: readonly string[]): Promise<void>;
  /** Host paths to bind, in the order given; '' for tmpfs. Mounts volumes with driver options; checks bind sources again. */
  sources(mounts: readonly MountRecord[]): Promise<readonly string[]>;
  /** Unmounts volumes with driver options among `mounts` that no container in `running` (records) uses any more. */
  release(mounts: readonly MountRecord[], running: readonly ContainerRecord[]): Promise<void>;
  /** Removes those anonymous volumes that no container record mentions any more. */
  removeAnonymous(mounts: readonly MountRecord[]): Promise<void>;
}

const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

const prepareMount = async (
  paths: Paths,
  mount: MountRecord,
  labels: Readonly<Record<string, string>>,
): Promise<void> => {
  if (mount.kind === 'bind') await attachBind(mount);
  if (mount.kind !== 'volume') return;
  if (!mount.anonymous) {
    if (readVolume(paths, mount.source) === undefined) throw volumeMissing(mount.source);
    return;
  }
  const wanted = {
    name: mount.source,
    external: false,
    driver: 'local',
    driverOpts: {},
    labels: { ...mount.labels, ...labels, [ANONYMOUS_LABEL]: '' },
  } as const;
  await makeVolume(paths, wanted, true);
};

export const openVolumes = ({ paths, launcher }: VolumeStoreOptions): VolumeStore => ({
  async create(volumes) {
    await Promise.all(volumes.map((volume) => makeVolume(paths, volume, ANONYMOUS_LABEL in volume.labels)));
  },
  async remove(names, options = { force: false }) {
    await (await import('./remove.ts')).removeVolumes(paths, names, options);
  },
  async find(name) {
    const record = readVolume(paths, name);
    return record === undefined ? undefined : describeVolume(paths, record, readContainerRecords(paths));
  },
  async list(containers = readContainerRecords(paths)) {
    return readVolumes(paths).map((record) => describeVolume(paths, record, containers));
  },
  async prepare(mounts, labels = {}) {
    await Promise.all(mounts.map((mount) => prepareMount(paths, mount, labels)));
  },
  async seed(mounts, layers) {
    const wanted = mounts.filter(
      (mount) =>
        mount.kind === 'volume' &&
        !mount.noCopy &&
        (mount.subpath !== undefined || readVolume(paths, mount.source)?.seeded !== true),
    );
    if (wanted.length === 0) return;
    const { seedVolume } = await import('./seed.ts');
    await Promise.all(wanted.map((mount) => seedVolume({ paths, launcher, layers }, mount)));
  },
  sources: (mounts) =>
    Promise.all(
      mounts.map(async (mount) => {
        if (mount.kind === 'volume') return attachVolume(paths, mount.source);
        return mount.kind === 'bind' ? attachBind(mount) : '';
      }),
    ),
  release: (mounts, running) => detachVolumes(paths, mounts, running),
  async removeAnonymous(mounts) {
    await (await import('./remove.ts')).removeAnonymousVolumes(paths, mounts);
  },
});
