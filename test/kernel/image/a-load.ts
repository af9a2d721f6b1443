import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { ImageStore } from '../../../engine/image/index.ts';
import { listFolder } from '../../../engine/image/store.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import type { Entry } from '../../unit/image/tar-writer.ts';
import { layer, openStore } from './a-store.ts';

export let instance: Instance;
export let store: ImageStore;
beforeAll(async () => {
  instance = await makeInstance();
  store = openStore(instance);
});
afterEach(async () => {
  for (const image of await store.list()) await store.remove(image.id, { force: true });
  const inImages = (folder: string) => listFolder(join(instance.root, 'images', folder));
  expect([
    ...(await inImages('layers/l')),
    ...(await inImages('blobs/sha256')),
    ...(await inImages('partial')),
  ]).toEqual([]);
  expect((await inImages('layers')).filter((name) => name !== 'l')).toEqual([]);
});
afterAll(async () => {
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

export const base = layer(
  { name: 'etc/', type: '5' },
  { name: 'etc/a', data: 'base' },
  { name: 'etc/b', data: 'base' },
  { name: 'old/', type: '5' },
  { name: 'old/x', data: 'x' },
);
export const middle = layer({ name: 'etc/', type: '5' }, { name: 'etc/.wh.a' }, { name: 'etc/c', data: 'middle' });
export const top = layer(
  { name: 'old/', type: '5' },
  { name: 'old/.wh..wh..opq' },
  { name: 'old/y', data: 'y' },
  { name: 'etc/b', data: 'top', mode: 0o4711 },
);
export const layers = [base, middle, top];

export const writeFolder = (entries: readonly Entry[]): string => {
  const folder = join(instance.root, 'layout');
  rmSync(folder, { recursive: true, force: true });
  for (const { name, data } of entries) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), data ?? '');
  }
  return folder;
};

/** The merged tree, as a container sees it. */
