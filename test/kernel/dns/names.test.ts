/** What containers are told when they ask for names. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { slowness } from '../../helpers/slowness.ts';
import { useEngine } from '../container/use-engine.ts';
import { addressOf, aNetwork, aServer, command, inside, start } from '../network/stage.ts';
import { type Ask, askServer, gatewayOf, resolvedIn, UPSTREAM } from './ask.ts';

const stage = useEngine();

const ask: Ask = (...question) => askServer(stage, ...question);
const attached = (network: string, ...aliases: string[]) => ({ attachments: [{ network, aliases }] });
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
  expect(await resolvedIn(stage, 'shop-web-1', 'web')).toContain(address);
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
  expect(await resolvedIn(stage, 'app', 'db')).toContain(await addressOf(stage, 'db', 'back'));
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
    const file = `${stage.instance.root}/resolv.conf`;
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
  expect(await lookup(await inside(stage.engine, 'web'), await gatewayOf(stage, 'front'))).toContain(address);
  const others = await Promise.all([
    lookup(await inside(stage.engine, 'db'), await gatewayOf(stage, 'front')),
    lookup(await inside(stage.engine, 'db'), await gatewayOf(stage, 'back')),
    lookup(['ip', 'netns', 'exec', 'outside'], await gatewayOf(stage, 'front')),
    lookup(['ip', 'netns', 'exec', 'outside'], '198.51.100.2'),
  ]);
  for (const answer of others) expect(answer).not.toContain(address);
}, 60_000);
