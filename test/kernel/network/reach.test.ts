/** Who reaches whom: outside, the host, containers on the same, on another, on an internal network, of another instance. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  matrix,
  onHost,
  outside,
  type Place,
  start,
} from './stage.ts';

const BRIDGED_FRAMES = '/proc/sys/net/bridge/bridge-nf-call-iptables';

const [stage, foreign] = [useEngine(), useEngine()];
let places: Record<string, Place>;
let targets: Record<string, string>;

const everything = async () => {
  await stage.engine.networks.create([aNetwork('front'), aNetwork('back'), aNetwork('inner', { internal: true })]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: ['8080', '127.0.0.1:8081', `${HOST}:8082`].map(aPort) }),
    aServer(stage, 'app', ['front', 'back']),
    aServer(stage, 'db', ['back']),
    aServer(stage, 'vault', ['inner'], { ports: [aPort('8083')] }),
  ]);
  await foreign.engine.networks.create([aNetwork('front')]);
  await start(foreign, [aServer(foreign, 'alien', ['front'], { ports: [aPort('8090')] })]);
  const { networks } = await stage.engine.snapshot();
  const gateway = (name: string) => networks.find((network) => network.name === name)!.subnets[0]!.gateway;
  places = {
    host: onHost,
    outside,
    web: await inside(stage.engine, 'web'),
    app: await inside(stage.engine, 'app'),
    db: await inside(stage.engine, 'db'),
    vault: await inside(stage.engine, 'vault'),
    alien: await inside(foreign.engine, 'alien'),
  };
  targets = {
    web: await addressOf(stage, 'web', 'front'),
    db: await addressOf(stage, 'db', 'back'),
    vault: await addressOf(stage, 'vault', 'inner'),
    alien: await addressOf(foreign, 'alien', 'front'),
    'host:8080': `${HOST}:8080`,
    'lo:8080': '127.0.0.1:8080',
    'lo:8081': '127.0.0.1:8081',
    'host:8081': `${HOST}:8081`,
    'host:8082': `${HOST}:8082`,
    'lo:8082': '127.0.0.1:8082',
    'front:8080': `${gateway('front')}:8080`,
    'back:8080': `${gateway('back')}:8080`,
    'inner:8080': `${gateway('inner')}:8080`,
    'host:8083': `${HOST}:8083`,
    'host:8090': `${HOST}:8090`,
    'inner:8090': `${gateway('inner')}:8090`,
  };
};

/** A container's own loopback is not the host's. vault publishes a port, and its network leads nowhere. */
const EXPECTED = `
         web  db  vault  alien  host:8080  lo:8080  lo:8081  host:8081  host:8082  lo:8082  front:8080  back:8080  inner:8080  host:8083  host:8090  inner:8090
host     web  db  vault  alien  web        web      web      -          web        -        web         web        web         -          alien      alien
outside  -    -   -      -      web        -        -        -          web        -        web         web        web         -          alien      alien
web      web  -   -      -      web        -        -        -          web        -        web         web        web         -          alien      alien
app      web  db  -      -      web        -        -        -          web        -        web         web        web         -          alien      alien
db       -    db  -      -      web        -        -        -          web        -        web         web        web         -          alien      alien
vault    -    -   vault  -      -          -        -        -          -          -        -           -          -           -          -          -
alien    -    -   -      alien  web        -        -        -          web        -        web         web        web         -          alien      alien
`.replace(/^\n|\n$/g, '');

const withSetting = async (path: string, value: string, work: () => Promise<void>) => {
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, value);
  await work().finally(() => writeFileSync(path, before));
};

const compare = async (what: string) => {
  await everything();
  const found = await matrix(places, targets);
  console.log(`${what}\n${found}`);
  expect(found).toBe(EXPECTED);
};

beforeAll(async () => {
  // The neighbour knows the way to containers, and tries it.
  await command(...outside, 'ip', 'route', 'add', '172.16.0.0/12', 'via', HOST);
});
afterAll(async () => {
  await command(...outside, 'ip', 'route', 'del', '172.16.0.0/12');
});

describe('who reaches whom', () => {
  test('published means reachable, not published means not, internal means cut off', () => compare('as it is'));

  test('on a host that drops what nobody accepts, the same', async () => {
    const policies = async (policy: string) => {
      for (const chain of ['INPUT', 'FORWARD']) await command('iptables', '-P', chain, policy);
    };
    await policies('DROP');
    // What the host itself asks for comes back; its own services stay closed.
    const answers = ['INPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT'];
    await command('iptables', '-A', ...answers);
    try {
      await compare('policies DROP');
    } finally {
      await command('iptables', '-D', ...answers);
      await policies('ACCEPT');
    }
  });

  test.skipIf(!existsSync(BRIDGED_FRAMES))('whether bridged frames go through iptables or not, the same', async () => {
    const other = readFileSync(BRIDGED_FRAMES, 'utf8').trim() === '1' ? '0' : '1';
    await withSetting(BRIDGED_FRAMES, other, () => compare(`bridge-nf-call-iptables = ${other}`));
  });

  test('a neighbour on the wire cannot reach what is published on 127.0.0.1, however it addresses it', async () => {
    await everything();
    const neighbour = async (...argv: string[]) => command('ip', 'netns', 'exec', 'hostile', ...argv);
    await command('ip', 'netns', 'add', 'hostile');
    await command('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', 'hostile');
    await command('ip', 'address', 'add', '203.0.113.1/24', 'dev', 'wire');
    await command('ip', 'link', 'set', 'wire', 'up');
    await neighbour('ip', 'address', 'add', '203.0.113.2/24', 'dev', 'wire');
    await neighbour('ip', 'link', 'set', 'wire', 'up');
    await neighbour('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
    // No loopback of its own: 127.0.0.1 is the host behind the wire.
    await neighbour('ip', 'route', 'flush', 'table', 'local', 'dev', 'lo');
    await neighbour('ip', 'route', 'add', '127.0.0.1/32', 'via', '203.0.113.1', 'dev', 'wire', 'src', '203.0.113.2');
    await neighbour('ip', 'route', 'add', '172.16.0.0/12', 'via', '203.0.113.1');
    try {
      const from: Place = ['ip', 'netns', 'exec', 'hostile'];
      expect(await askFrom(from, '203.0.113.1:8080')).toBe('web 203.0.113.2');
      const tried = [
        '127.0.0.1:8081',
        '127.0.0.1:8080',
        '203.0.113.1:8081',
        `${targets['web']}:80`,
        targets['front:8080']!.replace('8080', '8081'),
      ];
      expect(await Promise.all(tried.map((address) => askFrom(from, address)))).toEqual(tried.map(() => '-'));
    } finally {
      await command('ip', 'netns', 'del', 'hostile');
      await command('ip', 'link', 'del', 'wire').catch(() => undefined);
    }
  });

  test('a container cannot reach what listens on the loopback of the host, though loopback is led into its bridge', async () => {
    await everything();
    const web = places['web']!;
    // Root in the container's network, as with NET_ADMIN.
    await command(...web, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
    await command(...web, 'ip', 'route', 'flush', 'table', 'local', 'dev', 'lo');
    const gateway = targets['front:8080']!.split(':')[0]!;
    await command(...web, 'ip', 'route', 'add', '127.0.0.0/8', 'via', gateway, 'src', targets['web']!);
    expect(await askFrom(onHost, '127.0.0.1:8081')).toMatch(/^web /);
    expect(await askFrom(web, '127.0.0.1:8081')).toBe('-');
  });

  test('a service sees the address of who asks from outside, and the gateway where that asks for it from this host', async () => {
    await everything();
    expect(await askFrom(outside, `${HOST}:8080`)).toBe('web 198.51.100.1');
    const gateway = targets['front:8080']!.split(':')[0];
    expect(await askFrom(onHost, '127.0.0.1:8080')).toBe(`web ${gateway}`);
    expect(await askFrom(places['web']!, `${HOST}:8080`)).toBe(`web ${gateway}`);
  });
});
