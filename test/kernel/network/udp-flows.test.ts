/** A client of UDP goes on sending from the same port while the container behind the published port changes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useEngine } from '../container/use-engine.ts';
import { aNetwork, aPort, aServer, inside, outside, start } from './stage.ts';

const stage = useEngine();
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** Sends twenty packets a second from port 4000, as long as it lives. */
const CLIENT = `
const { createSocket } = require('node:dgram');
const [host, family] = process.argv.slice(1);
const socket = createSocket(family);
socket.on('message', (message) => console.log(String(message).trim()));
socket.on('error', () => {});
socket.bind(4000, () => setInterval(() => socket.send('?', 5300, host, () => {}), 50));
`;

/** In the container's network, at port 53: answers with the container's name. */
const SERVER = `
const { createSocket } = require('node:dgram');
const socket = createSocket('udp6');
socket.on('message', (_, { address, port }) => socket.send(process.argv[1], port, address));
socket.bind(53);
`;

async function serve(name: string, ipv4: string, ipv6: string) {
  const attachments = [{ network: 'front', aliases: [], ipv4, ipv6 }];
  await start(stage, [aServer(stage, name, ['front'], { ports: [aPort('5300:53/udp')], attachments })]);
  const [program, ...argv] = await inside(stage.engine, name);
  started.push(spawn(program!, [...argv, process.execPath, '-e', SERVER, name]));
}

test.each([
  ['IPv4', '198.51.100.2', 'udp4'],
  ['IPv6', '2001:db8:1::2', 'udp6'],
])('its packets arrive at the new one, over %s', async (_, host, family) => {
  await stage.engine.networks.create([
    aNetwork('front', {
      enableIpv6: true,
      ipam: [
        { subnet: '172.30.9.0/24', auxAddresses: {} },
        { subnet: 'fd00:9::/64', auxAddresses: {} },
      ],
    }),
  ]);
  const client = spawn(outside[0]!, [...outside.slice(1), process.execPath, '-e', CLIENT, host, family]);
  let heard = '';
  client.stdout.on('data', (part: Buffer) => {
    heard = String(part).trim().split('\n').at(-1)!;
  });
  const hears = (name: string) =>
    eventually(async () => {
      if (heard !== name) throw new Error(`heard "${heard}", not "${name}"`);
    });
  started.push(client);
  // It has sent before anybody was there: that flow leads to the host.
  await new Promise((done) => setTimeout(done, 300));
  await serve('first', '172.30.9.10', 'fd00:9::10');
  await hears('first');
  await stage.engine.containers.remove(['first'], { anonymousVolumes: true });
  await serve('second', '172.30.9.20', 'fd00:9::20');
  await hears('second');
});
