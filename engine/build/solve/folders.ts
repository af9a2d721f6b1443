/** Folders and files that users in a step are to get through and read, whatever our umask is. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `top`, which may be there, and each of the folders below it. Gives the last one. */
export function openFolder(top: string, below = ''): string {
  mkdirSync(top, { recursive: true });
  chmodSync(top, 0o755);
  return below
    .split('/')
    .filter(Boolean)
    .reduce((folder, name) => openFolder(join(folder, name)), top);
}

export function openFile(path: string, text: string, mode: number): void {
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
}
