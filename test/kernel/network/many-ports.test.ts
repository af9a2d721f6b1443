/** 10,000 published ports: what it takes to put them up, and what they cost who connects. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { slowness } from '../../helpers/slowness.ts';
import { useEngine } from '../container/use-engine.ts';
import { aNetwork, aPort, aServer, askFrom, command, HOST, onHost, start } from './stage.ts';

const COUNT = 10_000;
const stage = useEngine({ keeps: true });
beforeAll(async () => {
  await stage.engine.networks.create([aNetwork('front')]);
});

/**
 * Microseconds of a processor, in the kernel, for a connection to a server of the host's own: its first packet passes all the rules that
 * lead elsewhere within connect(2). What others do on this machine does not count.
 */
async function connectCost(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((done) => server.listen(7777, '127.0.0.1', done));
  const once = () =>
    new Promise<void>((done, fail) => {
      const socket = connect(7777, '127.0.0.1', () => {
        socket.resetAndDestroy();
        done();
      });
      socket.on('error', fail);
    });
  const rounds: number[] = [];
  for (let round = 0; round < 15; round++) {
    const begun = process.cpuUsage();
    for (let i = 0; i < 200; i++) await once();
    rounds.push(process.cpuUsage(begun).system / 200);
  }
  await new Promise((done) => server.close(done));
  // The quickest: a busy machine makes any of them slow, and none quick.
  return Math.min(...rounds);
}

/** What children of this process have used by now: getrusage(2) by way of proc_pid_stat(5), in ticks of 10 ms. */
const processorMs = () => {
  const [, , , , , , , , , , , , , cutime, cstime] = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(cutime) + Number(cstime)) * 10;
};

const timed = async (work: () => Promise<unknown>) => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

test('they are up in one go, all of them lead in, and a new connection is as fast as without them', async () => {
  const ports = (first: number, count: number) => Array.from({ length: count }, (_, i) => aPort(`${first + i}:80`));
  await start(stage, [aServer(stage, 'few', ['front'], { ports: ports(8000, 1) })]);
  const before = await connectCost();
  const took = {
    start: await timed(() => start(stage, [aServer(stage, 'many', ['front'], { ports: ports(20_000, COUNT) })])),
  };
  const after = await connectCost();
  const rules = await command('iptables-save', '-t', 'nat');
  expect(rules.match(/ -j DNAT /g)).toHaveLength(COUNT + 1);
  const asked = [20_000, 20_015, 20_016, 25_000, 29_999];
  expect(await Promise.all(asked.map((port) => askFrom(onHost, `${HOST}:${port}`)))).toEqual(
    asked.map(() => expect.stringMatching(/^many /)),
  );
  expect(await askFrom(onHost, `${HOST}:30000`)).toBe('-');

  const chains = rules.split('\n').filter((line) => line.startsWith(':TC-')).length;
  const restored = await timed(async () => {
    await command('iptables', '-t', 'nat', '-F');
    await stage.engine.networks.repair(['front']);
  });
  // The transaction by itself: what the kernel and iptables-restore take for it, on a busy machine too.
  const text = rules.replace(/^:(?!TC-).*\n/gm, '').replace(/^-A (?!TC-).*\n/gm, '');
  const before10k = processorMs();
  execFileSync('iptables-restore', ['--noflush'], { input: text });
  const transaction = processorMs() - before10k;
  const looked = await timed(() => stage.engine.snapshot());
  expect((await stage.engine.snapshot()).containers.flatMap(({ damage }) => damage)).toEqual([]);
  console.log(
    `${COUNT} ports in ${chains} chains: the transaction ${transaction.toFixed(0)} ms of a processor, start ${took.start.toFixed(0)} ms, put back after a flush ${restored.toFixed(0)} ms, ` +
      `a look ${looked.toFixed(0)} ms; a connection ${before.toFixed(0)} µs without them, ${after.toFixed(0)} µs with them`,
  );
  expect(after / before).toBeLessThan(1.5);
  // Under a second, where it has a processor of its own.
  expect(transaction).toBeLessThan(1000 * slowness);
});
