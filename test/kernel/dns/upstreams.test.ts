/** Names of the outside: as the host itself resolves them, at this moment, whatever its resolv.conf says and becomes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { removeAll, useEngine } from '../container/use-engine.ts';
import { addressOf, aNetwork, aServer, command, start } from '../network/stage.ts';
import { UPSTREAM } from './ask.ts';

const stage = useEngine();
const RESOLV = '/etc/resolv.conf';
let servers: ChildProcess[] = [];
let mounts = 0;

/** Answers everything with `answer`; more of dnsmasq's words besides. */
async function upstream(address: string, answer: string, ...more: string[]): Promise<ChildProcess> {
  const server = spawn('dnsmasq', [...UPSTREAM, `--listen-address=${address}`, `--address=/#/${answer}`, ...more]);
  servers.push(server);
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([address]);
  await eventually(async () => await resolver.resolve4('up.example'));
  return server;
}
const file = (name: string) => `${stage.instance.root}/${name}`;
async function hostSays(name: string, text: string): Promise<void> {
  mkdirSync(stage.instance.root, { recursive: true });
  writeFileSync(file(name), text);
  await command('mount', '--bind', file(name), RESOLV);
  mounts += 1;
}
beforeEach(async () => {
  for (const octet of [11, 12, 13]) await command('ip', 'address', 'replace', `198.51.100.${octet}/32`, 'dev', 'lo');
});
afterEach(async () => {
  for (; mounts > 0; mounts--) await command('umount', RESOLV);
  for (const server of servers) server.kill('SIGKILL');
  servers = [];
  for (const octet of [11, 12, 13]) await command('ip', 'address', 'del', `198.51.100.${octet}/32`, 'dev', 'lo');
});

/** By a resolver in the container's network, at 127.0.0.11, that asks twice within five seconds, as musl's does. */
async function ask(name: string, type = 'A'): Promise<string> {
  const { pid } = (await stage.engine.containers.find('web'))!;
  const script = `const r = new (require('dns').promises.Resolver)({ timeout: 2500, tries: 2 }); r.setServers(['127.0.0.11']);
r.resolve(process.argv[1], process.argv[2]).then((a) => console.log(JSON.stringify(a)), (e) => console.log(e.code));`;
  const argv = ['nsenter', '-t', String(pid), '-n', process.execPath, '-e', script, name, type];
  return (await command(...argv)).trim();
}
async function web(): Promise<void> {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [aServer(stage, 'web', ['front'])]);
}

test('the first server of the host is asked, the next one when it is silent', async () => {
  await upstream('198.51.100.12', '192.0.2.12');
  const first = await upstream('198.51.100.11', '192.0.2.11');
  await hostSays('two', 'nameserver 198.51.100.11\nnameserver 198.51.100.12\n');
  await web();
  for (let i = 0; i < 20; i++) expect(await ask(`n${i}.example`)).toBe('["192.0.2.11"]');
  first.kill('SIGSTOP');
  expect(await ask('silent.example')).toBe('["192.0.2.12"]');
  first.kill('SIGCONT');
});

test('who says that it cannot tell is passed over for the next one, and when it is the only one, that is said at once', async () => {
  const unable = ['--no-resolv', '--keep-in-foreground', '--conf-file=/dev/null', '--bind-interfaces', '--pid-file='];
  // Without anybody to ask it refuses.
  servers.push(spawn('dnsmasq', [...unable, '--listen-address=198.51.100.13']));
  await upstream('198.51.100.12', '192.0.2.12');
  await hostSays('unable', 'nameserver 198.51.100.13\nnameserver 198.51.100.12\n');
  await web();
  expect(await ask('a.example')).toBe('["192.0.2.12"]');
  await removeAll(stage.engine);
  await hostSays('alone', 'nameserver 198.51.100.13\n');
  await web();
  // Not ETIMEOUT.
  expect(await ask('b.example')).toBe('EREFUSED');
});

test('another content of the file, and another file, are followed while the container runs', async () => {
  await upstream('198.51.100.11', '192.0.2.11');
  await upstream('198.51.100.12', '192.0.2.12');
  await upstream('198.51.100.13', '192.0.2.13');
  await hostSays('one', 'nameserver 198.51.100.11\n');
  await web();
  expect(await ask('a.example')).toBe('["192.0.2.11"]');
  writeFileSync(file('one'), 'nameserver 198.51.100.12\n');
  await eventually(async () => expect(await ask('b.example')).toBe('["192.0.2.12"]'));
  await hostSays('other', 'nameserver 198.51.100.13\n');
  await eventually(async () => expect(await ask('c.example')).toBe('["192.0.2.13"]'));
});

test('the stub of systemd-resolved is asked, so that its domains lead where they lead for the host', async () => {
  // What resolved does with a domain of a link (resolvectl domain wg0 ~corp): another server for it.
  await upstream('198.51.100.12', '10.8.0.5');
  await upstream('127.0.0.53', '192.0.2.53', '--server=/corp.example/198.51.100.12');
  await hostSays('stub', 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch corp.example\n');
  await web();
  expect(await ask('public.example')).toBe('["192.0.2.53"]');
  expect(await ask('wiki.corp.example')).toBe('["10.8.0.5"]');
});

test('long answers come whole: over TCP, and over UDP to who says that it takes them', async () => {
  const texts = Array.from({ length: 9 }, (_, i) => String(i).repeat(200));
  await upstream(
    '198.51.100.11',
    '192.0.2.11',
    `--txt-record=long.example,${texts.join(',')}`,
    '--edns-packet-max=4096',
  );
  await hostSays('long', 'nameserver 198.51.100.11\n');
  await web();
  // c-ares asks by UDP, sees that it was cut, and asks again by TCP.
  expect(JSON.parse(await ask('long.example', 'TXT'))).toEqual([texts]);
});

test('addresses of containers have names, those of others are asked for outside', async () => {
  await upstream('198.51.100.11', '192.0.2.11', '--ptr-record=9.2.0.192.in-addr.arpa,nine.example');
  await hostSays('reverse', 'nameserver 198.51.100.11\n');
  await web();
  const address = await addressOf(stage, 'web', 'front');
  const reversed = (text: string) => `${text.split('.').reverse().join('.')}.in-addr.arpa`;
  expect(await ask(reversed(address), 'PTR')).toBe('["web.front"]');
  expect(await ask(reversed('192.0.2.9'), 'PTR')).toBe('["nine.example"]');
  expect(await ask(reversed(address.replace(/\d+$/, '250')), 'PTR')).toBe('ENOTFOUND');
});
