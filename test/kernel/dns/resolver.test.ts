/** The name server that each container has at 127.0.0.11: what it tells whom, and that it is always there. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useEngine } from '../container/use-engine.ts';
import { addressOf, aNetwork, aServer, start } from '../network/stage.ts';
import { type Ask, askInside, askServer, gatewayOf, killServers, resolvedIn, UPSTREAM } from './ask.ts';

const stage = useEngine();

const ask: Ask = (...question) => askServer(stage, ...question);
test('127.0.0.11 answers in every container, over UDP and TCP, as nginx files have it, and so says resolv.conf', async () => {
  await stage.engine.networks.create([aNetwork('front'), aNetwork('back')]);
  const both = [
    { network: 'front', aliases: ['app'] },
    { network: 'back', aliases: ['app'] },
  ];
  await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'app', [], { attachments: both })]);
  const address = await addressOf(stage, 'web', 'front');
  for (const asker of ['web', 'app']) {
    const { pid } = (await stage.engine.containers.find(asker))!;
    expect(readFileSync(`/proc/${pid}/root/etc/resolv.conf`, 'utf8')).toMatch(/^nameserver 127\.0\.0\.11\n/);
    for (const protocol of ['UDP', 'TCP']) {
      const { stdout } = await askInside(pid, 'web', protocol);
      expect([asker, protocol, stdout.trim()]).toEqual([asker, protocol, address]);
    }
  }
});

test('nobody who shares a network learns from it what is on networks that he does not share', async () => {
  await stage.engine.networks.create([aNetwork('front'), aNetwork('back')]);
  const both = [
    { network: 'front', aliases: ['app'] },
    { network: 'back', aliases: ['app'] },
  ];
  await start(stage, [
    aServer(stage, 'web', ['front']),
    aServer(stage, 'app', [], { attachments: both }),
    aServer(stage, 'db', ['back']),
  ]);
  const knows = async (asker: string, name: string) =>
    (await resolvedIn(stage, asker, name)).includes(await addressOf(stage, name, name === 'db' ? 'back' : 'front'));
  expect({
    'web knows app': await knows('web', 'app'),
    'web knows db': await knows('web', 'db'),
    'app knows db': await knows('app', 'db'),
    'app knows web': await knows('app', 'web'),
    'db knows web': await knows('db', 'web'),
  }).toEqual({
    'web knows app': true,
    'web knows db': false,
    'app knows db': true,
    'app knows web': true,
    'db knows web': false,
  });
});

test('a name server that is killed is there again at once, with the names of now', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
  const killed = await killServers(stage.instance);
  await eventually(async () => expect(await ask('front', 'web')).toHaveLength(1));
  await start(stage, [aServer(stage, 'db', ['front'])]);
  expect(await ask('front', 'db')).toHaveLength(1);
  expect(await killServers(stage.instance)).not.toEqual(killed);
});

test('what listens on the host has a name, and so does each container with the name of the network', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
  expect(await ask('front', 'host.docker.internal')).toEqual([await gatewayOf(stage, 'front')]);
  expect(await ask('front', 'web.front')).toEqual([await addressOf(stage, 'web', 'front')]);
  expect(await ask('front', 'nobody.front')).toBe('ENOTFOUND');
});

test('servers of its own (dns) are asked by that container alone', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const upstream = spawn('dnsmasq', [...UPSTREAM, '--listen-address=198.51.100.2', '--address=/#/192.0.2.98']);
  try {
    const dns = { servers: ['198.51.100.2'], search: [], options: [] };
    await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'own', ['front'], { dns })]);
    expect(await resolvedIn(stage, 'own', 'example.org')).toContain('192.0.2.98');
    expect(await resolvedIn(stage, 'own', 'web')).toContain(await addressOf(stage, 'web', 'front'));
    expect(await resolvedIn(stage, 'web', 'example.org')).not.toContain('192.0.2.98');
  } finally {
    upstream.kill();
  }
});

test('links are known under their aliases, to who has them', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const links = [{ container: 'db', aliases: ['database'] }];
  await start(stage, [aServer(stage, 'db', ['front'])]);
  await start(stage, [aServer(stage, 'web', ['front'], { links })]);
  const { pid } = (await stage.engine.containers.find('web'))!;
  expect(readFileSync(`/proc/${pid}/root/etc/hosts`, 'utf8')).toContain(
    `${await addressOf(stage, 'db', 'front')}\tdatabase db\n`,
  );
  // And so for programs that ask a name server instead of reading that file.
  expect((await askInside(pid, 'database', 'UDP')).stdout.trim()).toBe(await addressOf(stage, 'db', 'front'));
  const other = (await stage.engine.containers.find('db'))!;
  expect((await askInside(other.pid, 'database', 'UDP')).stdout.trim()).toBe('ENOTFOUND');
});

test('variables tell of linked containers where they are asked for, and what the file sets counts more', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const links = [{ container: 'db', aliases: ['store'] }];
  const env = { PATH: '/bin', STORE_NAME: 'mine' };
  await start(stage, [aServer(stage, 'db', ['front'], { exposed: ['5432/tcp'] })]);
  await start(stage, [aServer(stage, 'web', ['front'], { links, linkEnv: true, env })]);
  const { pid } = (await stage.engine.containers.find('web'))!;
  const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  expect(variables).toContain(`STORE_PORT_5432_TCP=tcp://${await addressOf(stage, 'db', 'front')}:5432`);
  expect(variables.filter((each) => each.startsWith('STORE_NAME='))).toEqual(['STORE_NAME=mine']);
});
