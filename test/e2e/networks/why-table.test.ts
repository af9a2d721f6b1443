/** `tcompose why`: situations as people meet them, each made for real; the answer names the one hop that breaks, and what to do. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Why } from '../../../src/operations/why.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers } from '../checks.ts';

const httpd = (at: string) => `[sh, -c, "echo hi > /tmp/index.html && exec httpd -f -p ${at} -h /tmp"]`;
const service = (name: string, at: string, networks: string, more = '') =>
  `  ${name}: {image: busybox, command: ${httpd(at)}, networks: ${networks}, stop_grace_period: 0s${more && `, ${more}`}}`;
const stack = useStack({
  files: {
    'compose.yaml': `
name: why
services:
${service('web', '80', '[front, back]', 'ports: ["8080:80", "127.0.0.1:8081:80", "8083:83"]')}
${service('db', '5432', '[back]')}
${service('shy', '127.0.0.1:80', '[front]')}
${service('far', '80', '[apart]')}
${service('six', '[::]:80', '[six]')}
${service('peer6', '[::]:80', '[six]')}
${service('old', '0.0.0.0:80', '[six]')}
${service('trio', '80', '[front]', 'scale: 3')}
${service('mute', '80', '[silent]', 'expose: ["80"]')}
${service('deaf', '80', '[silent]')}
${service('friend', '80', '[silent]', 'links: [mute]')}
  machine: {image: busybox, command: ${httpd('8090')}, network_mode: host, stop_grace_period: 0s}
  alone: {image: busybox, command: ${httpd('80')}, network_mode: none, stop_grace_period: 0s}
networks:
  front: {ipam: {config: [{subnet: 10.91.1.0/24}]}}
  back: {internal: true, ipam: {config: [{subnet: 10.91.2.0/24}]}}
  apart: {}
  six: {enable_ipv4: false, enable_ipv6: true, ipam: {config: [{subnet: "fd00:91::/64"}]}}
  silent: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}, ipam: {config: [{subnet: 10.91.4.0/24}]}}
`,
  },
});
const run = (...argv: string[]) => execFileSync(argv[0]!, argv.slice(1), { encoding: 'utf8' });
const tcompose = (...argv: string[]) => stack.must(...argv);
const pidOf = async (name: string) => String((await containers(stack))[name]!.Pid);
const within = async (name: string, ...argv: string[]) => run('nsenter', '-t', await pidOf(name), '-n', ...argv);
const addressOf = async (name: string) =>
  (await within(name, 'ip', '-o', 'addr', 'show', 'eth0', 'scope', 'global')).replace(/.*inet6? ([^/]+).*/s, '$1');
/** Puts a rule first; gives what takes it away. */
const drop = (table: string, chain: string, ...match: string[]) => {
  run('iptables', '-t', table, '-I', chain, ...match, '-j', 'DROP');
  return () => run('iptables', '-t', table, '-D', chain, ...match, '-j', 'DROP');
};
/** The host has another way to the web server than its network; gives what takes that away. */
const shadow = async () => {
  const route = [`${await addressOf('web')}/32`, 'dev', 'eth0'];
  run('ip', 'route', 'add', ...route);
  return () => run('ip', 'route', 'del', ...route);
};

interface Situation {
  readonly ask: readonly string[] | (() => Promise<readonly string[]>);
  /** Makes it so; gives what makes it good again. */
  readonly make?: () => unknown;
  /** Absent: it works. */
  readonly hop?: string;
  readonly says?: RegExp;
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'what works': { ask: ['web', 'db:5432'] },
  'a wrong port': { ask: ['web', 'db:5433'], hop: 'listener', says: /5432/ },
  'a wrong protocol': {
    ask: ['web', 'db:5432', '--udp'],
    hop: 'listener',
    says: /5432 in why-db-1 listens for tcp, not for udp/,
  },
  'a listener on the loopback address': { ask: ['web', 'shy:80'], hop: 'listener', says: /127\.0\.0\.1.*0\.0\.0\.0/s },
  'a name with a slip': { ask: ['web', 'dbb:5432'], hop: 'name', says: /did you mean db\b/ },
  'a name with a slip, of a service elsewhere': { ask: ['web', 'fat:80'], hop: 'name', says: /did you mean far\b/ },
  'a name of a service on another network': {
    ask: ['web', 'far:80'],
    hop: 'name',
    says: /share no network.*web: \{networks: \[apart\]\}/s,
  },
  'its address': {
    ask: async () => ['web', `${await addressOf('far')}:80`],
    hop: 'address',
    says: /why-far-1's.*share no network/s,
  },
  'a name that nobody in the world has': {
    ask: ['web', 'nobody.invalid:80'],
    hop: 'name',
    says: /nobody\.invalid.*\/etc\/resolv\.conf/s,
  },
  'an internal network to the outside': {
    ask: ['db', '198.51.100.1:80'],
    hop: 'address',
    says: /every network of why-db-1 is internal/,
  },
  'an outside that refuses': { ask: ['web', '198.51.100.1:81'], hop: 'connect', says: /refused/ },
  'an outside that no route leads to': {
    ask: ['web', '203.0.113.9:80'],
    make: () => {
      run('ip', 'route', 'add', 'unreachable', '203.0.113.0/24');
      return () => run('ip', 'route', 'del', 'unreachable', '203.0.113.0/24');
    },
    hop: 'route',
    says: /203\.0\.113/,
  },
  'a default route that somebody took out of the container': {
    ask: ['web', '198.51.100.1:80'],
    make: async () => {
      const route = (await within('web', 'ip', 'route', 'show', 'default')).trim().split(/\s+/);
      await within('web', 'ip', 'route', 'del', 'default');
      return async () => await within('web', 'ip', 'route', 'add', ...route);
    },
    hop: 'route',
    says: /no route/,
  },
  'a target that is paused': {
    ask: ['web', 'db:5432'],
    make: async () => {
      await tcompose('pause', 'db');
      return async () => await tcompose('unpause', 'db');
    },
    hop: 'address',
    says: /paused.*unpause db/s,
  },
  'an asker that is paused': {
    ask: ['db', 'web:80'],
    make: async () => {
      await tcompose('pause', 'db');
      return async () => await tcompose('unpause', 'db');
    },
    hop: 'asker',
    says: /paused.*unpause db/s,
  },
  'a target that was stopped': {
    ask: ['web', 'db:5432'],
    make: async () => {
      await tcompose('stop', 'db');
      return async () => await tcompose('start', 'db');
    },
    hop: 'name',
    says: /why-db-1 does not run/,
  },
  'one of three replicas that does not listen': {
    ask: ['web', 'trio:80'],
    make: async () => {
      const rows = (await tcompose('ps', '-a', '--format', 'json')).split('\n').filter(Boolean);
      const { Pid } = rows.map((line) => JSON.parse(line)).find(({ Name }) => Name === 'why-trio-2');
      const inside = (...argv: string[]) => run('nsenter', '-t', String(Pid), '-n', ...argv);
      inside('iptables', '-I', 'INPUT', '-p', 'tcp', '--dport', '80', '-j', 'REJECT', '--reject-with', 'tcp-reset');
      return () => inside('iptables', '-F', 'INPUT');
    },
    hop: 'connect',
    says: /trio-2/,
  },
  'a port published on the loopback address, from outside': {
    ask: ['outside', 'web:80'],
    make: async () => {
      await stack.write('loop.yaml', 'services: {web: {ports: !override ["127.0.0.1:8081:80"]}}\n');
      await tcompose('-f', 'compose.yaml', '-f', 'loop.yaml', 'up', '-d');
      return async () => await tcompose('up', '-d');
    },
    hop: 'published',
    says: /loopback/,
  },
  'a port that is not published': { ask: ['host', 'db:5432'], hop: 'published', says: /not published.*5432:5432/s },
  'a published port at which nothing listens': { ask: ['host', 'web:83'], hop: 'listener', says: /83/ },
  'a rule of the user in DOCKER-USER': {
    ask: ['outside', 'web:80'],
    make: () => {
      run('iptables', '-N', 'DOCKER-USER');
      run('iptables', '-I', 'FORWARD', '-j', 'DOCKER-USER');
      run('iptables', '-A', 'DOCKER-USER', '-p', 'tcp', '-j', 'DROP');
      return () => {
        run('iptables', '-D', 'FORWARD', '-j', 'DOCKER-USER');
        run('iptables', '-F', 'DOCKER-USER');
        run('iptables', '-X', 'DOCKER-USER');
      };
    },
    hop: 'rules',
    says: /DOCKER-USER/,
  },
  'a rule of the user in FORWARD, on the way out': {
    ask: ['web', '198.51.100.1:80'],
    make: () => drop('filter', 'FORWARD', '-d', '198.51.100.1'),
    hop: 'rules',
    says: /FORWARD.*198\.51\.100\.1.*not tcompose's/s,
  },
  'a rule of the user in INPUT, before the host': {
    ask: ['web', 'host.docker.internal:8090'],
    make: () => drop('filter', 'INPUT', '-p', 'tcp', '--dport', '8090'),
    hop: 'rules',
    says: /INPUT.*8090/s,
  },
  'the host, by host.docker.internal': { ask: ['web', 'host.docker.internal:8090'] },
  'the host, where nothing listens': {
    ask: ['web', 'host.docker.internal:8099'],
    hop: 'listener',
    says: /8099/,
  },
  'a service on the network of the host, by its name': {
    ask: ['web', 'machine:8090'],
    hop: 'name',
    says: /host\.docker\.internal/,
  },
  'a service without a network': { ask: ['web', 'alone:80'], hop: 'name', says: /alone/ },
  'an asker without a network': { ask: ['alone', 'web:80'], hop: 'asker', says: /no network/ },
  'neighbours that may not talk': { ask: ['deaf', 'mute:80'], hop: 'rules', says: /enable_icc/ },
  'a link that opens the way': { ask: ['friend', 'mute:80'] },
  'a link opens only what is exposed': { ask: ['friend', 'mute:81'], hop: 'rules', says: /expose/ },
  'a link leads one way': { ask: ['mute', 'friend:80'], hop: 'rules', says: /links?/ },
  'IPv6 alone, which works': { ask: ['peer6', 'six:80'] },
  'IPv6 alone, asked from where there is none': { ask: ['web', 'six:80'], hop: 'name', says: /share no network/ },
  'IPv6 alone, and a listener on IPv4 only': { ask: ['peer6', 'old:80'], hop: 'listener', says: /IPv4|0\.0\.0\.0/ },
  'a route of the host that shadows a network': {
    ask: ['host', 'web:80'],
    make: shadow,
    hop: 'route',
    says: /eth0/,
  },
  'strict rp_filter and a source that the host has another way to': {
    ask: ['web', '198.51.100.1:7'],
    make: shadow,
    hop: 'route',
    says: /eth0/,
  },
  'a published port whose network the host has another way to': {
    ask: ['outside', 'web:80'],
    make: shadow,
    hop: 'route',
    says: /shadows/,
  },
  'a program of the host that listens on its loopback address alone': {
    ask: ['web', 'host.docker.internal:8095'],
    make: async () => {
      const listener = createServer().listen(8095, '127.0.0.1');
      await once(listener, 'listening');
      return () => listener.close();
    },
    hop: 'listener',
    says: /127\.0\.0\.1 only.*0\.0\.0\.0/s,
  },
  'a link, and nothing that listens behind it': {
    ask: ['friend', 'mute:80'],
    make: async () => {
      await stack.write('link.yaml', `services: {mute: {command: ${httpd('81')}}}\n`);
      await tcompose('-f', 'compose.yaml', '-f', 'link.yaml', 'up', '-d');
      return async () => await tcompose('up', '-d');
    },
    hop: 'listener',
    says: /nothing listens on port 80/,
  },
  'a replica of its own, by container name': { ask: ['web', 'why-trio-3:80'] },
};

async function why(argv: readonly string[]): Promise<Why> {
  const { stdout, stderr } = await stack.run('why', '--format', 'json', ...argv);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Why;
}

beforeAll(async () => {
  await tcompose('up', '-d');
  await eventually(async () => expect((await why(['host', 'web:80'])).works).toBe(true));
});
afterAll(async () => {
  await stack.run('down', '-v');
});

describe('why', () => {
  test.each(Object.entries(SITUATIONS))('%s', async (_, { ask, make, hop, says }) => {
    const undo = (await make?.()) as (() => unknown) | undefined;
    try {
      const answer = await why(typeof ask === 'function' ? await ask() : ask);
      const told = answer.hops.find((one) => one.hop === answer.brokenAt);
      const told2 = JSON.stringify(answer.hops, null, 1);
      expect([answer.works, answer.brokenAt], told2).toEqual([hop === undefined, hop]);
      if (says) expect(`${told?.says}\n${told?.help}`, told2).toMatch(says);
    } finally {
      await undo?.();
    }
  });
});
