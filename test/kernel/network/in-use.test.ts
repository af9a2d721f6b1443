/** Whether a host port is in use is said before anything is touched, by whom, and what only looks like it is not in the way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import type { DesiredContainer, DesiredPort } from '../../../src/model/desired.ts';
import { makeInstance } from '../../helpers/instance.ts';
import { ended, runContainers } from '../container/a-container.ts';
import { closeStage, openStage, removeAll, useEngine } from '../container/use-engine.ts';
import { aNetwork, aPort, aServer, askFrom, HOST, onHost, start } from './stage.ts';

const stage = useEngine();
const holders: ChildProcess[] = [];
afterEach(() => {
  for (const one of holders.splice(0)) one.kill('SIGKILL');
});

/** A process that has sockets; `lines` of Python make them. Its name is what it is called in messages. */
async function holder(...lines: readonly string[]): Promise<number> {
  const script = ['from socket import *', 'import time', ...lines, 'print("ready", flush=True)', 'time.sleep(600)'];
  const child = spawn('python3', ['-c', script.join('\n')], { stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(child);
  await new Promise<void>((done, fail) => {
    child.stdout.once('data', () => done());
    child.once('exit', (code) => fail(new Error(`the holder ended with ${code}`)));
  });
  return child.pid!;
}
const tcp = (address: string, port: number, ...options: string[]): string[] => [
  `s${port} = socket(${address.includes(':') ? 'AF_INET6' : 'AF_INET'}, SOCK_STREAM)`,
  ...options.map((option) => `s${port}.setsockopt(${option}, 1)`),
  `s${port}.bind(('${address}', ${port})); s${port}.listen()`,
];
const udp = (address: string, port: number): string[] => [
  `u${port} = socket(${address.includes(':') ? 'AF_INET6' : 'AF_INET'}, SOCK_DGRAM); u${port}.bind(('${address}', ${port}))`,
];
const port = (hostIp: string, published: number, changes: Partial<DesiredPort> = {}): DesiredPort => ({
  ...aPort(String(published)),
  hostIp,
  ...changes,
});

/** What `up` would say, by the words behind the container's name. */
async function said(containers: readonly DesiredContainer[], leaving: readonly string[] = []): Promise<string[]> {
  const errors = await stage.engine.check({ containers, networks: [], volumes: [] }, new Set(leaving));
  return errors.map(({ message }) => message);
}
const web = (...ports: readonly DesiredPort[]) => aServer(stage, 'web', ['front'], { ports });
const told = async (...ports: readonly DesiredPort[]) => (await said([web(...ports)])).join('\n');
const front = () => stage.engine.networks.create([aNetwork('front', { enableIpv6: true })]);

test('all that are held are told at once, of every container, each with its process', async () => {
  await front();
  const one = await holder(...tcp('0.0.0.0', 8080), ...udp('0.0.0.0', 8053));
  const other = await holder(...tcp('::1', 8081));
  const containers = [
    web(port('', 8080), port('', 8081), port('', 9999)),
    aServer(stage, 'name', ['front'], { ports: [port('', 8053, { protocol: 'udp' })] }),
  ];
  expect(await said(containers)).toEqual([
    `cannot publish ports of web: 0.0.0.0:8080/tcp is held by python3 (pid ${one}), 0.0.0.0:8081/tcp is held by python3 (pid ${other})`,
    `cannot publish ports of name: 0.0.0.0:8053/udp is held by python3 (pid ${one})`,
  ]);
});

test('addresses: one that is held is in the way of all of them, and all of them are in the way of one', async () => {
  await front();
  await holder(
    ...tcp(HOST, 7001),
    ...tcp('0.0.0.0', 7002),
    ...tcp('::', 7003),
    ...tcp('::', 7004, 'IPPROTO_IPV6, IPV6_V6ONLY'),
    ...tcp('0.0.0.0', 7005, 'SOL_SOCKET, SO_REUSEPORT'),
    ...tcp('::1', 7006),
    ...udp('127.0.0.1', 7007),
  );
  const isHeld = async (hostIp: string, published: number, changes: Partial<DesiredPort> = {}) =>
    (await told(port(hostIp, published, changes))).includes('held by python3');
  const found: Record<string, boolean> = {};
  const asked: [string, string, number, Partial<DesiredPort>?][] = [
    ['one address, all asked for', '', 7001],
    ['one address, 0.0.0.0 asked for', '0.0.0.0', 7001],
    ['one address, another asked for', '127.0.0.1', 7001],
    ['one address of IPv4, all of IPv6 asked for', '::', 7001],
    ['0.0.0.0, one asked for', '127.0.0.1', 7002],
    ['0.0.0.0, one of IPv6 asked for', '::1', 7002],
    ['0.0.0.0, UDP asked for', '', 7002, { protocol: 'udp' }],
    [':: with IPv4, one of IPv4 asked for', '127.0.0.1', 7003],
    [':: with IPv4, 0.0.0.0 asked for', '0.0.0.0', 7003],
    [':: alone, 0.0.0.0 asked for', '0.0.0.0', 7004],
    [':: alone, all asked for', '', 7004],
    ['shared by SO_REUSEPORT', '', 7005],
    ['::1, all of IPv4 asked for', '0.0.0.0', 7006],
    ['::1, all of IPv6 asked for', '::', 7006],
    ['UDP on one address, all asked for', '', 7007, { protocol: 'udp' }],
  ];
  for (const [what, hostIp, published, changes] of asked) found[what] = await isHeld(hostIp, published, changes);
  expect(found).toEqual({
    'one address, all asked for': true,
    'one address, 0.0.0.0 asked for': true,
    'one address, another asked for': false,
    'one address of IPv4, all of IPv6 asked for': false,
    '0.0.0.0, one asked for': true,
    '0.0.0.0, one of IPv6 asked for': false,
    '0.0.0.0, UDP asked for': false,
    ':: with IPv4, one of IPv4 asked for': true,
    ':: with IPv4, 0.0.0.0 asked for': true,
    ':: alone, 0.0.0.0 asked for': false,
    ':: alone, all asked for': true,
    'shared by SO_REUSEPORT': true,
    '::1, all of IPv4 asked for': false,
    '::1, all of IPv6 asked for': true,
    'UDP on one address, all asked for': true,
  });
  // What it says is free can be had.
  await start(stage, [web(port('0.0.0.0', 7004), port('127.0.0.1', 7001), port('0.0.0.0', 7006))]);
});

test('one that is bound without being listened at, and the near end of a connection, are told too', async () => {
  await front();
  await holder(
    `s = socket(); s.bind(('0.0.0.0', 7101))`,
    `l = socket(); l.bind(('127.0.0.1', 7102)); l.listen()`,
    `c = socket(); c.bind(('127.0.0.1', 7103)); c.connect(('127.0.0.1', 7102))`,
    `u = socket(AF_INET, SOCK_DGRAM); u.bind(('127.0.0.1', 7104)); u.connect(('127.0.0.1', 9))`,
  );
  const message = await told(
    port('', 7101),
    port('', 7103),
    port('', 7104, { protocol: 'udp' }),
    port('', 7104, { protocol: 'tcp' }),
  );
  expect(message).toMatch(/7101\/tcp is held by a process that has bound it without listening/);
  expect(message).toMatch(/7103\/tcp is held by python3 \(pid \d+\)/);
  expect(message).toMatch(/7104\/udp is held by python3 \(pid \d+\)/);
  expect(message).not.toMatch(/7104\/tcp/);
});

test('ports that are chosen are none that a connection has, and a range that is all held says so', async () => {
  await front();
  await holder(
    `l = socket(); l.bind(('127.0.0.1', 7200)); l.listen()`,
    `c = socket(); c.bind(('127.0.0.1', 7201)); c.connect(('127.0.0.1', 7200))`,
  );
  const range = { published: 0, range: { first: 7200, last: 7202 } };
  await start(stage, [web({ ...port('', 0), ...range })]);
  expect((await stage.engine.containers.find('web'))!.publishers).toMatchObject([{ published: 7202 }]);
  const pid = await holder(...tcp('0.0.0.0', 7210), ...tcp('0.0.0.0', 7211));
  const full = { published: 0, range: { first: 7210, last: 7211 } };
  expect(await said([aServer(stage, 'second', ['front'], { ports: [{ ...port('', 0), ...full }] })])).toEqual([
    `cannot publish ports of second: 0.0.0.0:7210-7211/tcp is held by python3 (pid ${pid})`,
  ]);
});

test('an address that is not the host’s is told before', async () => {
  expect(await told(port('192.0.2.77', 8080))).toMatch(/192\.0\.2\.77:8080\/tcp is no address of this host/);
});

test('ports of own containers that stop or go in the same plan, or keep theirs, are not in the way; of others they are', async () => {
  await front();
  await start(stage, [web(port('', 8080), port('127.0.0.1', 8081), port('', 8082, { protocol: 'udp' }))]);
  const taker = aServer(stage, 'taker', ['front'], {
    ports: [port('', 8080), port('', 8081), port('127.0.0.1', 8082, { protocol: 'udp' })],
  });
  expect(await said([taker], ['web'])).toEqual([]);
  expect(await said([web(port('', 8080), port('', 8081), port('0.0.0.0', 8082, { protocol: 'udp' }))])).toEqual([]);
  expect(await said([taker])).toEqual([
    'cannot publish ports of taker: 0.0.0.0:8080/tcp is held by container web, 0.0.0.0:8081/tcp is held by container web, 127.0.0.1:8082/udp is held by container web',
  ]);
});

test('a container that has ended holds nothing: whoever takes its port meanwhile is named, and another container may have it', async () => {
  await front();
  await runContainers(
    stage.engine,
    [web(port('', 8080))].map((one) => ({ ...one, argv: ['true'] })),
  );
  await ended(stage.engine, 'web');
  const other = aServer(stage, 'zebra', ['front'], { ports: [port('', 8080)] });
  expect(await said([other])).toEqual([]);
  const pid = await holder(...tcp('0.0.0.0', 8080));
  expect(await told(port('', 8080))).toBe(
    `cannot publish ports of web: 0.0.0.0:8080/tcp is held by python3 (pid ${pid})`,
  );
  holders.splice(0)[0]!.kill('SIGKILL');
  await start(stage, [other]);
  expect(await askFrom(onHost, `${HOST}:8080`)).toMatch(/^zebra /);
});

test('a container of another instance is told to be one', async () => {
  const elsewhere = await openStage(await makeInstance());
  try {
    await elsewhere.engine.networks.create([aNetwork('front')]);
    await start(elsewhere, [aServer(elsewhere, 'theirs', ['front'], { ports: [port('', 8080)] })]);
    await stage.engine.networks.create([aNetwork('front')]);
    const { id } = (await elsewhere.engine.containers.find('theirs'))!;
    expect(await told(port('', 8080))).toMatch(
      new RegExp(
        `8080/tcp is held by container ${id.slice(0, 12)} of another instance \\(${elsewhere.instance.run}, pid \\d+\\)$`,
      ),
    );
  } finally {
    await removeAll(stage.engine);
    await closeStage(elsewhere);
  }
});
