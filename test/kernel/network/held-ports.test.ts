/** Host ports of a running container are held by sockets: nobody else takes them, and nobody is kept waiting at them. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { draftChanges } from '../../../engine/container/update/update-record.ts';
import { readNetworkRecords } from '../../../engine/network/index.ts';
import { readContainerRecords, writeContainerRecord } from '../../../engine/state/container-records.ts';
import { findInstance } from '../../../engine/state/instance.ts';
import { eventually } from '../../helpers/eventually.ts';
import { runContainers } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';
import { aNetwork, aPort, aServer, askFrom, command, HOST, onHost, outside, start } from './stage.ts';

const stage = useEngine();

const outcome = (work: (done: (code: string) => void) => void) => new Promise<string>(work);
const listenTcp = (port: number, host: string) =>
  outcome((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code!));
    server.listen({ port, host, ipv6Only: true }, () => server.close(() => done('free')));
  });
const bindUdp = (port: number) =>
  outcome((done) => {
    const socket = createSocket('udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code!));
    socket.bind(port, '0.0.0.0', () => socket.close(() => done('free')));
  });
const six = { enableIpv6: true };

test('a published port can be bound by nobody else while the container runs, not after', async () => {
  await stage.engine.networks.create([aNetwork('front', six)]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: [aPort('8080'), aPort('127.0.0.1:8081'), aPort('8082:80/udp')] }),
  ]);
  const looked = async () => ({
    '0.0.0.0:8080': await listenTcp(8080, '0.0.0.0'),
    '127.0.0.1:8080': await listenTcp(8080, '127.0.0.1'),
    '[::]:8080': await listenTcp(8080, '::'),
    '127.0.0.1:8081': await listenTcp(8081, '127.0.0.1'),
    '198.51.100.2:8081': await listenTcp(8081, HOST),
    '8082/udp': await bindUdp(8082),
  });
  expect(await looked()).toEqual({
    '0.0.0.0:8080': 'EADDRINUSE',
    '127.0.0.1:8080': 'EADDRINUSE',
    '[::]:8080': 'EADDRINUSE',
    '127.0.0.1:8081': 'EADDRINUSE',
    '198.51.100.2:8081': 'free',
    '8082/udp': 'EADDRINUSE',
  });
  for (const address of ['127.0.0.1:8080', `${HOST}:8080`, '127.0.0.1:8081']) {
    expect([address, await askFrom(onHost, address)]).toEqual([address, expect.stringContaining('web ')]);
  }
  await stage.engine.containers.stop(['web'], { graceMs: 0 });
  expect(new Set(Object.values(await looked()))).toEqual(new Set(['free']));
});

test('a restart by policy keeps them', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const restart = { policy: 'always' as const, maxRetries: 0 };
  await start(stage, [aServer(stage, 'web', ['front'], { ports: [aPort('8080')], restart })]);
  const { pid } = (await stage.engine.containers.find('web'))!;
  process.kill(pid, 'SIGKILL');
  for (let i = 0; i < 20; i++) expect(await listenTcp(8080, '0.0.0.0')).toBe('EADDRINUSE');
});

test('one that somebody bound without listening, which no list shows, is refused, and nothing of the container stays', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const holder = await boundOnly(8080);
  try {
    await stage.engine.containers.create([{ container: aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }) }]);
    const { failed } = await stage.engine.containers.start(['web']);
    expect(failed.get('web')).toMatchObject({ code: 'port-in-use' });
    expect((await stage.engine.containers.find('web'))!.status).toBe('created');
  } finally {
    holder.kill();
  }
});

test('an address that is not the host’s is said to be none', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await stage.engine.containers.create([
    { container: aServer(stage, 'web', ['front'], { ports: [aPort('192.0.2.77:8080')] }) },
  ]);
  const { failed } = await stage.engine.containers.start(['web']);
  expect(failed.get('web')).toMatchObject({
    code: 'port-unusable',
    message: 'cannot publish ports of web: 192.0.2.77:8080/tcp is no address of this host',
  });
});

test('[::1] leads to the container, with and without IPv6 of its own, as do clients of IPv6 from outside', async () => {
  await stage.engine.networks.create([aNetwork('front', six), aNetwork('old')]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }),
    aServer(stage, 'former', ['old'], { ports: [aPort('8081')] }),
  ]);
  const HOST6 = '[2001:db8:1::2]';
  expect({
    'web by ::1': (await askFrom(onHost, '[::1]:8080')).split(' ')[0],
    'former by ::1': (await askFrom(onHost, '[::1]:8081')).split(' ')[0],
    'web from outside': await askFrom(outside, `${HOST6}:8080`),
    'former from outside': (await askFrom(outside, `${HOST6}:8081`)).split(' ')[0],
  }).toEqual({
    'web by ::1': 'web',
    'former by ::1': 'former',
    'web from outside': expect.stringContaining('2001:db8:1::1'),
    'former from outside': 'former',
  });
});

test('a relayed connection carries everything in both directions, and its end', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  // `sed p` says every line twice: its answers pile up while it is still being asked.
  const serve = (program: string) => ['sh', '-c', `while true; do nc -l -p 80 -e ${program}; done`];
  await runContainers(stage.engine, [
    aServer(stage, 'echo', ['front'], { argv: serve('cat'), ports: [aPort('8080')] }),
    aServer(stage, 'twice', ['front'], { argv: serve('sed p'), ports: [aPort('8081')] }),
  ]);
  const bytes = randomBytes(3 << 20);
  expect((await answer(8080, bytes)).equals(bytes)).toBe(true);
  const line = `${randomBytes(30_000).toString('hex')}\n`;
  const twice = await answer(8081, Buffer.from(line.repeat(500)));
  expect(twice.equals(Buffer.from(line.repeat(1000)))).toBe(true);
});

const answer = (port: number, asked: Buffer) =>
  eventually(async () => {
    const received = await echo(port, asked);
    if (received.length === 0) throw new Error('it does not listen yet');
    return received;
  });

const echo = (port: number, data: Buffer) =>
  new Promise<Buffer>((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ port, host: '::1', allowHalfOpen: true }, () => socket.end(data));
    socket.on('data', (part) => parts.push(part));
    socket.on('error', () => resolve(Buffer.alloc(0)));
    socket.on('close', () => resolve(Buffer.concat(parts)));
  });

test('five thousand ports are held by one process, which goes on to work with few descriptors', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  const ports = Array.from({ length: 5000 }, (_, i) => aPort(`${20_000 + i}:80`));
  await start(stage, [aServer(stage, 'web', ['front'], { ports })]);
  expect(await Promise.all([20_000, 22_500, 24_999, 25_000].map((port) => listenTcp(port, '0.0.0.0')))).toEqual([
    'EADDRINUSE',
    'EADDRINUSE',
    'EADDRINUSE',
    'free',
  ]);
  expect(await askFrom(onHost, '127.0.0.1:24999')).toContain('web ');
  const { pid } = (await stage.engine.containers.find('web'))!;
  const limits = await command('cat', `/proc/${pid}/limits`, '/proc/self/limits');
  const files = limits.split('\n').filter((line) => line.startsWith('Max open files'));
  expect(files[0]).toBe(files[1]);
}, 60_000);

/** A process that has the port and does not listen. */
async function boundOnly(port: number) {
  const { spawn } = await import('node:child_process');
  const script = `import socket,time; s=socket.socket(); s.bind(('0.0.0.0',${port})); print('bound',flush=True); time.sleep(60)`;
  const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

test.each([
  ['taken back', '8080', '8081'],
  ['finished', '8081', '8080'],
])('a change that was begun and went no further than the record is %s', async (_what, wish, other) => {
  await stage.engine.networks.create([aNetwork('front')]);
  const web = (port: string) => aServer(stage, 'web', ['front'], { ports: [aPort(port)] });
  await start(stage, [web('8080')]);
  const { root, run } = stage.instance;
  const paths = { root, run };
  const records = { containers: readContainerRecords(paths), networks: readNetworkRecords(paths) };
  const { changes } = draftChanges([web('8081')], records, { instance: findInstance(paths)!, isUp: () => true });
  await writeContainerRecord(paths, changes[0]!.to);
  expect((await stage.engine.containers.update([web(wish)])).failed).toEqual(new Map());
  expect([await listenTcp(Number(wish), '0.0.0.0'), await listenTcp(Number(other), '0.0.0.0')]).toEqual([
    'EADDRINUSE',
    'free',
  ]);
  expect(await askFrom(onHost, `127.0.0.1:${wish}`)).toMatch(/^web /);
});
