#!/usr/bin/env node
// What one container and one command cost, each as a ratio to Node's own start in the same run, and what very many cost: part of
// `npm run bench`, and a program of its own: scripts/in-private-host node test/bench/figures.mjs [-r ROUNDS] [-m MANY]
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './report.mjs';
import { makeRootfs } from './rootfs.mjs';

const GIB = 1 << 30;
// As users start Node: reading a company's authorities at every start takes longer than Node itself, and tcompose puts it off.
const { NODE_EXTRA_CA_CERTS: _, ...plainEnv } = process.env;

/** Lines to print, and the targets that were missed. `tar`: a root filesystem with /bin/busybox. */
export async function figures({ work, top, tar, rounds, many }) {
  const env = { ...plainEnv, TCOMPOSE_ROOT: join(work, 'figures-lib'), TCOMPOSE_RUN: '/run/tcompose-figures' };
  const cwd = join(work, 'figures');
  mkdirSync(cwd, { recursive: true });
  const program = join(top, 'bin/tcompose');
  const host = { program, env, cwd, run: (...words) => time([program, ...words], { env, cwd }) };
  host.run('image', 'import', tar, 'bench:1');
  writeFileSync(join(cwd, 'compose.yaml'), small);
  host.run('up', '-d');
  host.run('network', 'connect', NET, WEB);
  const rows = [
    ['exec -T web true', besideNode(host, rounds, ['exec', '-T', 'web', '/bin/busybox', 'true']), '× node', 1.6],
    ['up -d of one more', besideNode(host, rounds, ['up', '-d', 'two'], ['rm', '-sf', 'two']), '× node', 2],
    [
      'network connect',
      besideNode(host, rounds, ['network', 'connect', NET, WEB], ['network', 'disconnect', NET, WEB]),
      '× node',
      1.5,
    ],
    ['1 GiB through exec -T cat', streamRatio(host), '× pipe', 2],
    ['a container’s own memory', supervisorMib(env), 'MiB', 1],
  ];
  host.run('down', '-t', '0');
  if (many > 0) rows.push(...(await manyAtOnce(host, many)));
  const width = Math.max(...rows.map(([name]) => name.length));
  return {
    lines: rows.map(([name, value, unit, limit]) => {
      return `${name.padEnd(width)}  ${value.toFixed(1).padStart(6)} ${unit.padEnd(6)}  (at most ${limit})`;
    }),
    missed: rows
      .filter(([, value, , limit]) => value > limit)
      .map(([name, value, unit, limit]) => `${name}: ${value.toFixed(2)} ${unit}, at most ${limit}`),
  };
}

const small = `name: figures
services:
  web: {image: "bench:1", command: [/bin/busybox, sleep, infinity], init: true}
  two: {image: "bench:1", command: [/bin/busybox, sleep, infinity], init: true}
  other: {image: "bench:1", command: [/bin/busybox, sleep, infinity], init: true, networks: [other]}
networks: {other: {}}
`;
const [NET, WEB] = ['figures_other', 'figures-web-1'];

function time([file, ...words], options) {
  const begun = performance.now();
  execFileSync(file, words, { stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 64 << 20, ...options });
  return performance.now() - begun;
}

/** The fastest of each, run in turn: what others do on the machine only ever adds. `before` each is not counted. */
function besideNode({ run, env }, rounds, words, before) {
  const once = () => {
    if (before) run(...before);
    return run(...words);
  };
  // The first runs fill dist/cache: what the command uses, then its compiled form.
  for (let i = 0; i < 3; i++) once();
  const pairs = Array.from({ length: rounds }, () => [once(), time([process.execPath, '-e', '0'], { env })]);
  return Math.min(...pairs.map(([own]) => own)) / Math.min(...pairs.map(([, node]) => node));
}

function streamRatio({ program, env, cwd }) {
  const through = (...words) =>
    time(['sh', '-c', `head -c ${GIB} /dev/zero | "$@" | wc -c | grep -qx ${GIB}`, 'sh', ...words], { env, cwd });
  const ratios = [1, 2, 3].map(() => through(program, 'exec', '-T', 'web', '/bin/busybox', 'cat') / through('cat'));
  return median(ratios);
}

/** Keys and values of the supervisors' state files (engine/supervise/state-file.ts). */
function states({ TCOMPOSE_RUN: folder }) {
  return readdirSync(join(folder, 'containers')).map((id) => {
    const lines = readFileSync(join(folder, 'containers', id, 'state'), 'utf8')
      .trim()
      .split('\n');
    return Object.fromEntries(lines.map((line) => [line.split(' ', 1)[0], line.replace(/^\S+ /, '')]));
  });
}

function supervisorMib(env) {
  const pss = states(env).map(({ supervisor }) => {
    const rollup = readFileSync(`/proc/${supervisor.split(' ')[0]}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]) / 1024;
  });
  return median(pss);
}

async function manyAtOnce({ cwd, run }, many) {
  const service = (i) =>
    `  s${i}: {image: "bench:1", command: [/bin/busybox, httpd, -f, -p, "80"], ports: ["${20000 + i}:80"]}\n`;
  const services = Array.from({ length: many }, (_, i) => service(i)).join('');
  writeFileSync(join(cwd, 'compose.yaml'), `name: many\nservices:\n${services}`);
  const up = run('up', '-d') / 1000;
  const silent = (await Promise.all(Array.from({ length: many }, (_, i) => answers(20000 + i)))).filter((ok) => !ok);
  const down = run('down', '-t', '0') / 1000;
  const left = execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).match(/: tc[bv][0-9a-f]+/g) ?? [];
  return [
    [`up -d of ${many}`, up, 's', 30],
    [`down of ${many}`, down, 's', 30],
    [`of ${many}, did not answer`, silent.length, '', 0],
    [`of ${many}, interfaces left`, left.length, '', 0],
  ];
}

const answers = (port) =>
  new Promise((resolve) => {
    const request = get({ host: '198.51.100.2', port, timeout: 20_000 }, (response) => {
      response.resume();
      resolve(true);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', short: 'r', default: '15' },
      many: { type: 'string', short: 'm', default: '500' },
    },
  });
  const top = new URL('../..', import.meta.url).pathname;
  const work = mkdtempSync('/var/tmp/tcompose-bench-');
  try {
    const { tar } = makeRootfs(top, work);
    const { lines, missed } = await figures({
      work,
      top,
      tar,
      rounds: Number(values.rounds),
      many: Number(values.many),
    });
    console.log([...lines, ...missed.map((target) => `missed: ${target}`)].join('\n'));
    process.exitCode = missed.length === 0 ? 0 : 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
