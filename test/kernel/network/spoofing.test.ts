/** A container that may do anything in its own network, and lies about who it is. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { aNetwork, aServer, command, inside, openStage, outside, type Stage, start, stopAll } from './stage.ts';

let instance: Instance;
let stage: Stage;

beforeAll(async () => {
  instance = await makeInstance();
  stage = await openStage(instance);
});
afterAll(async () => {
  await stopAll(stage);
  await stage.engine.close();
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const LISTEN = `const s = require('dgram').createSocket('udp4');
s.on('message', (m, from) => console.log(String(m), from.address));
s.bind(9999, () => setTimeout(() => process.exit(0), 6000));`;
const send = (text: string, source: string) => `const s = require('dgram').createSocket('udp4');
s.bind(0, '${source}', () => s.send('${text}', 9999, '198.51.100.1', () => s.close()));`;

test('with an address of no subnet of its network it sends nothing beyond it', async () => {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
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
