/** Driver options of networks, as the kernel has them in the end. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import type { DesiredNetwork } from '../../../src/model/desired.ts';
import { execIn } from '../container/a-container.ts';
import { removeAll, useEngine } from '../container/use-engine.ts';
import { addressOf, aNetwork, aPort, aServer, askFrom, command, HOST, inside, outside, start } from './stage.ts';

const stage = useEngine();

const withOptions = (name: string, options: Record<string, string>, changes: Partial<DesiredNetwork> = {}) =>
  aNetwork(name, {
    driverOpts: Object.fromEntries(Object.entries(options).map(([key, value]) => [`com.docker.network.${key}`, value])),
    ...changes,
  });

test('a bridge gets the name that the user has chosen, with everything that guards the others, and goes with its network', async () => {
  const forwarding = await command('cat', '/proc/sys/net/ipv4/ip_forward');
  await stage.engine.networks.create([withOptions('front', { 'bridge.name': 'br-shop' }), aNetwork('back')]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }),
    aServer(stage, 'peer', ['front']),
    aServer(stage, 'other', ['back']),
  ]);
  const web = await addressOf(stage, 'web', 'front');
  expect(await command('ip', '-o', 'address', 'show', 'br-shop')).toContain(web.replace(/\d+$/, '1/'));
  expect(await askFrom(await inside(stage.engine, 'peer'), web)).toMatch(/^web /);
  expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^web /);
  expect(await askFrom(await inside(stage.engine, 'other'), web)).toBe('-');
  await command(...outside, 'ip', 'route', 'add', `${web}/32`, 'via', HOST);
  expect(await askFrom(outside, web)).toBe('-');
  await command(...outside, 'ip', 'route', 'del', `${web}/32`);

  // Gone and put back, as any other.
  await command('ip', 'link', 'del', 'br-shop');
  expect((await stage.engine.snapshot()).networks.find(({ name }) => name === 'front')?.damage).toHaveLength(1);
  await stage.engine.networks.repair(['front']);
  await stage.engine.containers.repair(['web', 'peer']);
  expect(await askFrom(await inside(stage.engine, 'peer'), web)).toMatch(/^web /);

  await removeAll(stage.engine);
  await expect(command('ip', 'link', 'show', 'br-shop')).rejects.toThrow();
  expect(await command('cat', '/proc/sys/net/ipv4/ip_forward')).toBe(forwarding);
});

test('an interface of somebody else with that name is left alone', async () => {
  await command('ip', 'link', 'add', 'br-shop', 'type', 'bridge');
  try {
    const network = withOptions('front', { 'bridge.name': 'br-shop' });
    await expect(stage.engine.networks.create([network])).rejects.toThrow(/an interface of this host has/);
    await command('ip', 'link', 'show', 'br-shop');
    expect((await stage.engine.snapshot()).networks).toEqual([]);
  } finally {
    await command('ip', 'link', 'del', 'br-shop');
  }
});

test('inhibit_ipv4: the bridge has no address, its containers have', async () => {
  await stage.engine.networks.create([withOptions('front', { 'bridge.inhibit_ipv4': 'true' })]);
  await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'peer', ['front'])]);
  const [front] = (await stage.engine.snapshot()).networks;
  expect(front?.damage).toEqual([]);
  expect(await command('ip', '-4', '-o', 'address', 'show', front!.bridge)).toBe('');
  const web = await addressOf(stage, 'web', 'front');
  expect(await askFrom(await inside(stage.engine, 'peer'), web)).toMatch(/^web /);
});

test('nat-unprotected: whoever has a route reaches every port, other networks do not', async () => {
  await stage.engine.networks.create([
    withOptions('front', { 'bridge.gateway_mode_ipv4': 'nat-unprotected' }),
    aNetwork('back'),
  ]);
  await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'other', ['back'])]);
  const web = await addressOf(stage, 'web', 'front');
  await command(...outside, 'ip', 'route', 'add', `${web}/32`, 'via', HOST);
  try {
    expect(await askFrom(outside, web)).toBe('web 198.51.100.1');
    expect(await askFrom(await inside(stage.engine, 'other'), web)).toBe('-');
  } finally {
    await command(...outside, 'ip', 'route', 'del', `${web}/32`);
  }
});

/** As Docker 28: reached by who has a route, at its own address and the ports that are published, with its own address on the way out. */
test('routed: published ports are open at the container’s address, to other networks too, others are not, and the host’s ports are free', async () => {
  await stage.engine.networks.create([
    withOptions('front', { 'bridge.gateway_mode_ipv4': 'routed' }),
    aNetwork('back'),
  ]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }),
    aServer(stage, 'shut', ['front']),
    aServer(stage, 'other', ['back']),
  ]);
  const [web, shut] = [await addressOf(stage, 'web', 'front'), await addressOf(stage, 'shut', 'front')];
  for (const address of [web, shut]) await command(...outside, 'ip', 'route', 'add', `${address}/32`, 'via', HOST);
  // A server out there that says who asks.
  const script = `require('http').createServer((q, a) => a.end(q.socket.remoteAddress)).listen(8000, '0.0.0.0', () => console.log(1))`;
  const [program, ...argv] = [...outside, process.execPath, '-e', script];
  const server = spawn(program!, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((done) => server.stdout.once('data', done));
  try {
    const other = await inside(stage.engine, 'other');
    expect({
      'from outside, at its address': await askFrom(outside, web),
      'from outside, at the host’s port': await askFrom(outside, `${HOST}:8080`),
      'from outside, what is not published': await askFrom(outside, shut),
      'from another network, at its address': (await askFrom(other, web)).split(' ')[0],
      'from another network, what is not published': await askFrom(other, shut),
      'from this host': (await askFrom([], web)).split(' ')[0],
      'from another network, a ping': await execIn(stage.engine, 'other', ['ping', '-c', '1', '-W', '2', shut]),
    }).toEqual({
      'from outside, at its address': 'web 198.51.100.1',
      'from outside, at the host’s port': '-',
      'from outside, what is not published': '-',
      'from another network, at its address': 'web',
      'from another network, what is not published': '-',
      'from this host': 'web',
      'from another network, a ping': 0,
    });
    expect(await command('ss', '-Hltn', 'sport = :8080')).toBe('');
    expect(await askFrom(await inside(stage.engine, 'web'), '198.51.100.1:8000')).toBe(web);
  } finally {
    server.kill('SIGKILL');
    for (const address of [web, shut]) await command(...outside, 'ip', 'route', 'del', `${address}/32`);
  }
});
