#!/usr/bin/env node
// `config -q` on files of a thousand services, as a ratio to Node's own start: part of `npm run bench`, and a program of its own
// that needs neither root nor a private host: node test/bench/config.mjs [-n SERVICES] [-r ROUNDS]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { configFiles } from './config-files.mjs';
import { median } from './report.mjs';

const top = new URL('../..', import.meta.url).pathname;
const LIMIT = 4;

/** Lines to print, and the targets that were missed. */
export function configBench({ services = 1000, rounds = 9 } = {}) {
  const work = mkdtempSync(join(tmpdir(), 'tcompose-bench-'));
  const results = Object.entries(configFiles(services)).map(([name, text]) => {
    const file = join(work, 'compose.yaml');
    writeFileSync(file, text);
    return { name, ...pairs([join(top, 'bin/tcompose'), '-f', file, 'config', '-q'], rounds) };
  });
  rmSync(work, { recursive: true });
  const width = Math.max(...results.map(({ name }) => name.length));
  return {
    lines: [
      `config -q of ${services} services, median of ${rounds}, each beside a node -e 0`,
      ...results.map(
        ({ name, ms, ratio }) => `${name.padEnd(width)}  ${ms.toFixed(0).padStart(5)} ms  ${ratio.toFixed(1)}× node`,
      ),
    ],
    missed: results
      .filter(({ ratio }) => ratio > LIMIT)
      .map(({ name, ratio }) => `config -q, ${name}: ${ratio.toFixed(1)} × node, at most ${LIMIT}`),
  };
}

/** In turn, and the ratio of each pair: a machine that is slow for a while is slow for both. The first run fills the caches. */
function pairs(argv, rounds) {
  time(argv);
  const times = Array.from({ length: rounds }, () => [time(argv), time([process.execPath, '-e', '0'])]);
  return { ms: median(times.map(([own]) => own)), ratio: median(times.map(([own, node]) => own / node)) };
}

function time([program, ...words]) {
  const begun = performance.now();
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  return performance.now() - begun;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      n: { type: 'string', short: 'n', default: '1000' },
      rounds: { type: 'string', short: 'r', default: '9' },
    },
  });
  const { lines, missed } = configBench({ services: Number(values.n), rounds: Number(values.rounds) });
  console.log([...lines, ...missed.map((target) => `missed: ${target}`)].join('\n'));
  process.exit(missed.length === 0 ? 0 : 1);
}
