/** One writer per project at a time. The kernel holds the lock (flock), so it ends with its holder, however that ends. */
import { statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { tryFileLock } from './file-lock.ts';
import { makeFolder, readText } from './files.ts';
import { lockFile, type Paths } from './paths.ts';
import { isAlive, type ProcessId, startTimeOf } from './process.ts';

interface Holder extends ProcessId {
  readonly command: string;
  readonly since: string;
}

/**
 * How long a holder may take from taking the lock to having written its name, on a busy machine; and what one that was killed had
 * asked for may go on.
 */
const NAMELESS_MS = 2_000;

/** `locker`: a session of the launcher, absent: this process; a session's lock ends with it, when this process has ended and all it had asked for is done. */
export async function lockProject(
  paths: Paths,
  project: string,
  command: string,
  locker?: Pick<Launcher, 'lock'>,
): Promise<{ release(): Promise<void> }> {
  const path = lockFile(paths, project);
  makeFolder(dirname(path));
  for (const deadline = Date.now() + NAMELESS_MS; ; await sleep(10)) {
    const held = await (locker?.lock('file', path) ?? tryFileLock(path));
    if (held !== undefined) {
      const startTime = startTimeOf(process.pid) ?? '0';
      const holder: Holder = { pid: process.pid, startTime, command, since: new Date().toISOString() };
      // In place: a file of another inode would not be the one that is locked.
      writeFileSync(path, `${JSON.stringify(holder)}\n`);
      return { release: async () => void (await held.release()) };
    }
    const holder = readHolder(path);
    if (holder !== undefined || Date.now() > deadline) throw lockedError(project, holder);
  }
}

/** The command of another process that has the lock now: the kernel lists locks by inode (proc_locks(5)), the file has what its holder wrote. */
export function commandOfOther(paths: Paths, project: string): string | undefined {
  const path = lockFile(paths, project);
  const holder = readHolder(path);
  if (holder === undefined || holder.pid === process.pid) return undefined;
  const inode = statSync(path, { throwIfNoEntry: false })?.ino;
  const isHeld = (readText('/proc/locks') ?? '').split('\n').some((line) => line.includes(`:${inode} `));
  return isHeld ? holder.command : undefined;
}

/** Undefined: it has not yet written who it is, or what is written is of an earlier one that was killed. */
function readHolder(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readText(path) ?? '') as Holder;
    return isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function lockedError(project: string, holder: Holder | undefined): TcomposeError {
  const who =
    holder === undefined ? 'another tcompose' : `"${holder.command}" (pid ${holder.pid}, since ${holder.since})`;
  return new TcomposeError(`the project ${project} is being changed by ${who}`, {
    code: 'project-locked',
    address: `project/${project}`,
    help: holder === undefined ? 'wait for it to end' : `wait for it to end, or end it:\n    kill ${holder.pid}`,
  });
}
