/** Runs dnsmasq, one process for each view, and a keeper beside it (keep.c). Found again by pid file and command line. */
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { TcomposeError } from '../../src/model/errors.ts';
import { readListening } from '../network/listening.ts';
import { missing, type Runner, runProgram } from '../network/programs.ts';
import { findHolders } from '../network/socket-holders.ts';
import { dnsmasqConfig, type ServerFiles } from './dnsmasq-config.ts';
import type { Zone } from './zone.ts';

/** Where a server has its files, in a folder of its own. */
const filesOf = (folder: string): ServerFiles & { readonly config: string; readonly keeper: string } => ({
  hosts: join(folder, 'hosts'),
  routes: join(folder, 'routes'),
  config: join(folder, 'config'),
  pid: join(folder, 'pid'),
  log: join(folder, 'log'),
  keeper: join(folder, 'keeper'),
});

/** Its pid, if it runs: a pid file alone may outlive the process it names. */
export function findServer(folder: string): number | undefined {
  const { pid, config } = filesOf(folder);
  return namedIn(pid, config);
}

/** The process that a pid file names, if it is about this configuration. */
function namedIn(pidFile: string, config: string): number | undefined {
  const pid = Number(readIfThere(pidFile).trim());
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const isAbout = readIfThere(`/proc/${pid}/cmdline`).split('\0').includes(`--conf-file=${config}`);
  return isAbout ? pid : undefined;
}

const NOT_FOUND = 127;
/** Of the host: its keeper looks after it, and tells the server when it has become another one. */
const RESOLV_CONF = '/etc/resolv.conf';

export interface ServerOptions {
  readonly launcher: string;
  /** Its files are others than when it last read them. */
  readonly changed: boolean;
  readonly program?: Runner;
}

/** Runs afterwards, with what the files now say. */
export async function ensureServer(folder: string, zone: Zone, options: ServerOptions): Promise<void> {
  const { launcher, changed, program = runProgram } = options;
  const files = filesOf(folder);
  const config = dnsmasqConfig(zone, files, userFor(folder), asksSeveral(zone));
  const pid = findServer(folder);
  if (pid !== undefined && readIfThere(files.config) === config) {
    // It reads both files again; what it is asked from now on, it answers from them: signals come before questions in its loop.
    if (changed) signal(pid, 'SIGHUP');
    return;
  }
  await endServer(folder);
  const command = ['keep', files.keeper, RESOLV_CONF, files.pid, 'dnsmasq', `--conf-file=${files.config}`];
  writeFileSync(files.config, config, { mode: 0o644 });
  const { status, errors } = await program(launcher, command);
  if (status === NOT_FOUND) throw missing('dnsmasq');
  if (status !== 0) throw refused(zone, errors);
}

/** Of the file as it is now: when it names more later, they are in no order until something here changes. */
function asksSeveral({ upstreams }: Zone): boolean {
  const own = upstreams.length > 0 ? upstreams : readIfThere(RESOLV_CONF).match(/^nameserver\s+\S/gm);
  return (own ?? []).length > 1;
}

/** It has nothing to lose. Its keeper first, which would start it again. */
export async function endServer(folder: string): Promise<void> {
  const { config, pid, log, keeper } = filesOf(folder);
  for (const path of [keeper, pid]) {
    const process = namedIn(path, config);
    if (process !== undefined) await end(process);
  }
  for (const path of [config, pid, log, keeper]) rmSync(path, { force: true });
}

/** Not a child of ours, and Node has no pidfd: so its end is looked for. Only a zombie has closed its sockets: its command line is gone before. */
async function end(pid: number): Promise<void> {
  signal(pid, 'SIGKILL');
  const isOver = () => /^$|\) [ZX] /.test(readIfThere(`/proc/${pid}/stat`));
  for (let waited = 0; waited < 1000 && !isOver(); waited++) await wait(1);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended: its keeper starts it again, and it reads what there is.
  }
}

/** The server reads its files when it is no longer root: it must get there, though not see what else is there. */
export function makePublicFolder(...path: readonly string[]): void {
  for (const folder of path) {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    chmodSync(folder, 0o711);
  }
}

export function makeServerFolder(folder: string): void {
  makePublicFolder(folder, join(folder, 'hosts'));
  chmodSync(join(folder, 'hosts'), 0o755);
}

/** Beneath a folder that only root may enter, only root can serve. */
function userFor(folder: string): string {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return 'root';
    if (path === '/') return /^dnsmasq:/m.test(readIfThere('/etc/passwd')) ? 'dnsmasq' : 'nobody';
  }
}

function refused({ networks, port }: Zone, errors: string): TcomposeError {
  const said = errors.trim().split('\n').at(-1) ?? '';
  const inodes = readListening().filter(({ published, protocol }) => published === port && protocol === 'udp');
  const holders = findHolders(new Set(inodes.flatMap(({ holder }) => ('inode' in holder ? [holder.inode] : []))));
  const who = /in use/.test(said)
    ? [...holders.values()].filter((name) => !name.startsWith('dnsmasq') || holders.size === 1)
    : [];
  return new TcomposeError(`the name server of ${networks.join(' and ')} does not start: ${said}`, {
    code: 'dns-failed',
    address: `network/${networks[0]}`,
    help:
      who.length > 0
        ? `port ${port} is held by ${who.join(', ')}: make it listen on its own addresses only (not on 0.0.0.0)`
        : `see what it says, and free port ${port} on the addresses of bridges`,
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
