/** Files that a command reads as a whole stream: a path, or `-` for standard input. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { TcomposeError } from '../model/errors.ts';
import { usageError } from './args.ts';
import type { Cli } from './command.ts';

export async function openInput(cli: Cli, path: string): Promise<NodeJS.ReadableStream> {
  if (path === '-') {
    if (cli.terminal.stdin)
      throw usageError('standard input is a terminal', 'give a file, or pass an archive through a pipe');
    return process.stdin;
  }
  if (await isFolder(path)) throw cannotRead(path, { code: 'EISDIR' } as NodeJS.ErrnoException);
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (error: NodeJS.ErrnoException) => reject(cannotRead(path, error)));
  });
  return stream;
}

export async function isFolder(path: string): Promise<boolean> {
  return path !== '-' && ((await stat(path).catch(() => undefined))?.isDirectory() ?? false);
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
};

const cannotRead = (path: string, error: NodeJS.ErrnoException): TcomposeError =>
  new TcomposeError(`cannot read ${path}: ${WHY[error.code ?? ''] ?? error.message}`, {
    code: 'unreadable-file',
    cause: error,
  });
