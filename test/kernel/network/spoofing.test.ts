/** A container that may do anything in its own network, and lies about who it is. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { addressBytes, macBytes } from '../../../engine/network/addresses.ts';
import type { DesiredContainer, DesiredNetwork } from '../../../src/model/desired.ts';
import { buildProbe } from '../../helpers/build-probe.ts';
import { useEngine } from '../container/use-engine.ts';
import { aNetwork, aServer, askFrom, command, inside, outside, start } from './stage.ts';

const stage = useEngine();

const OPEN = { 'tcompose.anti_spoofing': 'false' };
/** What a program inside that has NET_ADMIN could do as well. */
const ROUTER = { sysctls: { 'net.ipv4.ip_forward': '1' } };

const LISTEN = `const s = require('dgram').createSocket('udp4');
s.on('message', (m, from) => console.log(String(m), from.address));
s.bind(9999, () => setTimeout(() => process.exit(0), 6000));`;
const send = (text: string, source: string) => `const s = require('dgram').createSocket('udp4');
s.bind(0, '${source}', () => s.send('${text}', 9999, '198.51.100.1', () => s.close()));`;

test.each<[string, Partial<DesiredContainer>]>([
  ['a container', {}],
  ['a router', ROUTER],
])('with an address of no subnet of its network %s sends nothing beyond it', async (_, changes) => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'], changes)]);
  const web = await inside(stage.engine, 'web');
  const { ipv4 } = (await stage.engine.containers.find('web'))!.endpoints[0]!;
  await command(...web, 'ip', 'address', 'add', '203.0.113.77/32', 'dev', 'eth0');

  const heard = command(...outside, process.execPath, '-e', LISTEN);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await command(...web, process.execPath, '-e', send('lie', '203.0.113.77'));
  await command(...web, process.execPath, '-e', send('truth', ipv4!));
  // What is true arrives, behind the host's address.
  expect((await heard).trim()).toBe('truth 198.51.100.2');
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ip = (address: string): string => hex(addressBytes(address));
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

const frame = (from: string, type: string, body: string, to = BROADCAST) =>
  `${hex(macBytes(to))}${hex(macBytes(from))}${type}${body}`;
/** Becomes a number of its own in each frame. */
const MARK = 'c0ffee00';
/** An answer that nobody has asked for: ADDRESS is at HARDWARE. */
const arp = (hardware: string, address: string, asked: string) =>
  `0001080006040002${hex(macBytes(hardware))}${ip(address)}${hex(macBytes(BROADCAST))}${ip(asked)}${MARK}`;
/** UDP. Who filters bridged frames drops those whose header is wrong. */
function v4(from: string, to: string): string {
  const header = (sum: string) => `45000020000100004011${sum}${ip(from)}${ip(to)}`;
  let sum = header('0000')
    .match(/.{4}/g)!
    .reduce((total, word) => total + Number.parseInt(word, 16), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return `${header((0xffff - sum).toString(16).padStart(4, '0'))}00010002000c0000${MARK}`;
}
const v6 = (from: string, to: string, next = '3b', message = '') => {
  const payload = message + MARK;
  return `60000000${(payload.length / 2).toString(16).padStart(4, '0')}${next}ff${ip(from)}${ip(to)}${payload}`;
};
const icmp6 = (type: number, target = '::') => `${type.toString(16)}00000020000000${ip(target)}`;

interface Party {
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

const linkLocal = (mac: string) => {
  const [a, b, c, d, e, f] = mac.split(':').map((byte) => Number.parseInt(byte, 16)) as number[];
  return `fe80::${((a! ^ 2) * 256 + b!).toString(16)}:${(c! * 256 + 255).toString(16)}:${(0xfe00 + d!).toString(16)}:${(e! * 256 + f!).toString(16)}`;
};

/** What `web` says to `app`, by name. */
function speeches(web: Party, app: Party, db: Party, gateway: string): Record<string, string> {
  const say = (type: string, body: string) => frame(web.mac, type, body);
  return {
    'IPv4 of its own': say('0800', v4(web.ipv4, app.ipv4)),
    'IPv4 of a neighbour': say('0800', v4(db.ipv4, app.ipv4)),
    'IPv4 of the gateway': say('0800', v4(gateway, app.ipv4)),
    'IPv4 of the outside': say('0800', v4('203.0.113.77', app.ipv4)),
    'the hardware address of a neighbour': frame(db.mac, '0800', v4(web.ipv4, app.ipv4)),
    'IPv4 of a neighbour in a priority tag': say('81000000', `0800${v4(db.ipv4, app.ipv4)}`),
    'IPv4 of a neighbour in two tags': say('81000000', `81000000${`0800${v4(db.ipv4, app.ipv4)}`}`),
    'ARP of its own': say('0806', arp(web.mac, web.ipv4, app.ipv4)),
    'ARP probe': say('0806', arp(web.mac, '0.0.0.0', app.ipv4)),
    'ARP for a neighbour': say('0806', arp(web.mac, db.ipv4, app.ipv4)),
    'ARP for the gateway': say('0806', arp(web.mac, gateway, app.ipv4)),
    'ARP that leads to a neighbour': say('0806', arp(db.mac, web.ipv4, app.ipv4)),
    'IPv6 of its own': say('86dd', v6(web.ipv6, app.ipv6)),
    'IPv6 of its own link': say('86dd', v6(linkLocal(web.mac), app.ipv6)),
    'IPv6 of a neighbour': say('86dd', v6(db.ipv6, app.ipv6)),
    'IPv6 of the link of another': say('86dd', v6('fe80::77', app.ipv6)),
    'IPv6 of the outside': say('86dd', v6('2001:db8:7::7', app.ipv6)),
    'whether an address is free': say('86dd', v6('::', 'ff02::1', '3a', icmp6(135, web.ipv6))),
    'advertisement of its own': say('86dd', v6(web.ipv6, 'ff02::1', '3a', icmp6(136, web.ipv6))),
    'advertisement of a neighbour': say('86dd', v6(web.ipv6, 'ff02::1', '3a', icmp6(136, db.ipv6))),
    'advertisement of a router': say('86dd', v6(linkLocal(web.mac), 'ff02::1', '3a', icmp6(134))),
    redirect: say('86dd', v6(linkLocal(web.mac), 'ff02::1', '3a', icmp6(137, db.ipv6))),
  };
}

const party = async (name: string): Promise<Party> => {
  const { mac, ipv4, ipv6 } = (await stage.engine.containers.find(name))!.endpoints[0]!;
  return { mac: mac!, ipv4: ipv4!, ipv6: ipv6! };
};

/** Which of them arrive. */
async function heardBy(listener: string, speaker: string, said: Readonly<Record<string, string>>): Promise<string[]> {
  const forger = buildProbe('forger');
  const [program, ...argv] = [...(await inside(stage.engine, listener)), forger, 'hear', 'eth0', '3'];
  const listening = spawn(program!, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  await new Promise<void>((resolve) => {
    listening.stdout.on('data', (bytes) => {
      heard += bytes;
      resolve();
    });
  });
  const ended = new Promise((resolve) => listening.on('close', resolve));
  const marks = Object.keys(said).map((_, i) => `c0ffee${(i + 16).toString(16)}`);
  const frames = Object.values(said).map((bytes, i) => bytes.replace(MARK, marks[i]!));
  await command(...(await inside(stage.engine, speaker)), forger, 'send', 'eth0', ...frames);
  await ended;
  return Object.keys(said).filter((_, i) => heard.includes(marks[i]!));
}

async function whoHears(network: Partial<DesiredNetwork>, speaker: Partial<DesiredContainer>): Promise<string[]> {
  await stage.engine.networks.create([aNetwork('front', { enableIpv6: true, ...network })]);
  await start(stage, [
    aServer(stage, 'web', ['front'], speaker),
    aServer(stage, 'app', ['front']),
    aServer(stage, 'db', ['front']),
  ]);
  const [web, app, db] = await Promise.all(['web', 'app', 'db'].map(party));
  const { subnets } = (await stage.engine.networks.find('front'))!;
  const gateway = subnets.find(({ subnet }) => !subnet.includes(':'))!.gateway;
  return await heardBy('app', 'web', speeches(web!, app!, db!, gateway));
}

const TRUE = [
  'IPv4 of its own',
  'ARP of its own',
  'ARP probe',
  'IPv6 of its own',
  'IPv6 of its own link',
  'whether an address is free',
  'advertisement of its own',
];

test('of all that a container says of itself and of others on its network, what is true arrives', async () => {
  expect(await whoHears({}, {})).toEqual(TRUE);
  const own = await command(
    ...(await inside(stage.engine, 'web')),
    'ip',
    '-6',
    '-o',
    'address',
    'show',
    'scope',
    'link',
  );
  expect(own).toContain(` ${linkLocal((await party('web')).mac)}/64`);
});

test('a container that forwards may pass on what comes from elsewhere, and nothing of its neighbours', async () => {
  const passedOn = ['IPv4 of the outside', 'IPv6 of the outside', 'advertisement of a router', 'redirect'];
  expect((await whoHears({}, ROUTER)).sort()).toEqual([...TRUE, ...passedOn].sort());
});

test('on a network that asks for it, everything arrives', async () => {
  const all = Object.keys(speeches(...([1, 2, 3].map(() => NOBODY) as [Party, Party, Party]), '10.0.0.1'));
  expect(await whoHears({ driverOpts: OPEN }, {})).toEqual(all);
});
const NOBODY: Party = { mac: '02:00:00:00:00:01', ipv4: '10.0.0.2', ipv6: 'fd00::2' };

test('a neighbour that is asked for is found where it is, whoever claims to be it', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(
    stage,
    ['web', 'app', 'db'].map((name) => aServer(stage, name, ['front'])),
  );
  const [[web, app, db], place] = [
    await Promise.all(['web', 'app', 'db'].map(party)),
    await inside(stage.engine, 'app'),
  ];
  expect(await askFrom(place, db!.ipv4)).toBe(`db ${app!.ipv4}`);
  const entry = async () => await command(...place, 'ip', 'neigh', 'show', db!.ipv4);
  const forged = frame(web!.mac, '0806', arp(web!.mac, db!.ipv4, app!.ipv4), app!.mac);
  await command(...(await inside(stage.engine, 'web')), buildProbe('forger'), 'send', 'eth0', forged);
  expect(await entry()).toContain(db!.mac);
  expect(await askFrom(place, db!.ipv4)).toBe(`db ${app!.ipv4}`);
});

test('who is given another address while it runs speaks with that one, and no more with the old when somebody else has it', async () => {
  await stage.engine.networks.create([aNetwork('front', { enableIpv6: true })]);
  await start(stage, [aServer(stage, 'web', ['front']), aServer(stage, 'app', ['front'])]);
  const old = await party('web');
  const attachments = [{ network: 'front', aliases: ['web'], ipv4: old.ipv4.replace(/\d+$/, '77') }];
  await stage.engine.containers.update([aServer(stage, 'web', [], { attachments })]);
  const [web, app] = [await party('web'), await party('app')];
  expect(await askFrom(await inside(stage.engine, 'web'), app.ipv4)).toBe(`app ${web.ipv4}`);

  await start(stage, [aServer(stage, 'db', ['front'])]);
  expect((await party('db')).ipv4).toBe(old.ipv4);
  const said = {
    now: frame(web.mac, '0800', v4(web.ipv4, app.ipv4)),
    once: frame(web.mac, '0800', v4(old.ipv4, app.ipv4)),
  };
  expect(await heardBy('app', 'web', said)).toEqual(['now']);
});

test('whoever empties the tables of nftables finds ours back with the next change of a container', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
  const rules = async () => (await command('nft', 'list', 'tables', 'bridge')).trim();
  const before = await rules();
  expect(before).toMatch(/^table bridge tcompose-[0-9a-f]{4}$/);
  await command('nft', 'delete', ...before.split(' '));
  await start(stage, [aServer(stage, 'app', ['front'])]);
  expect(await rules()).toBe(before);
});
