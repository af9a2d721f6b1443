// A build of five steps beside dockerd's two builders, alternating: from nothing, with one changed source file, and unchanged.
//   sudo node test/bench/builds.mjs --base TAR [--rounds 3] [--docker PATH] [--dockerd PIDFILE] [--folder /var/tmp]
// TAR: a root file system with a shell and coreutils. Docker's side needs a daemon (DOCKER_HOST).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { beside } from './measure.mjs';
import { median } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    base: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    docker: { type: 'string', default: 'docker' },
    dockerd: { type: 'string', default: '/var/run/docker.pid' },
    folder: { type: 'string', default: '/var/tmp' },
  },
});
const LIMITS = { cold: 0.5, changed: 0.5, unchanged: 0.3 };
const BASE = 'bench-base:1';
const program = join(new URL('../..', import.meta.url).pathname, 'bin/tcompose');
const work = mkdtempSync(join(options.folder, 'tcompose-bench-'));
const own = { ...process.env, TCOMPOSE_ROOT: join(work, 'lib'), TCOMPOSE_RUN: '/run/tcompose-bench-builds' };
const time = beside(options.dockerd);

const builders = [
  { name: 'tcompose', env: own, build: [program, 'image', 'build', '-q'] },
  ...[
    ['legacy', '0'],
    ['buildkit', '1'],
  ].map(([name, kit]) => ({
    name,
    env: { ...process.env, DOCKER_BUILDKIT: kit },
    build: [options.docker, 'build', '-q'],
  })),
];

const dockerfile = (salt) => `FROM ${BASE}
WORKDIR /app
RUN echo ${salt} && mkdir data && for i in $(seq 2000); do echo line $i > data/$i; done
COPY . .
RUN cat src/* | sha256sum > sum && tar -cf all.tar src
CMD ["cat", "sum"]
`;

/** A thousand small source files and twenty of a megabyte. */
function makeContext(folder) {
  mkdirSync(join(folder, 'src'), { recursive: true });
  for (let i = 0; i < 1_000; i++) writeFileSync(join(folder, 'src', `${i}.c`), `int f${i};\n`.repeat(300));
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, `asset-${i}`), Buffer.alloc(1 << 20, `${i}`));
}

const measured = Object.fromEntries(
  Object.keys(LIMITS).map((what) => [what, { tcompose: [], legacy: [], buildkit: [] }]),
);
const names = [];
try {
  execFileSync(program, ['image', 'import', options.base, BASE], { env: own, stdio: 'ignore' });
  execFileSync(options.docker, ['import', options.base, BASE], { stdio: 'ignore' });
  names.push(BASE);
  // What the page cache and the registers of the daemon need once is nobody's.
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const { name, env, build } of round % 2 === 0 ? builders : [...builders].reverse()) {
      const context = join(work, `${name}-${round}`);
      makeContext(context);
      writeFileSync(join(context, 'Dockerfile'), dockerfile(`${name}-${round}`));
      const tag = `bench-${name}-${round}`;
      names.push(tag);
      for (const what of Object.keys(LIMITS)) {
        if (what === 'changed') writeFileSync(join(context, 'src', '7.c'), 'int changed;\n');
        const result = await time([...build, '-t', tag, '.'], env, name !== 'tcompose', context);
        if (round > 0) measured[what][name].push(result);
      }
      rmSync(context, { recursive: true });
    }
  }
} finally {
  spawnSync(options.docker, ['rmi', '-f', ...names], { stdio: 'ignore' });
  for (const folder of [work, '/run/tcompose-bench-builds']) rmSync(folder, { recursive: true, force: true });
}

const missed = [];
for (const [what, limit] of Object.entries(LIMITS)) {
  const seconds = (name) => median(measured[what][name].map(({ ms }) => ms)) / 1000;
  const cpu = (name) => median(measured[what][name].map((one) => one.cpu));
  const memory = Math.max(...measured[what].tcompose.map(({ most }) => most)) / 2 ** 20;
  const said = builders.map(
    ({ name }) => `${name} ${seconds(name).toFixed(2)} s (${cpu(name).toFixed(1)} s of processor)`,
  );
  const ratios = ['legacy', 'buildkit'].map((name) => seconds('tcompose') / seconds(name));
  console.log(
    `${what}: ${said.join(', ')}; ratios ${ratios.map((one) => one.toFixed(2)).join(', ')}; ${memory.toFixed(0)} MiB`,
  );
  if (ratios[0] > limit)
    missed.push(`${what}: ${ratios[0].toFixed(2)} times the legacy builder's time, at most ${limit}`);
  if (memory > 200) missed.push(`${what}: ${memory.toFixed(0)} MiB, at most 200`);
}
console.log(missed.length === 0 ? 'targets: all reached' : `targets missed:\n  ${missed.join('\n  ')}`);
process.exit(missed.length === 0 ? 0 : 1);
