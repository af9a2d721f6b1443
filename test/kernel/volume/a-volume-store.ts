import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { ContainerRecord, MountRecord } from '../../../engine/state/records.ts';
import { openVolumes, resolveMounts, type VolumeStore } from '../../../engine/volume/index.ts';
import type { DesiredMount } from '../../../src/model/desired.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { launcher, layer, legacyArchive, listTree, loadTar, openStore } from '../image/a-store.ts';

export let instance: Instance;
export let volumes: VolumeStore;
export let layers: readonly string[];

beforeAll(async () => {
  instance = await makeInstance();
  volumes = openVolumes({ paths: instance, launcher });
  const images = openStore(instance);
  const below = layer(
    { name: 'var/lib/db/', type: '5', mode: 0o700, uid: 70, gid: 71, mtime: 1000 },
    { name: 'var/lib/db/gone', data: 'gone' },
    { name: 'var/lib/db/sub/', type: '5', mode: 0o1770, uid: 5 },
    { name: 'srv/empty/', type: '5', mode: 0o750, uid: 33, gid: 34 },
    { name: 'link', type: '2', link: '/../../srv/../var/lib/db' },
    { name: 'escape', type: '2', link: '../../../../../../../etc' },
    { name: 'file', data: 'a file' },
  );
  const above = layer(
    { name: 'var/lib/db/', type: '5', mode: 0o700, uid: 70, gid: 71, mtime: 1000 },
    { name: 'var/lib/db/.wh.gone' },
    {
      name: 'var/lib/db/data',
      data: 'content',
      mode: 0o4640,
      uid: 70,
      gid: 71,
      mtime: 2000,
      pax: { 'SCHILY.xattr.user.note': 'kept' },
    },
    { name: 'var/lib/db/hard', type: '1', link: 'var/lib/db/data' },
    { name: 'var/lib/db/soft', type: '2', link: '/etc/shadow' },
    { name: 'var/lib/db/pipe', type: '6' },
    {
      name: Buffer.from([0x76, 0x61, 0x72, 0x2f, 0x6c, 0x69, 0x62, 0x2f, 0x64, 0x62, 0x2f, 0xff]).toString('latin1'),
      data: 'odd name',
    },
  );
  const [image] = await loadTar(images, legacyArchive('db:1', [below, above]));
  layers = await images.layerPaths(image!.id);
});
afterAll(async () => {
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

export const make = (name: string, driverOpts: Record<string, string> = {}) =>
  volumes.create([{ name, external: false, driver: 'local', driverOpts, labels: {} }]);
export const mount = (name: string | undefined, target: string, noCopy = false): MountRecord => {
  const wanted: DesiredMount = {
    kind: 'volume',
    target,
    readOnly: false,
    noCopy,
    ...(name !== undefined && { volume: name }),
  };
  return resolveMounts({ mounts: [wanted], imageVolumes: [], inherited: [], mountsOf: () => undefined })[0]!;
};
export const dataOf = (name: string): string => join(instance.root, 'volumes', name, '_data');
export const recordOf = (name: string) =>
  JSON.parse(readFileSync(join(instance.root, 'volumes', name, 'volume.json'), 'utf8'));
export const seeded = async (name: string, target: string, noCopy = false): Promise<string[]> => {
  const one = mount(name, target, noCopy);
  await volumes.prepare([one]);
  await volumes.seed([one], layers);
  return listTree(`${dataOf(name)}/`);
};
export const withContainer = async (
  mounts: readonly MountRecord[],
  work: (record: ContainerRecord) => Promise<void>,
): Promise<void> => {
  const folder = join(instance.root, 'containers', 'c1');
  mkdirSync(folder, { recursive: true });
  const record = { version: 1, id: 'c1', name: 'db-1', mounts } as unknown as ContainerRecord;
  writeFileSync(join(folder, 'container.json'), JSON.stringify(record));
  await work(record).finally(() => rmSync(join(instance.root, 'containers'), { recursive: true }));
};
