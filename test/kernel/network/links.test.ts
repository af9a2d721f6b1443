/** On a network whose containers cannot reach each other, a link opens exactly the exposed ports, in one direction. */
import { expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { addressOf, aNetwork, aServer, askFrom, inside, start } from './stage.ts';

const stage = useEngine();

test('who has the link reaches what is exposed, nothing else; nobody else reaches anything', async () => {
  const quiet = { driverOpts: { 'com.docker.network.bridge.enable_icc': 'false' } };
  await stage.engine.networks.create([aNetwork('quiet', quiet)]);
  const serving =
    'mkdir -p /tmp/cgi-bin; printf "#!/bin/sh\\necho; echo db" > /tmp/cgi-bin/who; chmod 755 /tmp/cgi-bin/who; ';
  const argv = ['sh', '-c', `${serving}httpd -p 8081 -h /tmp; exec httpd -f -p 80 -h /tmp`];
  await start(stage, [
    aServer(stage, 'db', ['quiet'], { argv, exposed: ['80/tcp'] }),
    aServer(stage, 'web', ['quiet'], { links: [{ container: 'db', aliases: ['db'] }] }),
    aServer(stage, 'other', ['quiet']),
  ]);
  const db = await addressOf(stage, 'db', 'quiet');
  const web = await addressOf(stage, 'web', 'quiet');
  const from = async (asker: string, address: string) =>
    (await askFrom(await inside(stage.engine, asker), address)) === '-' ? 'cut off' : 'reaches';
  expect({
    'web to what db exposes': await from('web', db),
    'web to another port of db': await from('web', `${db}:8081`),
    'other to what db exposes': await from('other', db),
    'db to web': await from('db', web),
    'other to web': await from('other', web),
  }).toEqual({
    'web to what db exposes': 'reaches',
    'web to another port of db': 'cut off',
    'other to what db exposes': 'cut off',
    'db to web': 'cut off',
    'other to web': 'cut off',
  });
  const { failed } = await stage.engine.containers.update([aServer(stage, 'web', ['quiet'])]);
  expect([...failed.values()]).toEqual([]);
  expect(await from('web', db)).toBe('cut off');
});

test('what is run beside the program is told of the links, as the program is', async () => {
  await stage.engine.networks.create([aNetwork('told')]);
  await start(stage, [
    aServer(stage, 'db', ['told'], { exposed: ['80/tcp'] }),
    aServer(stage, 'web', ['told'], { links: [{ container: 'db', aliases: ['my-db'] }], linkEnv: true }),
  ]);
  const hook = { argv: ['sh', '-c', 'printf "$MY_DB_PORT"'], env: {}, privileged: false };
  const { output } = await stage.engine.containers.runHook('web', hook);
  expect(output).toBe(`tcp://${await addressOf(stage, 'db', 'told')}:80`);
});
