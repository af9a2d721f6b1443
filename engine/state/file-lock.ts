/**
 * flock(2) from Node where no session of the launcher is at hand, which has it at less cost (launcher.ts): the lock belongs to the open file description, so a child that was handed the descriptor takes it and
 * leaves, and it holds until this process closes the descriptor or dies. Nothing can be stale, nobody polls.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open, stat, unlink } from 'node:fs/promises';
import { TcomposeError } from '../../src/model/errors.ts';

/** Runs flock(1) on our descriptor. False: somebody else holds it (only with `-n`). */
const flock = (handle: FileHandle, options: readonly string[]): Promise<boolean> =>
  new Promise((resolve, reject) => {
    // Without the locale of whoever calls, whose files it would read for words that it never says.
    const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
    const child = spawn('flock', [...options, '3'], { env, stdio: ['ignore', 'ignore', 'ignore', handle.fd] });
    child.on('error', (cause) =>
      reject(
        new TcomposeError('cannot run flock', {
          code: 'flock-missing',
          help: 'install it: apt-get install util-linux',
          cause,
        }),
      ),
    );
    child.on('exit', (code) => {
      if (code === 0 || code === 1) resolve(code === 0);
      else
        reject(
          new TcomposeError('cannot take a lock', {
            code: 'lock-failed',
            help: 'see whether the file system of the state folder supports flock',
          }),
        );
    });
  });

/** A lock file that is removed after use may have been unlinked while we waited: then we hold a lock on nothing. */
const isStillThere = async (handle: FileHandle, path: string): Promise<boolean> => {
  const [held, named] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
  return named !== undefined && named.ino === held.ino && named.dev === held.dev;
};

/** Who takes locks for this process: a session of the launcher (launcher.ts), which is quicker than a program for each. */
export interface Locker {
  lock(kind: 'folder', path: string): Promise<{ release(): void }>;
}

/** Does `work` while holding an exclusive lock on a folder that exists. */
export const withFolderLock = async <T>(folder: string, work: () => Promise<T>, locker?: Locker): Promise<T> => {
  if (locker !== undefined) {
    const held = await locker.lock('folder', folder);
    return await work().finally(() => held.release());
  }
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await flock(handle, ['-x']);
    return await work();
  } finally {
    await handle.close();
  }
};

/** Does `work` while holding an exclusive lock on a file that exists only as long as somebody holds or awaits it. */
export const withFileLock = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  for (;;) {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await flock(handle, ['-x']);
      if (!(await isStillThere(handle, path))) continue;
      try {
        return await work();
      } finally {
        await unlink(path).catch(() => undefined);
      }
    } finally {
      await handle.close();
    }
  }
};

/** Takes the lock if nobody has it; undefined: somebody has. The file may be written to, and is gone after `release`. */
export const tryFileLock = async (
  path: string,
): Promise<{ readonly handle: FileHandle; release(): Promise<void> } | undefined> => {
  for (;;) {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const taken = await flock(handle, ['-x', '-n']).catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
    if (!taken) {
      await handle.close();
      return undefined;
    }
    if (await isStillThere(handle, path)) {
      const release = async () => {
        await unlink(path).catch(() => undefined);
        await handle.close();
      };
      return { handle, release };
    }
    await handle.close();
  }
};
