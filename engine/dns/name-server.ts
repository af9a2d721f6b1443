/** Runs dnsmasq: one process for each server of a zone. It is found again by its pid file and its command line. */
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { TcomposeError } from '../../src/model/errors.ts';
import { findHolders, readListening } from '../network/listening.ts';
import { runProgram } from '../network/programs.ts';
import { dnsmasqConfig, type ServerFiles } from './dnsmasq-config.ts';
import type { Server, ServerKind } from './zone.ts';

/** Where a server of an owner's folder has its files. `hosts` and `routes` are the same for both kinds. */
export const filesOf = (folder: string, kind: ServerKind): ServerFiles & { readonly config: string } => ({
  hosts: join(folder, 'hosts'),
  routes: join(folder, 'routes'),
  config: join(folder, `${kind}.conf`),
  pid: join(folder, `${kind}.pid`),
  log: join(folder, `${kind}.log`),
});

/** Its pid, if it runs: a pid file alone may outlive the process it names. */
export function findServer(folder: string, kind: ServerKind): number | undefined {
  const { pid: path, config } = filesOf(folder, kind);
  const pid = Number(readIfThere(path).trim());
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return readIfThere(`/proc/${pid}/cmdline`).split('\0').includes(`--conf-file=${config}`) ? pid : undefined;
}

/** Runs afterwards, with what the files now say. */
export async function ensureServer(folder: string, server: Server): Promise<void> {
  const files = filesOf(folder, server.kind);
  const config = dnsmasqConfig(server, files, userFor(folder));
  const pid = findServer(folder, server.kind);
  if (pid !== undefined && readIfThere(files.config) === config) {
    // It reads both files again; what it is asked from now on, it answers from them: signals come before questions in its loop.
    signal(pid, 'SIGHUP');
    return;
  }
  if (pid !== undefined) await end(pid);
  writeFileSync(files.config, config, { mode: 0o644 });
  const { status, errors } = await runProgram('dnsmasq', [`--conf-file=${files.config}`]);
  if (status === 0) return;
  const quicker = /in use/.test(errors) ? await awaitServer(folder, server.kind) : undefined;
  if (quicker === undefined) throw refused(server, errors);
  signal(quicker, 'SIGHUP');
}

/** Another call of ours was quicker: it has the address already, and its pid file in a moment. */
async function awaitServer(folder: string, kind: ServerKind): Promise<number | undefined> {
  for (let waited = 0; waited < 100; waited++) {
    const pid = findServer(folder, kind);
    if (pid !== undefined) return pid;
    await wait(2);
  }
  return undefined;
}

export async function endServer(folder: string, kind: ServerKind): Promise<void> {
  const pid = findServer(folder, kind);
  if (pid !== undefined) await end(pid);
  for (const path of Object.values(filesOf(folder, kind)).slice(2)) rmSync(path, { force: true });
}

/**
 * It has nothing to lose. Not a child of ours, and Node has no pidfd: so its end is looked for. Only a zombie has closed its sockets:
 * its command line is gone before.
 */
async function end(pid: number): Promise<void> {
  signal(pid, 'SIGKILL');
  const isOver = () => /^$|\) [ZX] /.test(readIfThere(`/proc/${pid}/stat`));
  for (let waited = 0; waited < 1000 && !isOver(); waited++) await wait(1);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended: whoever needs it finds that out.
  }
}

/** The server reads its files when it is no longer root: it must get there, though not see what else is there. */
export function makeServerFolder(run: string, folder: string): void {
  mkdirSync(join(folder, 'hosts'), { recursive: true, mode: 0o711 });
  for (const path of [run, dirname(folder), folder]) chmodSync(path, 0o711);
  chmodSync(join(folder, 'hosts'), 0o755);
}

/** Beneath a folder that only root may enter, only root can serve. */
function userFor(folder: string): string {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return 'root';
    if (path === '/') return /^dnsmasq:/m.test(readIfThere('/etc/passwd')) ? 'dnsmasq' : 'nobody';
  }
}

function refused({ owner, kind }: Server, errors: string): TcomposeError {
  const said = errors.trim().split('\n').at(-1) ?? '';
  const inodes = readListening().filter(({ published, protocol }) => published === 53 && protocol === 'udp');
  const holders = findHolders(new Set(inodes.flatMap(({ holder }) => ('inode' in holder ? [holder.inode] : []))));
  const who = /in use/.test(said)
    ? [...holders.values()].filter((name) => !name.startsWith('dnsmasq') || holders.size === 1)
    : [];
  return new TcomposeError(`the name server of ${owner} (${kind}) does not start: ${said}`, {
    code: 'dns-failed',
    address: `project/${owner}`,
    help:
      who.length > 0
        ? `port 53 is held by ${who.join(', ')}: make it listen on its own addresses only (not on 0.0.0.0)`
        : 'see what it says, and free port 53 on the addresses of bridges',
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
