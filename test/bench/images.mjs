// Pull and load beside dockerd's, alternating, of one image that is made here: medians, and the most memory of all our processes.
//   sudo node test/bench/images.mjs [--rounds 3] [--scale 1] [--docker PATH] [--dockerd PIDFILE] [--folder /var/tmp]
// Needs docker-registry. Docker's side needs a daemon (DOCKER_HOST) that reaches this host's loopback; its pid file tells its processor time.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeLayers, putImage, variantOf } from './images-make.mjs';
import { beside } from './measure.mjs';
import { median } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    docker: { type: 'string', default: 'docker' },
    dockerd: { type: 'string', default: '/var/run/docker.pid' },
    folder: { type: 'string', default: '/var/tmp' },
  },
});
const top = new URL('../..', import.meta.url).pathname;
const work = mkdtempSync(join(options.folder, 'tcompose-bench-'));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startRegistry(port) {
  const folder = join(work, 'registry');
  mkdirSync(folder);
  const file = join(folder, 'config.json');
  const storage = { filesystem: { rootdirectory: join(folder, 'data') } };
  const http = { addr: `127.0.0.1:${port}` };
  writeFileSync(file, JSON.stringify({ version: '0.1', log: { level: 'error' }, storage, http }));
  const child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  for (let i = 0; i < 100; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

const time = beside(options.dockerd);
const program = join(top, 'bin/tcompose');
const hasDocker = spawnSync(options.docker, ['version'], { stdio: 'ignore' }).status === 0;
const ways = {
  pull: (ref) => ['pull', '-q', ref],
  load: (_, saved) => ['load', '-q', '-i', saved],
};
const missed = [];
const names = [];
let registry;
try {
  const port = await freePort();
  registry = await startRegistry(port);
  const made = await makeLayers(join(work, 'made'), Number(options.scale));
  for (const [way, words] of Object.entries(ways)) {
    const measured = { ours: [], docker: [] };
    for (let round = 0; round < Number(options.rounds); round++) {
      const image = await variantOf(made, `${way}-${round}`);
      const ref = `127.0.0.1:${port}/bench/large:${image.name}`;
      if (way === 'pull') await putImage(`127.0.0.1:${port}`, image);
      names.push(way === 'pull' ? ref : `bench/large:${image.name}`);
      const argv = words(ref, image.saved);
      const env = { ...process.env, TCOMPOSE_ROOT: join(work, image.name), TCOMPOSE_RUN: '/run/tcompose-bench-images' };
      const ours = async () => measured.ours.push(await time([program, 'image', ...argv], env, false));
      const docker = async () => hasDocker && measured.docker.push(await time([options.docker, ...argv], env, true));
      // Who comes second finds the files in memory.
      for (const run of round % 2 === 0 ? [ours, docker] : [docker, ours]) await run();
    }
    report(way, measured);
  }
} finally {
  if (hasDocker && names.length > 0) spawnSync(options.docker, ['rmi', ...names], { stdio: 'ignore' });
  registry?.kill('SIGKILL');
  for (const folder of [work, '/run/tcompose-bench-images']) rmSync(folder, { recursive: true, force: true });
}
console.log(missed.length === 0 ? 'targets: all reached' : `targets missed:\n  ${missed.join('\n  ')}`);
process.exit(missed.length === 0 ? 0 : 1);

function report(way, measured) {
  const [mine, theirs] = [measured.ours, measured.docker].map((all) =>
    all.length === 0
      ? undefined
      : { seconds: median(all.map(({ ms }) => ms)) / 1000, cpu: median(all.map(({ cpu }) => cpu)) },
  );
  const memory = Math.max(...measured.ours.map(({ most }) => most)) / 2 ** 20;
  const say = ({ seconds, cpu }) => `${seconds.toFixed(2)} s (${cpu.toFixed(1)} s of processor)`;
  const ratio = theirs && mine.seconds / theirs.seconds;
  const beside = theirs ? `dockerd ${say(theirs)}, ratio ${ratio.toFixed(2)}` : 'no docker to compare with';
  console.log(`${way}: ${say(mine)}, ${beside}; memory ${memory.toFixed(0)} MiB`);
  if (ratio > 1) missed.push(`${way}: ${ratio.toFixed(2)} times dockerd's time, at most 1.0`);
  if (memory > 200) missed.push(`${way}: ${memory.toFixed(0)} MiB, at most 200`);
}
