/** What containers are told when they ask for names. */

import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import {
  addressOf,
  aNetwork,
  aServer,
  command,
  inside,
  openStage,
  type Stage,
  start,
  stopAll,
} from '../network/stage.ts';

/** A name server of somebody else's, in the foreground. */
const UPSTREAM = [
  '--keep-in-foreground',
  '--conf-file=/dev/null',
  '--no-resolv',
  '--no-hosts',
  '--bind-interfaces',
  '--user=root',
  '--pid-file=',
  '--log-facility=/dev/null',
];

let instance: Instance;
let stage: Stage;
beforeAll(async () => {
  instance = await makeInstance();
  stage = await openStage(instance);
});
afterEach(() => stopAll(stage));
afterAll(async () => {
  await stage.engine.close();
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const gateway = async (network: string) => (await stage.engine.networks.find(network))!.subnets[0]!.gateway;

/** Asks the server of a network; the code of the failure where there is no answer. */
async function ask(
  network: string,
  name: string,
  type: 'A' | 'AAAA' | 'PTR' = 'A',
): Promise<readonly string[] | string> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([await gateway(network)]);
  return await resolver.resolve(name, type).then(
    (answer) => answer as string[],
    (error: NodeJS.ErrnoException) => error.code!,
  );
}
const attached = (network: string, ...aliases: string[]) => ({ attachments: [{ network, aliases }] });
/** As the program in the container sees it, with its own resolv.conf and hosts. */
async function resolvedIn(container: string, name: string): Promise<string> {
  const { pid } = (await stage.engine.containers.find(container))!;
  return (await command('nsenter', '-t', String(pid), '-n', '-m', '/bin/busybox', 'nslookup', name).catch(
    (error) => error.stdout,
  )) as string;
}

test('containers find each other by container name, alias and short id, from the first moment on', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'shop-web-1', ['front'], attached('front', 'web', 'shop.example'))]);
  const address = await addressOf(stage, 'shop-web-1', 'front');
  const { id } = (await stage.engine.containers.find('shop-web-1'))!;
  for (const name of ['shop-web-1', 'web', 'WEB', 'shop.example', id.slice(0, 12)]) {
    expect([name, await ask('front', name)]).toEqual([name, [address]]);
  }
  expect(await ask('front', `${address.split('.').reverse().join('.')}.in-addr.arpa`, 'PTR')).toEqual([
    'shop-web-1.front',
  ]);
  expect(await resolvedIn('shop-web-1', 'web')).toContain(address);
});

test('a name that is known has no IPv6 address, one that is not is nobody: both are said at once, to nobody else', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'], attached('front', 'web', 'shop.example'))]);
  const begun = performance.now();
  expect(await ask('front', 'web', 'AAAA')).toBe('ENODATA');
  expect(await ask('front', 'shop.example', 'AAAA')).toBe('ENODATA');
  expect(await ask('front', 'nobody')).toBe('ENOTFOUND');
  expect(performance.now() - begun).toBeLessThan(2500); // asking elsewhere first takes five seconds
});

test('a stopped container has no name, a started one has it again, the others keep theirs', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'db', ['front'])]);
  await stage.engine.containers.stop(['db'], { graceMs: 0 });
  expect(await ask('front', 'db')).toBe('ENOTFOUND');
  expect(await ask('front', 'web')).toHaveLength(1);
  await stage.engine.containers.start(['db']);
  expect(await ask('front', 'db')).toHaveLength(1);
});

test('replicas share an alias and take turns', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(
    stage,
    [1, 2, 3].map((n) => aServer(stage, `web-${n}`, ['front'], attached('front', 'web'))),
  );
  const first = await Promise.all([ask('front', 'web'), ask('front', 'web'), ask('front', 'web')]);
  expect(first.map((answer) => answer.length)).toEqual([3, 3, 3]);
  expect(new Set(first.map((answer) => answer[0])).size).toBe(3);
});

test('on two networks, the answer is the address that the asker can reach', async () => {
  await stage.engine.networks.create([aNetwork('front'), aNetwork('back')]);
  const both = [
    { network: 'front', aliases: ['app'] },
    { network: 'back', aliases: ['app'] },
  ];
  await start(stage, [
    aServer(stage, 'app', [], { attachments: both }),
    aServer(stage, 'db', ['back']),
    aServer(stage, 'web', ['front']),
  ]);
  expect(await ask('front', 'app')).toEqual([await addressOf(stage, 'app', 'front')]);
  expect(await ask('back', 'app')).toEqual([await addressOf(stage, 'app', 'back')]);
  expect(await resolvedIn('app', 'db')).toContain(await addressOf(stage, 'db', 'back'));
});

describe('questions that are for others', () => {
  const RESOLV = '/etc/resolv.conf';

  test('go to the servers of the host, and from internal networks nowhere', async () => {
    const upstream = await fakeUpstream();
    try {
      await stage.engine.networks.create([aNetwork('front'), aNetwork('inner', { internal: true })]);
      await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'vault', ['inner'])]);
      expect(await ask('front', 'example.com')).toEqual(['192.0.2.99']);
      expect(await ask('inner', 'example.com')).toBe('EREFUSED');
      expect(await ask('inner', 'vault')).toHaveLength(1);
    } finally {
      await upstream.end();
    }
  });

  /** A name server of the "host" that answers everything, named in its resolv.conf. */
  async function fakeUpstream() {
    const before = readFileSync(RESOLV, 'utf8');
    const server = spawn('dnsmasq', [...UPSTREAM, '--listen-address=198.51.100.2', '--address=/#/192.0.2.99']);
    const file = `${instance.root}/resolv.conf`;
    writeFileSync(file, 'nameserver 198.51.100.2\n');
    await command('mount', '--bind', file, RESOLV);
    return {
      end: async () => {
        await command('umount', RESOLV);
        server.kill();
        expect(readFileSync(RESOLV, 'utf8')).toBe(before);
      },
    };
  }
});

test('nobody outside of a network is answered: not the neighbour, not another network', async () => {
  await stage.engine.networks.create([
    aNetwork('front'),
    aNetwork('back', { labels: { 'com.docker.compose.project': 'other' } }),
  ]);
  const other = { labels: { 'com.docker.compose.project': 'other' } };
  await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'db', ['back'], other)]);
  // The image's own, since the host may have none; it is static.
  const { pid } = (await stage.engine.containers.find('web'))!;
  const lookup = async (place: readonly string[], server: string) =>
    (await command(...place, `/proc/${pid}/root/bin/busybox`, 'nslookup', 'web', server).catch(
      (error) => error.stdout + error.stderr,
    )) as string;
  const address = await addressOf(stage, 'web', 'front');
  expect(await lookup(await inside(stage.engine, 'web'), await gateway('front'))).toContain(address);
  const others = await Promise.all([
    lookup(await inside(stage.engine, 'db'), await gateway('front')),
    lookup(await inside(stage.engine, 'db'), await gateway('back')),
    lookup(['ip', 'netns', 'exec', 'outside'], await gateway('front')),
    lookup(['ip', 'netns', 'exec', 'outside'], '198.51.100.2'),
  ]);
  for (const answer of others) expect(answer).not.toContain(address);
}, 60_000);

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
    (await resolvedIn(asker, name)).includes(await addressOf(stage, name, name === 'db' ? 'back' : 'front'));
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
  const killed = await killServers();
  await eventually(async () => expect(await ask('front', 'web')).toHaveLength(1));
  await start(stage, [aServer(stage, 'db', ['front'])]);
  expect(await ask('front', 'db')).toHaveLength(1);
  expect(await killServers()).not.toEqual(killed);
});

test('what listens on the host has a name, and so does each container with the name of the network', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
  expect(await ask('front', 'host.docker.internal')).toEqual([await gateway('front')]);
  expect(await ask('front', 'web.front')).toEqual([await addressOf(stage, 'web', 'front')]);
  expect(await ask('front', 'nobody.front')).toBe('ENOTFOUND');
});

test('servers of its own (dns) are asked by that container alone', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const upstream = spawn('dnsmasq', [...UPSTREAM, '--listen-address=198.51.100.2', '--address=/#/192.0.2.98']);
  try {
    const dns = { servers: ['198.51.100.2'], search: [], options: [] };
    await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'own', ['front'], { dns })]);
    expect(await resolvedIn('own', 'example.org')).toContain('192.0.2.98');
    expect(await resolvedIn('own', 'web')).toContain(await addressOf(stage, 'web', 'front'));
    expect(await resolvedIn('web', 'example.org')).not.toContain('192.0.2.98');
  } finally {
    upstream.kill();
  }
});

/** Asked by Node in the container's network namespace; TCP by its first bytes. */
async function askInside(pid: number, name: string, protocol: string) {
  const script = protocol === 'UDP' ? ASK_UDP : ASK_TCP;
  const stdout = await command('nsenter', '-t', String(pid), '-n', process.execPath, '-e', script, name);
  return { stdout };
}
const ASK_UDP = `const r = new (require('dns').promises.Resolver)({ timeout: 2000, tries: 1 });
r.setServers(['127.0.0.11']); r.resolve4(process.argv[1]).then((a) => console.log(a.join()), (e) => console.log(e.code));`;
const ASK_TCP = `const name = process.argv[1];
const q = Buffer.concat([
  Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length]), Buffer.from(name), Buffer.from([0, 0, 1, 0, 1])]);
const s = require('net').connect(53, '127.0.0.11', () => s.write(Buffer.concat([Buffer.from([0, q.length]), q])));
s.setTimeout(3000, () => s.destroy());
s.once('data', (d) => { console.log([...d.subarray(-4)].join('.')); s.destroy(); });
s.on('error', (e) => console.log(e.code));`;

async function killServers(): Promise<readonly string[]> {
  const folder = `${instance.run}/dns`;
  const views = readdirSync(folder).filter((name) => existsSync(`${folder}/${name}/pid`));
  const pids = views.map((name) => readFileSync(`${folder}/${name}/pid`, 'utf8').trim());
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  return pids;
}

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
