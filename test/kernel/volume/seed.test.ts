/** Volumes are filled from the image once, as it is, whatever it says and whatever interrupts. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeTar } from '../../unit/image/tar-writer.ts';
import { importTar, openStore } from '../image/a-store.ts';
import { dataOf, instance, layers, make, mount, recordOf, seeded, volumes } from './a-volume-store.ts';

describe("a volume's first content", () => {
  test("is the image's, merged, with owners, modes, times, attributes and links", async () => {
    await make('full');
    const tree = await seeded('full', '/var/lib/db');
    expect(tree).toContain('d 0700 70:71 1000 ');
    expect(tree).toContain('f 04640 70:71 7 2 2000 data');
    expect(tree).toContain('f 04640 70:71 7 2 2000 hard');
    expect(tree.find((line) => line.startsWith('d 01770'))).toMatch(/^d 01770 5:0 \S+ sub$/);
    expect(tree.find((line) => line.includes('soft'))).toMatch(/soft -> \/etc\/shadow$/);
    expect(lstatSync(join(dataOf('full'), 'pipe')).isFIFO()).toBe(true);
    expect(readdirSync(dataOf('full'), { encoding: 'buffer' })).toContainEqual(Buffer.from([0xff]));
    expect(existsSync(join(dataOf('full'), 'gone'))).toBe(false);
    expect(recordOf('full').seeded).toBe(true);
    expect(readdirSync(join(instance.root, 'volumes/full')).sort()).toEqual(['_data', 'volume.json']);
  });

  test('is copied once: what was deleted in it does not come back', async () => {
    await make('once');
    await seeded('once', '/var/lib/db');
    execFileSync('find', [dataOf('once'), '-mindepth', '1', '-delete']);
    expect(await seeded('once', '/var/lib/db')).toHaveLength(1);
  });

  test('is not copied into a volume that holds anything, nor with nocopy, nor over attributes then', async () => {
    await make('used');
    writeFileSync(join(dataOf('used'), 'mine'), 'mine');
    execFileSync('chown', ['12:34', dataOf('used')]);
    expect((await seeded('used', '/var/lib/db')).filter((line) => !line.endsWith(' '))).toHaveLength(1);
    expect(lstatSync(dataOf('used'))).toMatchObject({ uid: 12, gid: 34 });
    await make('nocopy');
    expect(await seeded('nocopy', '/var/lib/db', true)).toHaveLength(1);
    expect(recordOf('nocopy').seeded).toBe(false);
  });

  test('of an empty folder is its owner and mode, and another image may still fill it', async () => {
    await make('empty');
    await seeded('empty', '/srv/empty');
    expect(lstatSync(dataOf('empty'))).toMatchObject({ uid: 33, gid: 34, mode: 0o40750 });
    expect(recordOf('empty').seeded).toBe(false);
    expect((await seeded('empty', '/var/lib/db')).length).toBeGreaterThan(5);
  });

  test('where the image has nothing is nothing', async () => {
    await make('nothing');
    for (const target of ['/no/such/place', '/file/x', '/var/lib/db/gone', '/file'])
      expect(await seeded('nothing', target)).toHaveLength(1);
    expect(recordOf('nothing').seeded).toBe(false);
  });

  test("is looked up in the image's root, whatever links there say", async () => {
    await make('linked');
    expect((await seeded('linked', '/link')).some((line) => line.endsWith(' data'))).toBe(true);
    await make('escaped');
    expect(await seeded('escaped', '/escape')).toHaveLength(1);
  });

  test('cannot be copied for an anonymous volume over a file', async () => {
    const anonymous = mount(undefined, '/file');
    await volumes.prepare([anonymous]);
    await expect(volumes.seed([anonymous], layers)).rejects.toThrow(
      'cannot mount a volume on /file: the image has a file there',
    );
  });

  test('comes from an image of one layer too', async () => {
    const images = openStore(instance);
    const image = await importTar(images, makeTar({ name: 'd/x', data: 'x' }));
    await make('single');
    await volumes.seed([mount('single', '/d')], await images.layerPaths(image.id));
    expect(readFileSync(join(dataOf('single'), 'x'), 'utf8')).toBe('x');
  });

  test('is whole after an interrupted copy: begun again, or moved on from where it was', async () => {
    await make('broken');
    mkdirSync(join(instance.root, 'volumes/broken/seed/content'), { recursive: true });
    writeFileSync(join(instance.root, 'volumes/broken/seed/content/half'), 'half');
    expect((await seeded('broken', '/var/lib/db')).some((line) => line.endsWith(' half'))).toBe(false);

    await make('moving');
    const ready = join(instance.root, 'volumes/moving/seed.ready');
    mkdirSync(ready, { mode: 0o711 });
    writeFileSync(join(ready, 'second'), '2');
    writeFileSync(join(dataOf('moving'), 'first'), '1');
    await seeded('moving', '/var/lib/db');
    expect(readdirSync(dataOf('moving')).sort()).toEqual(['first', 'second']);
    expect(lstatSync(dataOf('moving')).mode & 0o777).toBe(0o711);
    expect(recordOf('moving').seeded).toBe(true);
    expect(readdirSync(join(instance.root, 'volumes/moving')).sort()).toEqual(['_data', 'volume.json']);
  });

  test('is copied once by many at the same time', async () => {
    await make('crowd');
    await Promise.all(Array.from({ length: 5 }, () => volumes.seed([mount('crowd', '/var/lib/db')], layers)));
    expect(readdirSync(join(instance.root, 'volumes/crowd')).sort()).toEqual(['_data', 'volume.json']);
    expect(readFileSync(join(dataOf('crowd'), 'data'), 'utf8')).toBe('content');
  });
});

describe('a part of a volume', () => {
  const part = (name: string, target: string, subpath: string) => ({ ...mount(name, target), subpath });

  test('is made and filled as a whole volume is, the rest left alone; what it holds stays', async () => {
    await make('parts');
    writeFileSync(join(dataOf('parts'), 'mine'), 'mine');
    await volumes.seed([part('parts', '/var/lib/db', 'in/deep')], layers);
    expect(readFileSync(join(dataOf('parts'), 'in/deep/data'), 'utf8')).toBe('content');
    expect(lstatSync(join(dataOf('parts'), 'in/deep'))).toMatchObject({ uid: 70, gid: 71, mode: 0o40700 });
    expect(readdirSync(dataOf('parts')).sort()).toEqual(['in', 'mine']);
    writeFileSync(join(dataOf('parts'), 'in/deep/data'), 'changed');
    await volumes.seed([part('parts', '/var/lib/db', 'in/deep')], layers);
    expect(readFileSync(join(dataOf('parts'), 'in/deep/data'), 'utf8')).toBe('changed');
    expect(readdirSync(join(instance.root, 'volumes/parts')).sort()).toEqual(['_data', 'volume.json']);
  });

  test('is not made where the image has nothing, and never outside of the volume', async () => {
    await make('out');
    await volumes.seed([part('out', '/no/such', 'in')], layers);
    expect(readdirSync(dataOf('out'))).toEqual([]);
    const outside = join(instance.root, 'outside-of-volumes');
    mkdirSync(outside);
    symlinkSync(outside, join(dataOf('out'), 'link'));
    await volumes.seed([part('out', '/var/lib/db', 'link')], layers).catch(() => undefined);
    expect(readdirSync(outside)).toEqual([]);
  });
});
