/** What containers are told when they ask for names. */

import { Resolver } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { slowness } from '../../helpers/slowness.ts';
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
  const resolver = new Resolver({ timeout: 1000 * slowness, tries: 1 });
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
  expect(await ask('front', `${address.split('.').reverse().join('.')}.in-addr.arpa`, 'PTR')).toEqual(['shop-web-1']);
  expect(await resolvedIn('shop-web-1', 'web')).toContain(address);
});

test('a name that is known has no IPv6 address, one that is not is nobody: both are said at once, to nobody else', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'], attached('front', 'web', 'shop.example'))]);
  const begun = performance.now();
  expect(await ask('front', 'web', 'AAAA')).toBe('ENODATA');
  expect(await ask('front', 'shop.example', 'AAAA')).toBe('ENODATA');
  expect(await ask('front', 'nobody')).toBe('ENOTFOUND');
  expect(performance.now() - begun).toBeLessThan(2500 * slowness); // asking elsewhere first takes five seconds
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
    const { spawn } = await import('node:child_process');
    const server = spawn('dnsmasq', [
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--no-resolv',
      '--no-hosts',
      '--listen-address=198.51.100.2',
      '--bind-interfaces',
      '--address=/#/192.0.2.99',
      '--user=root',
      '--pid-file=',
      '--log-facility=/dev/null',
    ]);
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

test('links are in /etc/hosts, under their aliases', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const links = [{ container: 'db', aliases: ['database'] }];
  await start(stage, [aServer(stage, 'db', ['front'])]);
  await start(stage, [aServer(stage, 'web', ['front'], { links })]);
  const { pid } = (await stage.engine.containers.find('web'))!;
  expect(readFileSync(`/proc/${pid}/root/etc/hosts`, 'utf8')).toContain(
    `${await addressOf(stage, 'db', 'front')}\tdatabase db\n`,
  );
});
