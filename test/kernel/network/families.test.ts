/** IPv6 beside IPv4, UDP, options of networks, and a host whose iptables is the legacy one. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
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

test('a network with IPv6 is reached over both, from outside, from this host and from its neighbours', async () => {
  await stage.engine.networks.create([aNetwork('front', { enableIpv6: true }), aNetwork('back', { enableIpv6: true })]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }),
    aServer(stage, 'app', ['front']),
    aServer(stage, 'db', ['back']),
  ]);
  const { ipv6 } = (await stage.engine.containers.find('web'))!.endpoints[0]!;
  const [app, db] = [await inside(stage.engine, 'app'), await inside(stage.engine, 'db')];
  const asked = await Promise.all([
    askFrom(outside, '[2001:db8:1::2]:8080'),
    askFrom(outside, `${HOST}:8080`),
    askFrom(onHost, `[${ipv6}]`),
    askFrom(app, `[${ipv6}]`),
    askFrom(app, '[2001:db8:1::2]:8080'),
    askFrom(db, `[${ipv6}]`),
  ]);
  expect(asked.map((answer) => answer.split(' ')[0])).toEqual(['web', 'web', 'web', 'web', 'web', '-']);
  expect(asked[0]).toBe('web [2001:db8:1::1]');
  const { networks, containers } = await stage.engine.snapshot();
  expect([...networks, ...containers].flatMap(({ damage }) => damage)).toEqual([]);
});

test('a container of an IPv4 network has no IPv6 address but its loopback', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
  const shown = await command(...(await inside(stage.engine, 'web')), 'ip', '-6', '-o', 'address');
  expect(shown.trim().split('\n')).toHaveLength(1);
  expect(shown).toContain('::1/128');
});

test('UDP is mapped as well, and answers come from where the question went', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'], { ports: [aPort('5300:53/udp')] })]);
  const script = `const s = require('dgram').createSocket('udp4'); s.on('message', (m, r) => s.send('re ' + m, r.port, r.address)); s.bind(53, () => console.log('bound'))`;
  const [program, ...argv] = [...(await inside(stage.engine, 'web')), process.execPath, '-e', script];
  const server = spawn(program!, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const client = createSocket('udp4');
  try {
    await once(server.stdout, 'data');
    client.connect(5300, HOST);
    await once(client, 'connect');
    client.send('hello');
    expect(String((await once(client, 'message'))[0])).toBe('re hello');
  } finally {
    client.close();
    server.kill();
    await once(server, 'exit');
  }
});

test('without talk between containers, published ports are still reached', async () => {
  await stage.engine.networks.create([
    aNetwork('front', { driverOpts: { 'com.docker.network.bridge.enable_icc': 'false' } }),
  ]);
  await start(stage, [aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }), aServer(stage, 'app', ['front'])]);
  const app = await inside(stage.engine, 'app');
  expect(await askFrom(app, await addressOf(stage, 'web', 'front'))).toBe('-');
  expect(await askFrom(app, `${HOST}:8080`)).toMatch(/^web /);
  expect(await askFrom(outside, `${HOST}:8080`)).toMatch(/^web /);
});

describe('a port that is taken', () => {
  test('by a process is told with its name and pid, and nothing is left of the start', async () => {
    const { createServer } = await import('node:net');
    const holder = createServer().listen(8080);
    await once(holder, 'listening');
    await stage.engine.networks.create([aNetwork('front')]);
    const made = await stage.engine.containers.create([
      { container: aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }) },
    ]);
    expect([...made.failed]).toEqual([]);
    const { failed } = await stage.engine.containers.start(['web']);
    holder.close();
    expect(failed.get('web')?.message).toMatch(new RegExp(`0.0.0.0:8080/tcp is held by .+ \\(pid ${process.pid}\\)`));
    expect(await command('iptables-save', '-t', 'nat')).not.toContain('tcompose');
  });

  test('by a container is told with its name', async () => {
    await stage.engine.networks.create([aNetwork('front')]);
    await start(stage, [aServer(stage, 'web', ['front'], { ports: [aPort('8080')] })]);
    await stage.engine.containers.create([
      { container: aServer(stage, 'other', ['front'], { ports: [aPort('127.0.0.1:8080')] }) },
    ]);
    const { failed } = await stage.engine.containers.start(['other']);
    expect(failed.get('other')?.message).toContain('127.0.0.1:8080/tcp is held by container web');
  });
});
