/** Who hears whose ping, of both families; and whom a container that relays for others leads where: by a program, by forwarding, hidden or not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { slowness } from '../../helpers/slowness.ts';
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
  type Place,
  start,
  table,
} from './stage.ts';

const OUTSIDE = '198.51.100.1';
const [stage, foreign] = [useEngine(), useEngine()];
const started: ChildProcess[] = [];
beforeAll(async () => {
  // The neighbour knows the way to containers, and tries it.
  await command(...outside, 'ip', 'route', 'add', '172.16.0.0/12', 'via', HOST);
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await command(...outside, 'ip', 'route', 'del', '172.16.0.0/12');
});

const place = (name: string): Promise<Place> => inside(stage.engine, name);
const endpointOf = async (name: string, network: string) =>
  (await stage.engine.containers.find(name))!.endpoints.find((one) => one.network === network)!;
const gatewaysOf = async (name: string): Promise<readonly string[]> =>
  (await stage.engine.networks.find(name))!.subnets.map(({ gateway }) => gateway);

const hears = async (from: Place, address: string): Promise<string> =>
  command(...from, 'busybox', 'ping', '-c', '1', '-W', String(slowness), address).then(
    () => 'yes',
    () => '-',
  );

async function drawn(
  places: Readonly<Record<string, Place>>,
  targets: Readonly<Record<string, string>>,
): Promise<string> {
  const rows = await Promise.all(
    Object.entries(places).map(async ([name, from]) => [
      name,
      ...(await Promise.all(Object.values(targets).map((address) => hears(from, address)))),
    ]),
  );
  return table([['', ...Object.keys(targets)], ...rows]);
}

const PINGS = `
         web  web (IPv6)  db   vault  two  alien  front gateway  front gateway (IPv6)  back gateway  inner gateway  host  outside
host     yes  yes         yes  yes    yes  yes    yes            yes                   yes           yes            yes   yes
outside  -    -           -    -      -    -      -              -                     -             -              yes   yes
web      yes  yes         -    -      -    -      yes            yes                   -             -              yes   yes
app      yes  yes         yes  -      -    -      yes            yes                   yes           -              yes   yes
db       -    -           yes  -      -    -      -              -                     yes           -              yes   yes
vault    -    -           -    yes    -    -      -              -                     -             yes            -     -
safe     -    -           -    yes    -    -      -              -                     -             yes            -     -
one      -    -           -    -      -    -      -              -                     -             -              yes   yes
alien    -    -           -    -      -    yes    -              -                     -             -              yes   yes
`.replace(/^\n|\n$/g, '');

test('ping: within a network, to the host, and out; not between networks, nor in from outside', async () => {
  await stage.engine.networks.create([
    aNetwork('front', { enableIpv6: true }),
    aNetwork('back'),
    aNetwork('inner', { internal: true }),
    aNetwork('apart', { driverOpts: { 'com.docker.network.bridge.enable_icc': 'false' } }),
  ]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }),
    aServer(stage, 'app', ['front', 'back']),
    aServer(stage, 'db', ['back']),
    aServer(stage, 'vault', ['inner']),
    aServer(stage, 'safe', ['inner']),
    aServer(stage, 'one', ['apart']),
    aServer(stage, 'two', ['apart']),
  ]);
  await foreign.engine.networks.create([aNetwork('front')]);
  await start(foreign, [aServer(foreign, 'alien', ['front'])]);
  const [front, back, inner] = await Promise.all(['front', 'back', 'inner'].map(gatewaysOf));
  const targets = {
    web: await addressOf(stage, 'web', 'front'),
    'web (IPv6)': (await endpointOf('web', 'front')).ipv6!,
    db: await addressOf(stage, 'db', 'back'),
    vault: await addressOf(stage, 'vault', 'inner'),
    two: await addressOf(stage, 'two', 'apart'),
    alien: await addressOf(foreign, 'alien', 'front'),
    'front gateway': front![0]!,
    'front gateway (IPv6)': front![1]!,
    'back gateway': back![0]!,
    'inner gateway': inner![0]!,
    host: HOST,
    outside: OUTSIDE,
  };
  const names = ['web', 'app', 'db', 'vault', 'safe', 'one'];
  const inner_ = await Promise.all(names.map(async (name): Promise<[string, Place]> => [name, await place(name)]));
  const places = {
    host: onHost,
    outside,
    ...Object.fromEntries(inner_),
    alien: await inside(foreign.engine, 'alien'),
  };
  const found = await drawn(places, targets);
  console.log(found);
  expect(found).toBe(PINGS);
});

const RELAYS = `
                                                  db  ping db  ping outside
web, by a program                                 db
vault, by a program                               db
outside, by a program                             db
web, directly                                     -   -        yes
vault, directly                                   -   -        -
outside, directly                                 -   -        yes
web, forwarded                                    db  yes      yes
vault, forwarded                                  db  yes      -
outside, forwarded                                -   -        yes
web, forwarded, hidden                            db  yes      yes
vault, forwarded, hidden                          db  yes      yes
outside, forwarded, hidden                        -   -        yes
web, by one that the file does not call a router  -   -        yes
`.replace(/^\n|\n$/g, '');

/** Passes connections at 8000 on. */
const RELAY = `
const { createServer, connect } = require('node:net');
createServer((socket) => {
  const on = connect(80, process.argv[1]);
  socket.on('error', () => on.destroy()).pipe(on).on('error', () => socket.destroy()).pipe(socket);
}).listen(8000, '0.0.0.0', () => console.log('listening'));
`;

test('a relay leads between its networks by a program, and by forwarding when the file says that it forwards; nobody else is let through', async () => {
  await stage.engine.networks.create([aNetwork('front'), aNetwork('back'), aNetwork('inner', { internal: true })]);
  await start(stage, [
    aServer(stage, 'web', ['front']),
    aServer(stage, 'db', ['back']),
    aServer(stage, 'vault', ['inner']),
    aServer(stage, 'relay', ['front', 'back', 'inner'], {
      ports: [aPort('8000:8000')],
      sysctls: { 'net.ipv4.ip_forward': '1' },
    }),
    aServer(stage, 'sneak', ['front', 'back']),
  ]);
  const [web, vault, data, relay, sneak] = await Promise.all(['web', 'vault', 'db', 'relay', 'sneak'].map(place));
  const db = await addressOf(stage, 'db', 'back');
  const [near, inner] = await Promise.all(['front', 'inner'].map((network) => addressOf(stage, 'relay', network)));
  const child = spawn(relay![0]!, [...relay!.slice(1), process.execPath, '-e', RELAY, db]);
  started.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));

  const ways = async (way: string) => {
    const askers: readonly (readonly [string, Place, string])[] = [
      ['web', web!, db],
      ['vault', vault!, db],
      ['outside', outside, db],
    ];
    return await Promise.all(
      askers.map(async ([name, from, to]) => [
        `${name}, ${way}`,
        await askFrom(from, to).then((answer) => answer.split(' ')[0]!),
        await hears(from, to),
        await hears(from, name === 'outside' ? OUTSIDE : '198.51.100.1'),
      ]),
    );
  };
  const asked = async (from: Place, address: string) => (await askFrom(from, address)).split(' ')[0]!;
  const program = [
    ['web, by a program', await asked(web!, `${near}:8000`), '', ''],
    ['vault, by a program', await asked(vault!, `${inner}:8000`), '', ''],
    ['outside, by a program', await asked(outside, `${HOST}:8000`), '', ''],
  ];
  const direct = await ways('directly');
  await command(
    ...data!,
    'ip',
    'route',
    'add',
    `${await addressOf(stage, 'web', 'front')}/32`,
    'via',
    await addressOf(stage, 'relay', 'back'),
  );
  await command(
    ...data!,
    'ip',
    'route',
    'add',
    `${await addressOf(stage, 'vault', 'inner')}/32`,
    'via',
    await addressOf(stage, 'relay', 'back'),
  );
  await command(...web!, 'ip', 'route', 'add', `${db}/32`, 'via', near!);
  await command(...vault!, 'ip', 'route', 'add', 'default', 'via', inner!);
  const forwarded = await ways('forwarded');
  await command(...relay!, 'iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'MASQUERADE');
  const hidden = await ways('forwarded, hidden');
  // Root in the container's network, as with NET_ADMIN; the file does not say that it forwards.
  await command(...sneak!, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  for (const [from, to, by] of [
    [web!, db, 'front'],
    [data!, await addressOf(stage, 'web', 'front'), 'back'],
  ] as const)
    await command(...from, 'ip', 'route', 'replace', `${to}/32`, 'via', await addressOf(stage, 'sneak', by));
  const secret = (await ways('by one that the file does not call a router')).slice(0, 1);
  const found = table([
    ['', 'db', 'ping db', 'ping outside'],
    ...program,
    ...direct,
    ...forwarded,
    ...hidden,
    ...secret,
  ]);
  console.log(found);
  expect(found).toBe(RELAYS);
});
