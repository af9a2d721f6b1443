/** Files that a command reads as a whole stream: a path, or `-` for standard input. */
import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
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

/** What can be read in any order is told by its path. */
export async function pathOrInput(
  cli: Cli,
  path: string,
): Promise<NodeJS.ReadableStream | { readonly file: string } | { readonly folder: string }> {
  if (await isFolder(path)) return { folder: path };
  if (path === '-' || !(await stat(path).catch(() => undefined))?.isFile()) return openInput(cli, path);
  await access(path, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    throw cannotRead(path, error);
  });
  return { file: path };
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
