/** What is taken away by hand is seen, named, and put back under a program that goes on running. */
import { execFileSync } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { aNetwork } from '../network/stage.ts';
import { aContainer, execIn, outputOf, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine({ keeps: true });
const network = aNetwork('net');
const onNetwork = (name: string, changes: Partial<DesiredContainer> = {}) =>
  aContainer(stage.image, name, {
    networkMode: { kind: 'bridge' },
    attachments: [{ network: 'net', aliases: [`${name}-alias`] }],
    ...changes,
  });
const find = async (name: string) =>
  (await stage.engine.snapshot()).containers.find((container) => container.name === name)!;
const allDamage = async () => {
  const { containers, networks } = await stage.engine.snapshot();
  return [...networks, ...containers].flatMap(({ damage }) => damage.map(({ kind }) => kind)).sort();
};
const run = (name: string, argv: string[]) => execIn(stage.engine, name, argv);

beforeAll(async () => {
  // The second one stays whole: bridges remember what the host was like before there were any.
  await stage.engine.networks.create([network, { ...network, name: 'other' }]);
  await runContainers(stage.engine, [
    onNetwork('db'),
    onNetwork('web', {
      links: [{ container: 'db', aliases: ['store'] }],
      ports: [{ protocol: 'tcp', target: 80, hostIp: '', published: 8080 }],
      extraHosts: [{ host: 'gate', address: 'host-gateway' }],
    }),
  ]);
});

test('whole at first: names, links and the gateway are known inside', async () => {
  expect(await allDamage()).toEqual([]);
  for (const name of ['db', 'db-alias', 'store', 'gate'])
    expect(await run('web', ['ping', '-c', '1', '-W', '2', name]), name).toBe(0);
});

test('a deleted interface and flushed rules are named and put back; no process is touched', async () => {
  const before = await find('web');
  execFileSync('ip', ['link', 'delete', before.endpoints[0]!.hostInterface]);
  execFileSync('iptables', ['-t', 'nat', '-F']);
  expect(await run('web', ['ping', '-c', '1', '-W', '1', 'store'])).not.toBe(0);
  const damaged = await find('web');
  expect(damaged.damage.map(({ kind }) => kind).sort()).toEqual(['firewall', 'interface']);
  expect((await stage.engine.containers.repair(['web'])).failed.size).toBe(0);
  await stage.engine.networks.repair(['net']);
  expect(await allDamage()).toEqual([]);
  expect((await find('web')).pid).toBe(before.pid);
  expect(await run('web', ['ping', '-c', '1', '-W', '2', 'store'])).toBe(0);
});

test('a deleted bridge comes back with everything on it', async () => {
  const { networks } = await stage.engine.snapshot();
  execFileSync('ip', ['link', 'delete', networks[0]!.bridge]);
  expect(await allDamage()).toContain('bridge');
  await stage.engine.networks.repair(['net']);
  expect((await stage.engine.containers.repair(['db', 'web'])).failed.size).toBe(0);
  expect(await allDamage()).toEqual([]);
  expect(await run('web', ['ping', '-c', '1', '-W', '2', 'db'])).toBe(0);
});

test('a linked container that was replaced is found at its new address', async () => {
  await stage.engine.containers.stop(['db']);
  await stage.engine.containers.create([
    {
      container: onNetwork('db', {
        attachments: [
          { network: 'net', aliases: [], ipv4: (await find('db')).endpoints[0]!.ipv4!.replace(/\d+$/, '99') },
        ],
      }),
      inheritsFrom: 'db',
    },
  ]);
  await stage.engine.containers.start(['db']);
  expect((await find('db')).endpoints[0]?.ipv4).toMatch(/\.99$/);
  expect(await run('web', ['ping', '-c', '1', '-W', '2', 'store'])).toBe(0);
});

test('a container that shares another’s network has its address, host name and files', async () => {
  const shared = { networkMode: { kind: 'container', container: 'web' } } as const;
  const { id, endpoints } = await find('web');
  const output = await outputOf(
    stage.engine,
    aContainer(stage.image, 'guest', {
      ...shared,
      argv: ['sh', '-c', 'hostname; grep -c store /etc/hosts; ip -4 address show dev eth0'],
    }),
  );
  expect(output).toMatch(new RegExp(`^${id.slice(0, 12)}\n1\n`));
  expect(output).toContain(endpoints[0]!.ipv4!);
});

test('a port that is taken stops the start of its container, and names the holder', async () => {
  await stage.engine.containers.create([
    { container: onNetwork('thief', { ports: [{ protocol: 'tcp', target: 1, hostIp: '', published: 8080 }] }) },
  ]);
  const { failed } = await stage.engine.containers.start(['thief']);
  expect(failed.get('thief')?.message).toMatch(/8080.*web/);
  expect(await find('thief')).toMatchObject({ status: 'created', wanted: false });
});
