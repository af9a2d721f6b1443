#!/usr/bin/env node
// npm run bench [-- -n SERVICES] [-r ROUNDS] [-o TOOL,TOOL] [-m MANY]: the same services by tcompose, by other tools if they are
// installed, and by the floor, in one run on one root filesystem; medians, and ratios to the floor and to Node's own start.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { configBench } from './config.mjs';
import { figures } from './figures.mjs';
import { dockerCompose, podmanCompose } from './others.mjs';
import { rows, targets } from './report.mjs';
import { makeRootfs } from './rootfs.mjs';

const top = new URL('../..', import.meta.url).pathname;
const { values: options } = parseArgs({
  options: {
    n: { type: 'string', short: 'n', default: '50' },
    rounds: { type: 'string', short: 'r', default: '5' },
    only: { type: 'string', short: 'o' },
    many: { type: 'string', short: 'm', default: '500' },
  },
});
const count = Number(options.n);
const rounds = Number(options.rounds);
if (!existsSync('/run/tcompose-private-host')) {
  console.error('bench: runs only in the private host; use: npm run bench');
  process.exit(1);
}
// What every tool sets anyhow; the floor does not, and must not measure less work in the kernel for it.
writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');

const [busy] = loadavg();
const work = mkdtempSync('/var/tmp/tcompose-bench-');
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const { folder: rootfs, tar: rootfsTar } = makeRootfs(top, work);

/** One service: the smallest web server there is, with one published port. */
const compose = (image) =>
  `version: "3"\nservices:\n${Array.from({ length: count }, (_, i) => `  s${i}:\n    image: ${image}\n    command: [/bin/busybox, httpd, -f, -p, "80"]\n    ports: ["${20000 + i}:80"]\n`).join('')}`;

function time(argv, extra = {}) {
  const begun = performance.now();
  // What it says is only of interest when it fails; then it is in the error.
  execFileSync(argv[0], argv.slice(1), { stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 64 << 20, ...extra });
  return performance.now() - begun;
}

/** Proportional memory of all processes but the services themselves and this one's family: what the tool keeps for itself. */
function overheadKib() {
  let total = 0;
  for (const pid of execFileSync('ps', ['-eo', 'pid='], { encoding: 'utf8' }).split(/\s+/).filter(Boolean)) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (pid === '1' || Number(pid) === process.pid || Number(pid) === process.ppid) continue;
      if (command[0] === '/bin/busybox' || command[0] === 'ps') continue;
      total += Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)?.[1] ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return total;
}

const answers = (i) =>
  time([
    'curl',
    '-sS',
    '-o',
    '/dev/null',
    '--max-time',
    '5',
    '--retry',
    '5',
    '--retry-connrefused',
    `http://198.51.100.2:${20000 + i}/`,
  ]);

/** The same cycle for every Compose-like tool. */
function measure(tool) {
  writeFileSync(join(work, 'compose.yaml'), compose(tool.image));
  const result = { up: [], again: [], ps: [], down: [], memoryKib: [] };
  const begun = performance.now();
  // One round of a slow tool says as much as five.
  for (let round = 0; round < rounds && (round === 0 || performance.now() - begun < 60_000); round++) {
    const before = tool.memoryFromZero ? 0 : overheadKib();
    const run = (...argv) => time([...tool.argv, ...argv], { cwd: work, env: tool.env });
    result.up.push(run('up', '-d'));
    answers(0);
    answers(count - 1);
    result.memoryKib.push(overheadKib() - before);
    result.again.push(run('up', '-d'));
    result.ps.push(run('ps'));
    // Without a grace period: the web server takes no notice of SIGTERM, and a second of waiting says nothing of the tool.
    result.down.push(run('down', '-t', '0'));
  }
  return result;
}

function tcompose() {
  const env = { ...process.env, TCOMPOSE_ROOT: join(work, 'lib'), TCOMPOSE_RUN: '/run/tcompose-bench' };
  const program = join(top, 'bin/tcompose');
  time([program, 'image', 'import', rootfsTar, 'bench:1'], { env });
  return { name: 'tcompose', argv: [program, '-p', 'bench'], image: 'bench:1', env, stop: () => {} };
}

async function floor() {
  const program = join(work, 'floor');
  execFileSync('cc', ['-O2', '-o', program, join(top, 'test/bench/floor.c')]);
  const result = { up: [], down: [] };
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(work, 'floor-'));
    const child = spawn(program, [rootfs, folder, String(count), '/bin/busybox', 'httpd', '-f', '-p', '80'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for await (const line of child.stdout) {
      const [, kind, ms] = String(line).match(/(up|down) ([\d.]+)/);
      result[kind].push(Number(ms));
      if (kind === 'up') {
        answers(count - 1);
        child.stdin.end();
      }
    }
    rmSync(folder, { recursive: true });
  }
  return result;
}

const node = { up: Array.from({ length: Math.max(rounds, 9) }, () => time([process.execPath, '-e', '0'])) };
const results = { node, floor: await floor() };
const notes =
  busy > 1 ? [`the machine was busy with other things (load ${busy.toFixed(1)}): ratios hold better than times`] : [];
for (const [name, make] of Object.entries({
  tcompose,
  'docker-compose': dockerCompose,
  'podman-compose': podmanCompose,
})) {
  if (options.only && !options.only.split(',').includes(name)) continue;
  try {
    const tool = await make({ work, rootfsTar, top });
    if (tool.missing) notes.push(tool.missing);
    else {
      results[tool.name] = measure(tool);
      if (tool.version) notes.push(`${tool.name}: ${tool.version}`);
    }
    await tool.stop?.();
  } catch (error) {
    notes.push(`${name}: failed: ${error.message.split('\n').slice(0, 3).join('\n  ')}`);
  }
}
console.log(rows(results, { count, rounds }));
for (const note of notes) console.log(note);
const config = configBench({ rounds: Math.max(rounds, 9) });
console.log(config.lines.join('\n'));
const own = await figures({ work, top, tar: rootfsTar, rounds: Math.max(rounds, 15), many: Number(options.many) });
console.log(own.lines.join('\n'));
const missed = [...targets(results, count), ...config.missed, ...own.missed];
console.log(missed.length === 0 ? 'targets: all reached' : `targets missed:\n  ${missed.join('\n  ')}`);
process.exit(missed.length === 0 ? 0 : 1);
