/** Volumes: made, mounted with driver options, kept while used, removed. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MountRecord } from '../../../engine/state/records.ts';
import { dataOf, instance, layers, make, mount, recordOf, volumes, withContainer } from './a-volume-store.ts';

describe('driver options', () => {
  test('a tmpfs is mounted for its users and gone with the last of them', async () => {
    await make('memory', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,mode=0750' });
    const mounts = [mount('memory', '/var/lib/db')];
    await Promise.all([volumes.sources(mounts), volumes.sources(mounts)]);
    const mountsOf = () =>
      execFileSync('findmnt', ['-rn', '-o', 'TARGET,FSTYPE'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line === `${dataOf('memory')} tmpfs`);
    expect(mountsOf()).toHaveLength(1);
    await volumes.seed(mounts, layers);
    expect(readFileSync(join(dataOf('memory'), 'data'), 'utf8')).toBe('content');
    await withContainer(mounts, (user) => volumes.release(mounts, [user]));
    expect(mountsOf()).toHaveLength(1);
    await volumes.release(mounts, []);
    expect(mountsOf()).toHaveLength(0);
  });

  test('a bind shows a folder of the host, which removal leaves alone', async () => {
    const folder = join(instance.root, 'host-folder');
    mkdirSync(folder);
    writeFileSync(join(folder, 'kept'), 'kept');
    await make('bound', { type: 'none', device: folder, o: 'bind' });
    const [source] = await volumes.sources([mount('bound', '/d')]);
    expect(readFileSync(join(source!, 'kept'), 'utf8')).toBe('kept');
    await volumes.remove(['bound']);
    expect(readFileSync(join(folder, 'kept'), 'utf8')).toBe('kept');
  });

  test('what cannot be mounted is said with the reason', async () => {
    await make('lost', { type: 'none', device: '/no/such/folder', o: 'bind' });
    await expect(volumes.sources([mount('lost', '/d')])).rejects.toThrow(
      'the bind source /no/such/folder does not exist',
    );
    await make('strange', { type: 'nosuchfs', device: 'x' });
    await expect(volumes.sources([mount('strange', '/d')])).rejects.toThrow(
      /cannot mount volume strange: .*does not exist/,
    );
  });
});

describe('mounts', () => {
  const bind = (source: string, createHostPath: boolean): MountRecord => ({
    ...mount('x', '/d'),
    kind: 'bind',
    source,
    createHostPath,
  });

  test('a missing bind source is made where asked for, else named', async () => {
    const path = join(instance.root, 'made/for/you');
    await volumes.prepare([bind(path, true)]);
    expect(lstatSync(path)).toMatchObject({ mode: 0o40755, uid: 0 });
    await expect(volumes.prepare([bind(`${path}/not`, false)])).rejects.toMatchObject({
      code: 'bind-source-missing',
      message: expect.stringContaining(`${path}/not`),
    });
    writeFileSync(join(instance.root, 'plain'), '');
    await expect(volumes.prepare([bind(join(instance.root, 'plain/x'), true)])).rejects.toThrow(/cannot be made/);
  });

  test('a missing named volume is an error, a missing anonymous one is made', async () => {
    await expect(volumes.prepare([mount('absent', '/d')])).rejects.toThrow('there is no volume absent');
    const anonymous = mount(undefined, '/d');
    await volumes.prepare([anonymous], { project: 'p' });
    const found = await volumes.find(anonymous.source);
    expect(found).toMatchObject({
      anonymous: true,
      madeFrom: { labels: { project: 'p', 'com.docker.volume.anonymous': '' } },
    });
  });
});

describe('removal', () => {
  test('is refused while a container uses it, and reports every failure', async () => {
    await make('busy');
    await withContainer([mount('busy', '/d')], async () => {
      await expect(volumes.remove(['busy', 'missing'])).rejects.toThrow(
        'volume busy is used by container db-1; there is no volume missing',
      );
      expect((await volumes.find('busy'))!.usedBy).toEqual(['db-1']);
    });
    await volumes.remove(['busy', 'missing'], { force: true });
    expect(await volumes.find('busy')).toBeUndefined();
  });

  test('of anonymous volumes spares named ones and those of other containers', async () => {
    const [mine, shared] = [mount(undefined, '/a'), mount(undefined, '/b')];
    await make('named');
    await volumes.prepare([mine, shared]);
    await withContainer([shared], () => volumes.removeAnonymous([mine, shared, mount('named', '/c')]));
    expect(await volumes.find(mine.source)).toBeUndefined();
    expect(await volumes.find(shared.source)).toBeDefined();
    expect(await volumes.find('named')).toBeDefined();
  });

  test('that was interrupted is finished by the next one, and does not follow links', async () => {
    const outside = join(instance.root, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), '');
    const leaving = join(instance.root, 'volumes/.leaving-123');
    mkdirSync(leaving);
    symlinkSync(outside, join(leaving, 'link'));
    await volumes.remove(['nobody'], { force: true });
    expect(existsSync(leaving)).toBe(false);
    expect(existsSync(join(outside, 'kept'))).toBe(true);
  });
});

describe('names', () => {
  test.each(['', '.', '..', '../x', 'a/b', '-x', '.x', 'a\0b', 'x'.repeat(256)])('%j is refused', async (name) => {
    await expect(make(name)).rejects.toThrow(/no valid name/);
    expect(await volumes.find(name)).toBeUndefined();
  });

  test('creating what is there changes nothing; an external volume has to be there', async () => {
    await make('twice');
    writeFileSync(join(dataOf('twice'), 'kept'), 'kept');
    const before = recordOf('twice');
    await make('twice');
    expect(recordOf('twice')).toEqual(before);
    expect(readFileSync(join(dataOf('twice'), 'kept'), 'utf8')).toBe('kept');
    const external = { name: 'elsewhere', external: true, driver: 'local', driverOpts: {}, labels: {} } as const;
    await expect(volumes.create([external])).rejects.toThrow('there is no volume elsewhere');
  });

  test('the list tells who uses what', async () => {
    await withContainer([mount('twice', '/d')], async (record) => {
      const listed = await volumes.list([record]);
      expect(listed.find(({ name }) => name === 'twice')).toMatchObject({
        usedBy: ['db-1'],
        anonymous: false,
        mountpoint: dataOf('twice'),
      });
    });
  });
});
