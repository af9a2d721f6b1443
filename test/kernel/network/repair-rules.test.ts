/** What a reload of the host's firewall takes away is named, and put back; connections that are open go on meanwhile. */
import { execFileSync, spawn } from 'node:child_process';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { runContainers } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';
import {
  addressOf,
  aNetwork,
  aPort,
  aServer,
  askFrom,
  command,
  HOST,
  inside,
  onHost,
  outside,
  start,
} from './stage.ts';

const stage = useEngine();
const HOST6 = '[2001:db8:1::2]';

beforeEach(async () => {
  await stage.engine.networks.create([aNetwork('front', { enableIpv6: true })]);
  await start(stage, [aServer(stage, 'web', ['front'], { ports: [aPort('8080')] }), aServer(stage, 'app', ['front'])]);
  // A server that says every line again, for a connection that stays open.
  const echo = aServer(stage, 'echo', ['front'], {
    argv: ['sh', '-c', 'while true; do nc -l -p 80 -e cat; done'],
    ports: [aPort('8090')],
  });
  await runContainers(stage.engine, [echo]);
});

async function damage(): Promise<string[]> {
  const { networks, containers } = await stage.engine.snapshot();
  return [...networks, ...containers].flatMap(({ damage }) => damage.map(({ what }) => what));
}

async function mend(): Promise<void> {
  const { networks, containers } = await stage.engine.snapshot();
  const damaged = (all: readonly { name: string; damage: readonly unknown[] }[]) =>
    all.filter(({ damage }) => damage.length > 0).map(({ name }) => name);
  await stage.engine.networks.repair(damaged(networks));
  const { failed } = await stage.engine.containers.repair(damaged(containers));
  expect([...failed]).toEqual([]);
  expect(await damage()).toEqual([]);
}

async function works(): Promise<void> {
  const app = await inside(stage.engine, 'app');
  const asked = await Promise.all([
    askFrom(outside, `${HOST}:8080`),
    askFrom(outside, `${HOST6}:8080`),
    askFrom(onHost, '127.0.0.1:8080'),
    askFrom(app, await addressOf(stage, 'web', 'front')),
    askFrom(app, `${HOST}:8080`),
  ]);
  expect(asked.map((answer) => answer.split(' ')[0])).toEqual(asked.map(() => 'web'));
}

/** By way of the published port, from another machine: says whether a line still comes back. */
async function openConnection() {
  const script = `const s = require('net').connect(8090, '${HOST}'); process.stdin.pipe(s).pipe(process.stdout)`;
  const argv = ['netns', 'exec', 'outside', process.execPath, '-e', script];
  const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  child.stdout.on('data', (data: Buffer) => lines.push(...data.toString().split('\n').filter(Boolean)));
  const says = async (line: string) => {
    child.stdin.write(`${line}\n`);
    await eventually(async () => expect(lines).toContain(line));
  };
  await says('first');
  return { says, close: () => child.kill('SIGKILL') };
}

const restore = (program: string, text: string) =>
  execFileSync(program, [], { input: text, stdio: ['pipe', 'ignore', 'inherit'] });
/** What another firewall loads: its own rules, all others gone. */
const FOREIGN =
  ['mangle', 'nat', 'filter'].map((table) => `*${table}\nCOMMIT\n`).join('') + '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n';

const GUARD = 'the guard of network front against forged addresses';
const MAP = 'the port map of web (8080/tcp)';
const RULE = 'a firewall rule of network front';

describe('after', () => {
  test.each([
    ['an iptables-restore of another program', () => restore('iptables-restore', FOREIGN), [RULE, MAP]],
    ['the same for IPv6', () => restore('ip6tables-restore', FOREIGN), [RULE, MAP]],
    [
      'both, as a reload of ufw or firewalld does it',
      () => {
        for (const program of ['iptables-restore', 'ip6tables-restore']) restore(program, FOREIGN);
      },
      [RULE, MAP],
    ],
    ['a flush of the nat chains of IPv4 alone', () => command('iptables', '-t', 'nat', '-F'), [RULE, MAP]],
    ['a flush of the nat chains of IPv6 alone', () => command('ip6tables', '-t', 'nat', '-F'), [RULE, MAP]],
    ['nft flush ruleset', () => command('nft', 'flush', 'ruleset'), [RULE, GUARD, MAP]],
    ['nft delete table ip nat', () => command('nft', 'delete', 'table', 'ip', 'nat'), [RULE, MAP]],
    [
      'the deletion of the table against forged addresses alone',
      async () => {
        const table = /table bridge (tcompose-\w+)/.exec(await command('nft', 'list', 'tables', 'bridge'))![1]!;
        await command('nft', 'delete', 'table', 'bridge', table);
      },
      [GUARD],
    ],
  ] as const)(
    '%s, what is missing is named and put back, and a connection from outside goes on',
    async (_, harm, named) => {
      expect(await damage()).toEqual([]);
      const connection = await openConnection();
      try {
        await harm();
        expect(await damage()).toEqual(expect.arrayContaining([...named]));
        await mend();
        await connection.says('and on');
        await works();
      } finally {
        connection.close();
      }
    },
  );
});
