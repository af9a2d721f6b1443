// Published ports beside direct connections and Docker's: bytes and connections a second, CPU a byte. Ratios of medians, in one run.
//   sudo scripts/in-private-host node test/bench/network.mjs [--rounds 3] [--seconds 1]
// Needs iperf3; Docker's side needs docker-proxy (`--proxy PATH`, else the one in PATH or /usr/libexec/docker).
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './report.mjs';
import { makeRootfs } from './rootfs.mjs';

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    proxy: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
// iperf3 takes anything else for no limit.
if (!/^[1-9]\d*$/.test(options.seconds)) throw new Error('--seconds: a whole number');
const HOST = '198.51.100.2';
const [PORT, PROXIED, HTTP, HTTP_PROXIED] = [5201, 5301, 8080, 8081];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const run = (argv, extra = {}) =>
  execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', maxBuffer: 64 << 20, ...extra });
const proxy = [options.proxy, '/usr/bin/docker-proxy', '/usr/libexec/docker/docker-proxy'].find(
  (path) => path && existsSync(path),
);

/** Ticks of all processors that were not idle (proc_stat(5)). */
function busyTicks() {
  const [user, nice, system, , , irq, soft] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + soft;
}

/** Bits a second, and busy ticks a gigabyte of the whole machine. */
function throughput(place, host, port) {
  const before = busyTicks();
  const text = run([...place, 'iperf3', '-c', host, '-p', String(port), '-t', options.seconds, '-J']);
  const { end, error } = JSON.parse(text);
  if (!end.sum_received) throw new Error(`${[...place, host, port].join(' ')}: ${error}`);
  const { bits_per_second: rate, bytes } = end.sum_received;
  return { rate, cost: (busyTicks() - before) / (bytes / 1e9) };
}

/** Connections a second, one after the other. */
const connections = (program, host, port, count = 2000) =>
  count / Number(run([program, 'ask', host, String(port), String(count)]));

function buildConnections(folder) {
  const program = join(folder, 'connections');
  run(['cc', '-O2', '-o', program, join(import.meta.dirname, 'connections.c')]);
  return program;
}

/**
 * Two containers that sleep: what is measured is put into their networks from outside. The second one's network is routed, so that others
 * reach its address itself, through the same kind of bridge.
 */
function openBench(ports) {
  const top = new URL('../..', import.meta.url).pathname;
  const work = mkdtempSync('/var/tmp/tcompose-bench-');
  const env = { ...process.env, TCOMPOSE_ROOT: join(work, 'lib'), TCOMPOSE_RUN: '/run/tcompose-bench' };
  const tcompose = (...argv) =>
    run([join(top, 'bin/tcompose'), ...argv], { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const service = { image: 'bench:1', command: ['/bin/busybox', 'sleep', '99999'] };
  const services = {
    s: { ...service, ports: ports.map((port) => `${port}:${port}`) },
    routed: { ...service, ports: [`${PORT}`], networks: ['routed'] },
  };
  const networks = { routed: { driver_opts: { 'com.docker.network.bridge.gateway_mode_ipv4': 'routed' } } };
  writeFileSync(join(work, 'compose.yaml'), JSON.stringify({ name: 'bench', services, networks }));
  tcompose('image', 'import', makeRootfs(top, work).tar, 'bench:1');
  tcompose('up', '-d');
  const placeOf = (name) => {
    const inside = ['nsenter', '-t', tcompose('ps', name, '--format', '{{.Pid}}').trim(), '-n'];
    const [{ addr_info: addresses }] = JSON.parse(run([...inside, 'ip', '-j', '-4', 'address', 'show', 'eth0']));
    return { inside, address: addresses[0].local };
  };
  const close = () => {
    tcompose('down', '-t', '0');
    rmSync(work, { recursive: true, force: true });
  };
  return { ...placeOf('s'), routed: placeOf('routed'), work, close };
}

await main();

async function main() {
  const bench = openBench([PORT, HTTP]);
  const started = [];
  // docker-proxy says through descriptor 3 that it listens.
  const start = (argv) =>
    started.push(spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }));
  try {
    for (const { inside } of [bench, bench.routed]) start([...inside, 'iperf3', '-s', '-p', String(PORT)]);
    const program = buildConnections(bench.work);
    start([...bench.inside, program, 'serve', String(HTTP)]);
    if (proxy)
      for (const [from, to] of [
        [PROXIED, PORT],
        [HTTP_PROXIED, HTTP],
      ])
        start([
          proxy,
          '-proto',
          'tcp',
          '-host-ip',
          '127.0.0.1',
          '-host-port',
          String(from),
          '-container-ip',
          bench.address,
          '-container-port',
          String(to),
        ]);
    await pause(5000);
    const outside = ['ip', 'netns', 'exec', 'outside'];
    run([...outside, 'ip', 'route', 'replace', bench.routed.address, 'via', HOST]);
    const ways = {
      'host, direct': [[], bench.address, PORT],
      'host, published on localhost': [[], '127.0.0.1', PORT],
      'host, published, host address': [[], HOST, PORT],
      ...(proxy && { 'host, docker-proxy': [[], '127.0.0.1', PROXIED] }),
      'outside, direct': [outside, bench.routed.address, PORT],
      'outside, published': [outside, HOST, PORT],
    };
    const measured = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
    const rates = { direct: [], published: [], 'docker-proxy': [] };
    for (let round = 0; round < rounds; round++) {
      for (const [name, way] of Object.entries(ways)) measured[name].push(throughput(...way));
      rates.direct.push(connections(program, bench.address, HTTP));
      rates.published.push(connections(program, '127.0.0.1', HTTP));
      if (proxy) rates['docker-proxy'].push(connections(program, '127.0.0.1', HTTP_PROXIED));
    }
    report(measured, rates);
  } finally {
    for (const child of started) child.kill('SIGKILL');
    bench.close();
  }
}

function report(measured, rates) {
  const middle = (name, what) => median(measured[name].map((one) => one[what]));
  const direct = (name) => (name.startsWith('host') ? 'host, direct' : 'outside, direct');
  for (const name of Object.keys(measured)) {
    const ratio = middle(name, 'rate') / middle(direct(name), 'rate');
    const cost = middle(name, 'cost') / middle(direct(name), 'cost');
    console.log(
      `${name.padEnd(32)} ${(middle(name, 'rate') / 1e9).toFixed(1).padStart(6)} Gbit/s  ${ratio.toFixed(2)} of direct, CPU a byte ${cost.toFixed(2)} of it`,
    );
  }
  for (const [name, all] of Object.entries(rates))
    if (all.length > 0)
      console.log(`${name.padEnd(32)} ${median(all).toFixed(0).padStart(6)} connections with an answer a second`);
  const missed = [];
  for (const name of Object.keys(measured).filter((one) => one.includes('published'))) {
    const ratio = middle(name, 'rate') / middle(direct(name), 'rate');
    if (ratio < 0.95) missed.push(`${name}: ${ratio.toFixed(2)} of ${direct(name)}, at least 0.95`);
  }
  if (rates['docker-proxy'].length > 0) {
    const ratio = median(rates.published) / median(rates['docker-proxy']);
    console.log(`published ÷ docker-proxy: ${ratio.toFixed(2)}`);
    if (ratio < 2) missed.push(`new connections: ${ratio.toFixed(2)} times docker-proxy's, at least 2`);
  }
  console.log(missed.length === 0 ? 'targets: all reached' : `targets missed:\n  ${missed.join('\n  ')}`);
}
