/** Floods: of a log, of a pipe that nobody reads, of the control socket. The supervisor goes on, and so does every command. */
import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { containerDir, containerRun, type Paths } from '../../../engine/state/paths.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, execIn, outputOf, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
const pathsOf = (): Paths => ({ root: stage.instance.root, run: stage.instance.run });
const look = async () => (await stage.engine.snapshot()).containers[0]!;
const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /json|log/.test(entry.name))
    .reduce(
      (sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );

test('a log that is flooded stays within its bounds on the disk, and the container is still stopped, looked at and run in', async () => {
  const log = { driver: 'json-file', options: { 'max-size': '100k', 'max-file': '2' } };
  await runContainers(stage.engine, [aContainer(stage.image, 'flood', { argv: ['yes', 'x'.repeat(500)], log })]);
  const folder = containerDir(pathsOf(), (await look()).id);
  let most = 0;
  for (let round = 0; round < 5; round += 1) {
    expect(await execIn(stage.engine, 'flood', ['true'])).toBe(0);
    expect((await look()).status).toBe('running');
    most = Math.max(most, sizeOf(folder));
  }
  expect(most).toBeGreaterThan(50_000);
  // Two files, and what is written before the size is looked at again.
  expect(most).toBeLessThan(1_000_000);
  const { failed } = await stage.engine.containers.stop(['flood']);
  expect([...failed.values()]).toEqual([]);
  expect((await look()).status).toBe('exited');
});

test('an attached client that never reads holds nothing up but the output, and not for ever', async () => {
  await runContainers(stage.engine, [aContainer(stage.image, 'flood', { argv: ['yes'] })]);
  const control = controlOf((await look()).id);
  const client = await opened(control);
  client.pause();
  client.write(request(5));
  expect(await execIn(stage.engine, 'flood', ['true'])).toBe(0);
  await stage.engine.containers.kill('flood', 'SIGKILL');
  await eventually(async () => expect((await look()).status).toBe('exited'), 20_000);
  client.destroy();
});

const request = (kind: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(kind, 0);
  return bytes;
};
/** By way of its folder's descriptor: an address holds 107 bytes. */
const controlOf = (id: string): string => {
  const folder = openSync(containerRun(pathsOf(), id), 'r');
  onTestFinished(() => closeSync(folder));
  return `/proc/self/fd/${folder}/control`;
};
const opened = (path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

test('root who floods the control socket hangs neither the supervision nor, when it is over, any command', async () => {
  const argv = ['sh', '-c', 'echo run; sleep 1; exit 1'];
  await runContainers(stage.engine, [
    aContainer(stage.image, 'held', { argv, restart: { policy: 'always', maxRetries: 0, delayMs: 100 } }),
  ]);
  const { id } = await look();
  const control = controlOf(id);
  const sockets: Socket[] = [];
  let accepted = 0;
  for (let count = 0; count < 300; count += 1) {
    const socket = connect(control);
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      accepted += 1;
    });
    // Some say nothing, some half of a request, some nonsense, some watch and never read.
    socket.write([Buffer.alloc(0), request(3).subarray(0, 7), Buffer.alloc(64, 0xff), request(3)][count % 4]!);
    socket.pause();
    sockets.push(socket);
  }
  const before = (await look()).restartCount;
  await eventually(async () => expect((await look()).restartCount).toBeGreaterThan(before + 1), 30_000);
  expect(accepted).toBeGreaterThan(60);
  for (const socket of sockets) socket.destroy();
  await eventually(async () => {
    const { failed } = await stage.engine.containers.stop(['held']);
    expect([...failed.values()]).toEqual([]);
  }, 20_000);
});

test('the control socket is not inside: not as a file, not as an abstract name, nor anything else of the engine’s', async () => {
  // The supervisor lives in the container's network namespace: its socket's name is seen there, but reached by its folder only.
  const script =
    'tail -n +2 /proc/net/unix | grep " @" | wc -l; for f in $(busybox find / -xdev -type s 2> /dev/null); do echo $f; done; ' +
    'for f in $(tail -n +2 /proc/net/unix | tr -s " " | busybox cut -d " " -f 8); do echo x | nc local:$f 2> /dev/null && echo reached $f; [ -e $f ] && echo $f; done; ' +
    'busybox find / -name control -type s 2> /dev/null; echo end';
  const search = aContainer(stage.image, 'search', { argv: ['sh', '-c', script] });
  expect(await outputOf(stage.engine, search)).toBe('0\nend');
});
