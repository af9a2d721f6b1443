// The tools that tcompose is compared with: started by hand, in folders of their own, when they are installed.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { join } from 'node:path';

const find = (name) => {
  try {
    return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
};
const firstLine = (argv) =>
  execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0];
/** What a tool keeps in fixed places goes to a file system of this private host, so that the machine never sees it. */
const hide = (...folders) => {
  for (const folder of folders.filter((path) => existsSync(path)))
    execFileSync('mount', ['-t', 'tmpfs', 'bench', folder]);
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function dockerCompose({ work, rootfsTar }) {
  const [daemon, compose] = [find('dockerd'), find('docker-compose')];
  if (!daemon || !compose)
    return { missing: 'docker-compose and dockerd: not installed (apt-get install docker.io docker-compose)' };
  hide('/etc/docker');
  const socket = `unix://${work}/docker.sock`;
  const log = openSync(join(work, 'dockerd.log'), 'w');
  const argv = [
    '--data-root',
    join(work, 'docker'),
    '--exec-root',
    '/run/docker-bench',
    '--pidfile',
    '/run/docker-bench.pid',
    '-H',
    socket,
  ];
  const child = spawn(daemon, argv, { stdio: ['ignore', log, log] });
  const docker = (...words) => execFileSync('docker', ['-H', socket, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (let tries = 0; ; tries++) {
    try {
      docker('version');
      break;
    } catch (error) {
      if (tries > 100 || child.exitCode !== null)
        throw new Error(`dockerd does not start: see ${work}/dockerd.log`, { cause: error });
      await pause(100);
    }
  }
  docker('import', rootfsTar, 'bench:1');
  return {
    name: 'docker-compose',
    version: `${firstLine([compose, '--version'])}; ${firstLine([daemon, '--version'])}`,
    argv: [compose, '-f', 'compose.yaml', '-p', 'bench'],
    image: 'bench:1',
    env: { ...process.env, DOCKER_HOST: socket, COMPOSE_HTTP_TIMEOUT: '300' },
    // The daemon is part of what it costs, also while it does nothing.
    memoryFromZero: true,
    stop: async () => {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}

export async function podmanCompose({ work, rootfsTar }) {
  const [podman, compose] = [find('podman'), find('podman-compose')];
  if (!podman || !compose) return { missing: 'podman-compose: not installed (apt-get install podman podman-compose)' };
  hide('/etc/cni/net.d', '/var/lib/cni', '/var/lib/containers');
  const flags = ['--root', join(work, 'podman'), '--runroot', '/run/podman-bench', '--cgroup-manager', 'cgroupfs'];
  execFileSync(podman, [...flags, 'import', rootfsTar, 'localhost/bench:1'], { stdio: 'ignore' });
  return {
    name: 'podman-compose',
    version: firstLine([podman, '--version']),
    argv: [compose, `--podman-args=${flags.join(' ')}`, '-f', 'compose.yaml', '-p', 'bench'],
    image: 'localhost/bench:1',
    env: process.env,
    memoryFromZero: true,
    stop: async () => {},
  };
}
