/** What somebody deletes by hand is named, and put back without touching a process. */
import { beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { killAll } from '../../helpers/kill-all.ts';
import { useEngine } from '../container/use-engine.ts';
import {
  addressOf,
  aNetwork,
  aPort,
  aServer,
  askFrom,
  command,
  HOST,
  inside,
  onHost,
  outside,
  start,
} from './stage.ts';

const stage = useEngine();

beforeEach(async () => {
  await stage.engine.networks.create([aNetwork('front'), aNetwork('back')]);
  await start(stage, [
    aServer(stage, 'web', ['front', 'back'], { ports: [aPort('8080')] }),
    aServer(stage, 'app', ['front']),
  ]);
});

async function damage(): Promise<string[]> {
  const { networks, containers } = await stage.engine.snapshot();
  return [...networks, ...containers].flatMap(({ name, damage }) => damage.map(({ kind }) => `${name}: ${kind}`));
}

async function mend(): Promise<void> {
  const pidsBefore = await pids();
  const { networks, containers } = await stage.engine.snapshot();
  const damaged = (all: readonly { name: string; damage: readonly unknown[] }[]) =>
    all.filter(({ damage }) => damage.length > 0).map(({ name }) => name);
  await stage.engine.networks.repair(damaged(networks));
  // The bridge that its interfaces hung on is a new one: looked at again.
  const again = await stage.engine.snapshot();
  const { failed } = await stage.engine.containers.repair([
    ...new Set([...damaged(containers), ...damaged(again.containers)]),
  ]);
  expect([...failed]).toEqual([]);
  expect(await damage()).toEqual([]);
  expect(await pids()).toEqual(pidsBefore);
}
const pids = async () => (await stage.engine.snapshot()).containers.map(({ pid }) => pid);

/** Every way that leads somewhere in these networks. */
async function works(): Promise<void> {
  const [web, app] = [await inside(stage.engine, 'web'), await inside(stage.engine, 'app')];
  const asked = await Promise.all([
    askFrom(outside, `${HOST}:8080`),
    askFrom(onHost, '127.0.0.1:8080'),
    askFrom(app, await addressOf(stage, 'web', 'front')),
    askFrom(web, await addressOf(stage, 'app', 'front')),
    askFrom(onHost, await addressOf(stage, 'web', 'back')),
    askFrom(web, `${HOST}:8080`),
  ]);
  expect(asked.map((answer) => answer.split(' ')[0])).toEqual(['web', 'web', 'web', 'app', 'web', 'web']);
}

const veth = async (container: string, network: string) =>
  (await stage.engine.containers.find(container))!.endpoints.find((endpoint) => endpoint.network === network)!
    .hostInterface;
const bridge = async (name: string) => (await stage.engine.networks.find(name))!.bridge;

describe('after', () => {
  test('nothing, nothing is damaged', async () => {
    expect(await damage()).toEqual([]);
    await works();
  });

  test('a deleted veth, the container has its interface, addresses and routes again', async () => {
    await command('ip', 'link', 'delete', await veth('web', 'front'));
    expect(await damage()).toEqual(['web: interface']);
    await mend();
    await works();
  });

  test('all of its veths deleted, it has them all again', async () => {
    for (const network of ['back', 'front']) await command('ip', 'link', 'delete', await veth('web', network));
    expect(await damage()).toEqual(['web: interface', 'web: interface']);
    await mend();
    await works();
  });

  test('a veth taken down or off its bridge, it is back', async () => {
    await command('ip', 'link', 'set', await veth('web', 'front'), 'nomaster');
    await command('ip', 'link', 'set', await veth('app', 'front'), 'down');
    expect(await damage()).toEqual(['app: interface', 'web: interface']);
    await mend();
    await works();
  });

  test.each([
    ['an interface taken down inside', ['ip', 'link', 'set', 'eth0', 'down'], 'the interface eth0, being down,'],
    ['its address flushed inside', ['ip', 'address', 'flush', 'dev', 'eth0'], 'the address'],
    ['its default route deleted inside', ['ip', 'route', 'delete', 'default'], 'the IPv4 default route of web'],
  ])('%s, the container is named, and has it again', async (_, argv, says) => {
    await command(...(await inside(stage.engine, 'web')), ...argv);
    const told = (await stage.engine.snapshot()).containers.flatMap(({ name, damage }) =>
      damage.map(({ what }) => `${name}: ${what}`),
    );
    expect(told).toEqual([expect.stringContaining(`web: ${says}`)]);
    await mend();
    await works();
    const asked = await command(...(await inside(stage.engine, 'web')), 'ip', 'route', 'get', '198.51.100.1');
    expect(asked).toMatch(/via .* dev eth0/);
  });

  test('routes and addresses of its own in a container that may make them, nothing is damaged', async () => {
    const networkAdmin = { privileged: false, capAdd: ['NET_ADMIN'] };
    const vpn = aServer(stage, 'vpn', ['front']);
    await start(stage, [{ ...vpn, security: { ...vpn.security, ...networkAdmin } }]);
    await command(...(await inside(stage.engine, 'vpn')), 'ip', 'route', 'delete', 'default');
    await command(...(await inside(stage.engine, 'vpn')), 'ip', 'address', 'add', '192.0.2.1/32', 'dev', 'eth0');
    expect(await damage()).toEqual([]);
  });

  test('a deleted bridge, all that hung on it does so again', async () => {
    await command('ip', 'link', 'delete', await bridge('front'));
    expect(await damage()).toEqual(['front: bridge', 'app: interface', 'web: interface']);
    await mend();
    await works();
  });

  test('a bridge made anew by hand under the same name, it is replaced by ours', async () => {
    const name = await bridge('front');
    await command('ip', 'link', 'delete', name);
    await command('ip', 'link', 'add', name, 'type', 'bridge');
    expect(await damage()).toContain('front: bridge');
    await mend();
    await works();
  });

  test('a flushed address, the gateway has it again', async () => {
    await command('ip', 'address', 'flush', 'dev', await bridge('front'));
    expect(await damage()).toEqual(['front: address']);
    await mend();
    await works();
  });

  test.each(['nat', 'mangle', 'filter'])('a flushed %s table, the rules are back', async (table) => {
    await command('iptables', '-t', table, '-F');
    expect(await damage()).toContain('front: firewall');
    await mend();
    await works();
  });

  test('forwarding turned off, it is on again', async () => {
    await command('sysctl', '-qw', 'net.ipv4.ip_forward=0');
    expect(await damage()).toEqual(['back: bridge', 'front: bridge']);
    await mend();
    await works();
  });

  test('name servers killed with their keepers, they answer again', async () => {
    const pids = async (pattern: string) => (await command('pgrep', '-f', pattern)).trim().split('\n').map(Number);
    const [keepers, all] = [
      await pids(` keep ${stage.instance.run}/dns`),
      await pids(`conf-file=${stage.instance.run}/dns`),
    ];
    killAll([...keepers, ...all]);
    // A process that was killed takes its time to go.
    await eventually(async () => expect(await damage()).toEqual(expect.arrayContaining(['front: dns', 'back: dns'])));
    await mend();
    await works();
  });
});
