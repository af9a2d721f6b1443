/**
 * Containers under firewalls of the host's: rules as ufw 0.36 and firewalld 1.3 (its nftables backend, zone `public`) load them, without
 * what only logs. What is found here is what warnings and the doctor say.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { execIn } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';
import {
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
} from './stage.ts';

const stage = useEngine();
const load = (program: readonly [string, ...string[]], input: string) =>
  execFileSync(program[0], program.slice(1), { input, stdio: ['pipe', 'ignore', 'inherit'] });

const UFW_CHAINS = ['input', 'forward', 'output'].flatMap((hook) =>
  ['before', 'after', 'user'].map((place) => `:ufw-${place}-${hook} - [0:0]`),
);
const UFW = [
  '*filter',
  ':INPUT DROP [0:0]',
  ':FORWARD DROP [0:0]',
  ...UFW_CHAINS,
  ':ufw-not-local - [0:0]',
  ...['INPUT', 'FORWARD', 'OUTPUT'].flatMap((hook) =>
    ['before', 'after'].map((place) => `-A ${hook} -j ufw-${place}-${hook.toLowerCase()}`),
  ),
  '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT',
  '-A ufw-before-forward -j ufw-user-forward',
  '-A ufw-before-input -i lo -j ACCEPT',
  '-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A ufw-before-input -m conntrack --ctstate INVALID -j DROP',
  '-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT',
  '-A ufw-before-input -j ufw-not-local',
  '-A ufw-before-input -j ufw-user-input',
  '-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN',
  '-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN',
  '-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN',
  '-A ufw-not-local -j DROP',
  'COMMIT',
  '',
].join('\n');

/** `trusted`: interfaces of that zone. */
const firewalld = (trusted: string): string => `
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ${trusted && `iifname "${trusted}" accept`}
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport 22 accept
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ${trusted && `iifname "${trusted}" accept`}
    reject with icmpx admin-prohibited
  }
}
`;

/** Something that containers ask for on another machine. */
let server: ChildProcess;
beforeAll(async () => {
  const script = `require('http').createServer((_, a) => a.end('out')).listen(8000, () => console.log('ready'))`;
  server = spawn('ip', ['netns', 'exec', 'outside', process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((done) => server.stdout!.once('data', done));
});
afterAll(() => void server.kill('SIGKILL'));

afterEach(async () => {
  await command('nft', 'delete', 'table', 'inet', 'firewalld').catch(() => undefined);
  for (const chain of ['INPUT', 'FORWARD']) await command('iptables', '-P', chain, 'ACCEPT');
  for (const hook of ['INPUT', 'FORWARD', 'OUTPUT'])
    for (const place of ['before', 'after'])
      await command('iptables', '-D', hook, '-j', `ufw-${place}-${hook.toLowerCase()}`).catch(() => undefined);
  const saved = await command('iptables-save', '-t', 'filter');
  const chains = [...saved.matchAll(/^:(ufw-\S+)/gm)].map(([, name]) => name!);
  for (const what of ['-F', '-X']) for (const chain of chains) await command('iptables', what, chain);
});

async function startAll(): Promise<void> {
  await stage.engine.networks.create([aNetwork('front')]);
  await start(stage, [
    aServer(stage, 'web', ['front'], { ports: ['8080', '127.0.0.1:8081'].map(aPort) }),
    aServer(stage, 'app', ['front']),
  ]);
}

async function looked(): Promise<Record<string, boolean>> {
  const answers = async (place: Place, address: string) => (await askFrom(place, address)).startsWith('web ');
  const does = async (...argv: string[]) => (await execIn(stage.engine, 'app', argv)) === 0;
  return {
    'published, from outside': await answers(outside, `${HOST}:8080`),
    'published on 127.0.0.1, from outside': await answers(outside, `${HOST}:8081`),
    'published, from this host': await answers(onHost, '127.0.0.1:8080'),
    'on 127.0.0.1, from this host': await answers(onHost, '127.0.0.1:8081'),
    'a name, from a container': await does('nslookup', 'web'),
    'the way out, from a container': (await askFrom(await inside(stage.engine, 'app'), '198.51.100.1:8000')) === 'out',
  };
}
const ALL_WELL = {
  'published, from outside': true,
  'published on 127.0.0.1, from outside': false,
  'published, from this host': true,
  'on 127.0.0.1, from this host': true,
  'a name, from a container': true,
  'the way out, from a container': true,
};

test('ufw, there before or enabled later, is asked about nothing that containers do: published ports are open', async () => {
  load(['iptables-restore', '--noflush'], UFW);
  await startAll();
  expect(await looked()).toEqual(ALL_WELL);
  // As `ufw reload`: its chains and policies once more.
  load(['iptables-restore', '--noflush'], UFW.replace(/^-A [A-Z]+ .*\n/gm, ''));
  expect(await looked()).toEqual(ALL_WELL);
});

test('under firewalld published ports work; names and the way out do as soon as a zone has the bridges', async () => {
  await startAll();
  load(['nft', '-f', '-'], firewalld(''));
  expect(await looked()).toEqual({
    ...ALL_WELL,
    'a name, from a container': false,
    'the way out, from a container': false,
  });
  // firewall-cmd --permanent --zone=trusted --add-interface=tcb+
  await command('nft', 'delete', 'table', 'inet', 'firewalld');
  load(['nft', '-f', '-'], firewalld('tcb*'));
  expect(await looked()).toEqual(ALL_WELL);
});
