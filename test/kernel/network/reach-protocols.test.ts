/** Who reaches a published port by which protocol and family, with which source; and what a neighbour on the link cannot forge. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useEngine } from '../container/use-engine.ts';
import {
  addressOf,
  aNetwork,
  aPort,
  aServer,
  command,
  HOST,
  inside,
  onHost,
  outside,
  type Place,
  start,
} from './stage.ts';

const OUTSIDE = '198.51.100.1';
const HOST6 = '2001:db8:1::2';
const [stage, foreign] = [useEngine(), useEngine()];
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** At port 53, both protocols and families: answers with who asked. It prints what it got over UDP. */
const SERVER = `
const shown = (address) => address.replace('::ffff:', '');
const udp = require('node:dgram').createSocket('udp6');
udp.on('message', (message, { address, port }) => {
  console.log(String(message));
  udp.send(shown(address), port, address);
});
udp.bind(53);
require('node:net').createServer((socket) => socket.on('error', () => {}).end(shown(socket.remoteAddress))).listen(53, '::');
`;

/** All targets at once: the answer to each, or '-', as one JSON array. */
const ASKER = `
const udp = (host, port) => new Promise((done) => {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message) => done(String(message))).on('error', () => done('-'));
  const ask = () => socket.send('?', port, host, (error) => error && done('-'));
  ask();
  // On a busy machine an answer takes its time, and a datagram may be lost.
  setInterval(ask, 500);
  setTimeout(() => done('-'), 4000);
});
const tcp = (host, port) => new Promise((done) => {
  let text = '';
  const socket = require('node:net').connect({ host, port });
  socket.on('data', (part) => (text += part)).on('end', () => done(text || '-')).on('error', () => done('-'));
  setTimeout(() => done('-'), 4000);
});
const ask = { udp, tcp };
const targets = JSON.parse(process.argv[1]);
Promise.all(targets.map(([protocol, host, port]) => ask[protocol](host, port))).then((all) => {
  console.log(JSON.stringify(all));
  process.exit();
});
`;

/** One packet a line, from the source it names; it says what it is. */
const SENDER = `
const tries = JSON.parse(process.argv[1]);
Promise.all(tries.map(({ source, host, port }) => new Promise((done) => {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('error', done);
  socket.bind(0, source, () => socket.send(source + ' to ' + host + ' ' + port, port, host, () => setTimeout(done, 300)));
}))).then(() => process.exit());
`;

type Target = readonly [protocol: string, host: string, port: number];
const askAll = async (place: Place, targets: readonly Target[]): Promise<string[]> =>
  JSON.parse(await command(...place, process.execPath, '-e', ASKER, JSON.stringify(targets))) as string[];

function serve(place: Place): { readonly heard: () => string } {
  const child = spawn(place[0]!, [...place.slice(1), process.execPath, '-e', SERVER]);
  started.push(child);
  let heard = '';
  child.stdout.on('data', (part: Buffer) => {
    heard += String(part);
  });
  return { heard: () => heard };
}

const PORTS = ['5300:53/udp', '5300:53/tcp', '127.0.0.1:5301:53/udp', '127.0.0.1:5301:53/tcp'].map(aPort);

async function twoProjects() {
  await stage.engine.networks.create([
    aNetwork('front', { enableIpv6: true }),
    aNetwork('back'),
    aNetwork('inner', { internal: true }),
    aNetwork('apart', { driverOpts: { 'com.docker.network.bridge.enable_icc': 'false' } }),
  ]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: PORTS }),
    aServer(stage, 'app', ['front']),
    aServer(stage, 'db', ['back']),
    aServer(stage, 'vault', ['inner']),
    aServer(stage, 'one', ['apart'], { ports: [aPort('5302:53/udp'), aPort('5302:53/tcp')] }),
    aServer(stage, 'two', ['apart']),
  ]);
  await foreign.engine.networks.create([aNetwork('front')]);
  await start(foreign, [aServer(foreign, 'alien', ['front'])]);
  const place = (name: string) => inside(stage.engine, name);
  const [web, one] = [serve(await place('web')), serve(await place('one'))];
  const targets: Record<string, readonly [string, number]> = {
    web: [await addressOf(stage, 'web', 'front'), 53],
    one: [await addressOf(stage, 'one', 'apart'), 53],
    '127.0.0.1:5300': ['127.0.0.1', 5300],
    '127.0.0.1:5301': ['127.0.0.1', 5301],
    'host:5300': [HOST, 5300],
    'host:5301': [HOST, 5301],
    'host:5302': [HOST, 5302],
    '[host]:5300': [HOST6, 5300],
  };
  const places: Record<string, Place> = {
    host: onHost,
    outside,
    app: await place('app'),
    db: await place('db'),
    vault: await place('vault'),
    two: await place('two'),
    alien: await inside(foreign.engine, 'alien'),
  };
  for (const container of ['web', 'one']) {
    await eventually(async () => {
      const answers = await askAll(await place(container), [['tcp', '127.0.0.1', 53]]);
      if (answers[0] === '-') throw new Error(`${container} does not serve`);
    });
  }
  return { targets, places, web, one };
}

/** Each asker's line once a protocol. `yes`: an answer; `src`: with the asker's own address in it, which containers lose: who shares a
 * network with the other one could be answered past this host. */
const EXPECTED = `
              web  one  127.0.0.1:5300  127.0.0.1:5301  host:5300  host:5301  host:5302  [host]:5300
host udp      yes  yes  yes             yes             yes        -          yes        yes
host tcp      yes  yes  yes             yes             yes        -          yes        yes
outside udp   -    -    -               -               src        -          src        src
outside tcp   -    -    -               -               src        -          src        src
app udp       src  -    -               -               yes        -          yes        yes
app tcp       src  -    -               -               yes        -          yes        yes
db udp        -    -    -               -               yes        -          yes        -
db tcp        -    -    -               -               yes        -          yes        -
vault udp     -    -    -               -               -          -          -          -
vault tcp     -    -    -               -               -          -          -          -
two udp       -    -    -               -               yes        -          yes        -
two tcp       -    -    -               -               yes        -          yes        -
alien udp     -    -    -               -               yes        -          yes        -
alien tcp     -    -    -               -               yes        -          yes        -
`.replace(/^\n|\n$/g, '');

const addressesOf = async (place: Place): Promise<readonly string[]> =>
  [...(await command(...place, 'ip', '-o', 'address', 'show', 'scope', 'global')).matchAll(/inet6? ([^/ ]+)/g)].map(
    ([, address]) => address!,
  );

test('UDP and TCP, over IPv4 and IPv6: the same for both, with the source where it can be kept', async () => {
  const { targets, places } = await twoProjects();
  const names = Object.keys(targets);
  const rows = await Promise.all(
    Object.entries(places).flatMap(([name, place]) =>
      ['udp', 'tcp'].map(async (protocol) => {
        const own = name === 'host' ? [] : await addressesOf(place);
        const answers = await askAll(
          place,
          Object.values(targets).map(([host, port]): Target => [protocol, host, port]),
        );
        return [
          `${name} ${protocol}`,
          ...answers.map((one) => (one === '-' ? '-' : own.includes(one) ? 'src' : 'yes')),
        ];
      }),
    ),
  );
  const widths = ['', ...names].map((name, i) => Math.max(name.length, i === 0 ? 12 : 0));
  const found = [['', ...names], ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
  console.log(found);
  expect(found).toBe(EXPECTED);
});

test('a neighbour on the link gets no packet of UDP to what is published on 127.0.0.1, or to a container, whatever source it claims', async () => {
  const { targets, web } = await twoProjects();
  const gateway = (await stage.engine.snapshot()).networks.find(({ name }) => name === 'front')!.subnets[0]!.gateway;
  const container = targets['web']![0];
  const route = ['route', 'add', `${container}/32`, 'via', HOST];
  await command('ip', '-n', 'outside', ...route);
  // One that is this host's or the container's own would never leave the neighbour.
  const sources = [OUTSIDE, '127.0.0.1', gateway, await addressOf(stage, 'app', 'front')];
  const [own, ...forged] = sources;
  try {
    for (const source of forged)
      await command('ip', '-n', 'outside', 'address', 'add', `${source}/32`, 'dev', 'eth0').catch(() => '');
    const tries = sources.flatMap((source) =>
      [[container, 53], [HOST, 5301], ...(source === own ? [[HOST, 5300]] : [])].map(([host, port]) => ({
        source,
        host,
        port,
      })),
    );
    await command(...outside, process.execPath, '-e', SENDER, JSON.stringify(tries));
    await eventually(async () => {
      if (!web.heard().includes(`${OUTSIDE} to ${HOST} 5300`)) throw new Error('what is published is not heard either');
    });
    expect(web.heard().trim().split('\n')).toEqual([`${OUTSIDE} to ${HOST} 5300`]);
  } finally {
    for (const source of forged)
      await command('ip', '-n', 'outside', 'address', 'del', `${source}/32`, 'dev', 'eth0').catch(() => '');
    await command('ip', '-n', 'outside', 'route', 'del', `${container}/32`);
  }
});
