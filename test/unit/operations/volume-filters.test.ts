/** Filters of volumes, and what prune takes. */
import { describe, expect, test } from 'vitest';
import { matches, readFilters } from '../../../src/operations/volume-filters.ts';
import { cloneVolume } from '../../../src/operations/volumes-copies.ts';
import { createVolume, pruneVolumes, removeVolumes } from '../../../src/operations/volumes-life.ts';
import { contextOf } from './a-shop.ts';

const KEYS = ['dangling', 'driver', 'label', 'label!', 'name', 'all'];
const volume = (name: string, labels: Record<string, string>, usedBy: readonly string[] = []) => ({
  name,
  madeFrom: { name, external: false, driver: 'local', driverOpts: {}, labels } as const,
  anonymous: false,
  createdAt: '',
  mountpoint: '',
  usedBy,
});
const fits = (words: readonly string[], one: ReturnType<typeof volume>) => matches(one, readFilters(words, KEYS));

describe('filters', () => {
  const one = volume('shop_data', { tier: 'gold', empty: '' });
  test.each([
    [['label=tier'], true],
    [['label=tier=gold', 'label=empty'], true],
    [['label=tier=gold', 'label=absent'], false],
    [['label=toString'], false],
    [['label!=tier'], false],
    [['label!=tier=silver'], true],
    [['name=data'], true],
    [['name=^data'], false],
    [['name=absent', 'name=^shop'], true],
    [['name=['], false],
    [['driver=local'], true],
    [['driver=nfs'], false],
    [['dangling=true'], true],
    [['dangling=0'], false],
  ])('%j: %j', (words, expected) => expect(fits(words, one)).toBe(expected));

  test.each([['bogus=1'], ['dangling'], ['dangling=perhaps'], ['dangling=1,0']])('%j is refused', (word) =>
    expect(() => readFilters([word], KEYS)).toThrow(/invalid filter/),
  );
});

test('prune asks about exactly what it takes, and a no takes nothing', async () => {
  const { context, engine } = contextOf();
  await createVolume(context, { name: 'named', driverOpts: {}, labels: {} });
  const anonymous = await createVolume(context, { driverOpts: {}, labels: {} });
  const asked: (readonly string[])[] = [];
  const confirm = async (names: readonly string[]) => asked.push(names) > 1;
  const filter = readFilters([], KEYS);
  expect(await pruneVolumes(context, { all: false, filter, confirm })).toBeUndefined();
  expect(engine.state().volumes).toHaveLength(2);
  expect(await pruneVolumes(context, { all: false, filter, confirm })).toEqual({ removed: [anonymous], bytes: 1000 });
  expect(asked).toEqual([[anonymous], [anonymous]]);
  expect((await pruneVolumes(context, { all: true, filter }))!.removed).toEqual(['named']);
});

test('a copy is of no project and says where it comes from; removal tries all', async () => {
  const { context, engine } = contextOf();
  const labels = { 'com.docker.compose.project': 'shop', mine: 'kept' };
  await createVolume(context, { name: 'data', driverOpts: {}, labels });
  await cloneVolume(context, 'data', 'copy', { pause: false });
  const copy = engine.state().volumes.find(({ name }) => name === 'copy')!;
  expect(copy.madeFrom.labels).toEqual({ mine: 'kept', 'tcompose.volume.from': 'data' });
  const gone: string[] = [];
  const onRemoved = (name: string) => gone.push(name);
  await expect(removeVolumes(context, ['absent', 'copy'], { force: false, onRemoved })).rejects.toThrow(
    'no such volume: absent',
  );
  expect(gone).toEqual(['copy']);
});
