/** Files of containers whose ids are mapped: on the disk, in folders of the host, and beside other containers. */
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { aContainer, outputOf } from './a-container.ts';
import {
  bind,
  engine,
  folder,
  image,
  inside,
  instance,
  mapped,
  rangeOf,
  run,
  security,
  sh,
  useStage,
} from './mapped-stage.ts';

useStage();

describe('on the disk', () => {
  const volume = { kind: 'volume', volume: 'users', target: '/data', readOnly: false, noCopy: false } as const;
  const make = () =>
    engine.volumes.create([{ name: 'users', external: false, driver: 'local', driverOpts: {}, labels: {} }]);
  test('what inside’s root makes in its root and in a named volume is root’s: 0, and so for every container', async () => {
    await make();
    await run('one', { mounts: [volume] });
    await run('two', { mounts: [volume] });
    expect(
      await inside('one', 'touch /made /data/made && chown 1000:1001 /data/made && touch /data/root; rm -r /tmp'),
    ).toBe('');
    expect(await inside('two', 'stat -c %u:%g /data/made /data/root')).toBe('1000:1001\n0:0');
    const record = (await engine.containers.find('one'))!;
    const onDisk = (path: string) => statSync(join(instance.root, path));
    expect(onDisk('volumes/users/_data/root').uid).toBe(0);
    expect(onDisk('volumes/users/_data/made')).toMatchObject({ uid: 1000, gid: 1001 });
    expect(onDisk(`containers/${record.id}/upper/made`).uid).toBe(0);
    expect((await rangeOf('one')).first).not.toBe((await rangeOf('two')).first);
  });

  test('a commit and an export have the ids of inside, removed folders among what is removed', async () => {
    await run('source');
    await inside(
      'source',
      'mkdir /own && touch /own/file && chown 1000 /own/file && rm -r /tmp && mkdir /tmp && touch /tmp/new',
    );
    const { id } = await engine.containers.commit('source', { ref: 'made-inside', changes: [], pause: true });
    const output = await outputOf(
      engine,
      aContainer(id, 'plain', { argv: ['sh', '-c', 'stat -c "%u %n" /own /own/file /tmp/*'] }),
    );
    expect(output).toBe('0 /own\n1000 /own/file\n0 /tmp/new');
    await engine.containers.remove(['source'], { anonymousVolumes: true });
    await engine.images.remove('made-inside', { force: true });
  });

  test('cp reads and writes with the ids of inside, running or not', async () => {
    await run('box', {});
    writeFileSync(join(folder, 'in'), 'text');
    for (const state of ['running', 'stopped']) {
      if (state === 'stopped') await engine.containers.stop(['box'], { graceMs: 0 });
      await engine.containers.copyIn('box', {
        from: join(folder, 'in'),
        to: `/${state}`,
        followLink: false,
        keepIds: true,
      });
      const tar = await engine.containers.copyFrom('box', `/${state}`, { followLink: false });
      const chunks: Buffer[] = [];
      for await (const chunk of tar) chunks.push(Buffer.from(chunk as Uint8Array));
      expect(Number.parseInt(Buffer.concat(chunks).toString('latin1', 108, 115), 8), state).toBe(0);
    }
    await engine.containers.start(['box']);
    expect(await inside('box', 'stat -c %u:%g /running /stopped')).toBe('0:0\n0:0');
    await engine.containers.copyOut('box', { from: '/running', to: join(folder, 'out'), followLink: false });
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('text');
  });
});

describe('folders of the host', () => {
  test('keep the host’s owners: what is only root’s cannot be read or written by inside’s root', async () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared, { mode: 0o755 });
    writeFileSync(join(shared, 'secret'), 'secret', { mode: 0o600 });
    writeFileSync(join(shared, 'public'), 'public', { mode: 0o644 });
    const output = await sh(
      'cat /s/public; echo; cat /s/secret; touch /s/new; chmod 666 /s/public; chown 0 /s/public; stat -c %u /s/secret',
      {
        mounts: [bind(shared, '/s')],
        ...security({ capAdd: ['DAC_READ_SEARCH', 'SYS_ADMIN', 'FOWNER'] }),
      },
    );
    expect(output).toMatch(
      /^public\n.*Permission denied\n.*Permission denied\n.*not permitted\n.*not permitted\n65534$/,
    );
    expect(statSync(join(shared, 'public')).mode & 0o777).toBe(0o644);
  });

  test('that are given to its range are its own; where it is asked for they are mapped', async () => {
    const given = join(folder, 'given');
    const asked = join(folder, 'asked');
    for (const path of [given, asked]) mkdirSync(path);
    await run('keeper', { mounts: [bind(given, '/given'), bind(asked, '/asked', { mapsIds: true })] });
    const { first } = await rangeOf('keeper');
    chownSync(given, first, first);
    expect(await inside('keeper', 'stat -c %u /given /asked; touch /given/x /asked/x; echo $?')).toBe('0\n0\n0');
    expect([statSync(join(given, 'x')).uid, statSync(join(asked, 'x')).uid]).toEqual([first, 0]);
  });

  test('a folder whose file system cannot map is named before anything is made', async () => {
    const container = aContainer(image, 'bad', mapped({ mounts: [bind('/sys/kernel', '/k', { mapsIds: true })] }));
    const errors = await engine.check({ containers: [container], networks: [], volumes: [] }, new Set());
    expect(errors.map(({ message }) => message)).toEqual(['the file system of /sys/kernel cannot map ids']);
  });
});

describe('ranges', () => {
  const user = async (name: string) => (await rangeOf(name)).first;

  test('auto gives each its own, private one to a project; made anew a container keeps its own', async () => {
    await run('a');
    await run('b');
    const shared: Partial<DesiredContainer> = { namespaces: { user: { kind: 'private' } } };
    await run('p1', shared);
    await run('p2', shared);
    await run('other', { ...shared, labels: { 'com.docker.compose.project': 'other' } });
    const [a, b, p1, p2, other] = await Promise.all(['a', 'b', 'p1', 'p2', 'other'].map(user));
    expect(p1).toBe(p2);
    const starts = [a!, b!, p1!, other!].sort((x, y) => x - y);
    for (const [i, start] of starts.slice(1).entries()) expect(start - starts[i]!).toBeGreaterThanOrEqual(65_536);
    await engine.containers.stop(['a'], { graceMs: 0 });
    const again = aContainer(image, 'a', mapped({ hostname: 'again' }));
    await engine.containers.create([{ container: again, inheritsFrom: 'a' }]);
    await engine.containers.start(['a']);
    expect(await user('a')).toBe(a);
  });

  test('one container cannot signal or trace another, nor touch its files through a shared folder', async () => {
    const both = join(folder, 'both');
    mkdirSync(both);
    chmodSync(both, 0o1777);
    await run('a', { mounts: [bind(both, '/both')] });
    await run('b', { mounts: [bind(both, '/both')] });
    await inside('a', 'echo mine > /both/a; chmod 600 /both/a');
    expect(await inside('b', 'cat /both/a; stat -c %u /both/a')).toMatch(/Permission denied\n65534$/);
  });
});
