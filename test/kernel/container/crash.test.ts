/** kill -9 at any moment, and the same command again: what is wanted is there in full, what is not is gone without a trace. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { aNetwork } from '../network/stage.ts';
import { aContainer } from './a-container.ts';
import { useEngine } from './use-engine.ts';
import { type Orders, obey } from './victim.ts';

const ROUNDS = 14;
const stage = useEngine({ keeps: true });
let orders: Orders;
let script: string;
beforeAll(async () => {
  const network = aNetwork('net');
  const containers = [1, 2, 3].map((number) =>
    aContainer(stage.image, `t-${number}`, {
      networkMode: { kind: 'bridge' },
      attachments: [{ network: 'net', aliases: [`t${number}`] }],
      ports: [{ protocol: 'tcp', target: 80, hostIp: '', published: 9000 + number }],
    }),
  );
  // A network that stays: with it the host goes on forwarding, which is not what is tested here.
  await stage.engine.networks.create([{ ...network, name: 'keeper' }]);
  const { root, run } = stage.instance;
  orders = { paths: { root, run }, launcher: buildLauncher(), verb: 'up', network, containers };
  script = join(stage.instance.root, '../victim.mjs');
  const banner = { js: 'import{createRequire as r}from"node:module";const require=r(import.meta.url);' };
  await build({
    entryPoints: [new URL('./victim.ts', import.meta.url).pathname],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['node-pty'],
    banner,
  });
});
afterAll(() => rmSync(script, { force: true }));

/** True: it came to its end before it was killed. */
const killedAfter = (verb: Orders['verb'], delayMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [script, JSON.stringify({ ...orders, verb })], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });

test('an up that was killed is completed by the next, a down likewise, whenever it was', async () => {
  // Node needs some 50 ms before it does anything; from there on in steps, until a run comes to its end.
  let ended = 0;
  for (let round = 0; round < ROUNDS && ended < 2; round++) {
    const delayMs = 60 + round * 20;
    if (await killedAfter('up', delayMs)) ended++;
    await obey({ ...orders, verb: 'up' });
    const { containers, networks } = await stage.engine.snapshot();
    expect(
      containers.map(({ status, damage }) => ({ status, damage })),
      `after ${delayMs} ms`,
    ).toEqual(orders.containers.map(() => ({ status: 'running', damage: [] })));
    expect(networks.map(({ name }) => name)).toEqual(['keeper', 'net']);
    expect(networks.flatMap(({ damage }) => damage)).toEqual([]);
    expect(await stage.engine.system.leftovers()).toEqual([]);
    if (await killedAfter('down', delayMs)) ended++;
    await obey({ ...orders, verb: 'down' });
    expect(await stage.engine.system.leftovers(), `after ${delayMs} ms`).toEqual([]);
    expect(await stage.engine.snapshot()).toMatchObject({ containers: [], networks: [{ name: 'keeper', damage: [] }] });
  }
});
