/** Removals that cannot come to their end: the container is dead until a later command has removed the rest. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aContainer, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
const find = async (name: string) =>
  (await stage.engine.snapshot()).containers.find((container) => container.name === name);
const remove = async (name: string) =>
  (await stage.engine.containers.remove([name], { anonymousVolumes: true })).failed.get(name);

/** Something of the host's, mounted into the writable layer while nothing runs. */
async function withBusyMount(name: string): Promise<{ readonly folder: string; readonly free: () => void }> {
  await runContainers(stage.engine, [aContainer(stage.image, name)]);
  const { id } = (await find(name))!;
  const folder = join(stage.instance.root, 'containers', id);
  const busy = join(folder, 'upper', 'busy');
  mkdirSync(busy);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', busy]);
  writeFileSync(join(busy, 'kept'), 'not ours');
  return {
    folder,
    free: () => {
      expect(readFileSync(join(busy, 'kept'), 'utf8'), 'what is mounted is not ours to empty').toBe('not ours');
      execFileSync('umount', [busy]);
    },
  };
}

test('what cannot be removed is told with its place and shown as dead, and is removed when that is asked for again', async () => {
  const { folder, free } = await withBusyMount('stuck');
  expect((await remove('stuck'))?.message).toContain(`something in ${folder} cannot be removed`);
  expect(await find('stuck')).toMatchObject({ status: 'dead', pid: 0, wanted: false });
  expect((await remove('stuck'))?.message, 'still busy').toContain('is dead');
  free();
  expect(await remove('stuck')).toBeUndefined();
  expect(await find('stuck')).toBeUndefined();
  expect(existsSync(folder)).toBe(false);
});

test('a command about another container finishes it, and is not kept from its own work while it cannot', async () => {
  const { folder, free } = await withBusyMount('stuck');
  await remove('stuck');
  await runContainers(stage.engine, [aContainer(stage.image, 'other')]);
  expect(await find('other')).toMatchObject({ status: 'running' });
  expect(await find('stuck')).toMatchObject({ status: 'dead' });
  free();
  expect(await remove('other')).toBeUndefined();
  expect(await find('stuck')).toBeUndefined();
  expect(existsSync(folder)).toBe(false);
  expect(readdirSync(join(stage.instance.root, 'containers'))).toEqual([]);
});

test('names that no encoding knows and paths that are too long are removed', async () => {
  await runContainers(stage.engine, [aContainer(stage.image, 'deep')]);
  const { id } = (await find('deep'))!;
  const upper = join(stage.instance.root, 'containers', id, 'upper');
  // Neither half is too long to be named; the whole is.
  const half = Array<string>(15).fill('x'.repeat(200)).join('/');
  for (const top of ['a', 'b']) mkdirSync(join(upper, top, half), { recursive: true });
  writeFileSync(Buffer.concat([Buffer.from(join(upper, 'b', half)), Buffer.from([0x2f, 0xff])]), '');
  renameSync(join(upper, 'b'), join(upper, 'a', half, 'b'));
  expect(await remove('deep')).toBeUndefined();
  expect(existsSync(upper)).toBe(false);
});
