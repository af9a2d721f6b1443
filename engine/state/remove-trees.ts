/** Removes folders whose content others decided: Node's rm fails at names that are not UTF-8 and at paths that are too long. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { TcomposeError } from '../../src/model/errors.ts';

/** Stays on the file system of each folder: what somebody mounted into it is not ours to empty. Missing folders are fine. */
export const removeTrees = async (folders: readonly string[]): Promise<void> => {
  if (folders.length === 0) return;
  const child = spawn('rm', ['-rf', '--one-file-system', '--', ...folders], { stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return;
  throw new TcomposeError(`cannot remove ${folders.join(', ')}`, {
    code: 'remove-failed',
    help: 'see what holds it (lsattr, findmnt), then run the command again',
  });
};
