/** Asks the launcher's own decoder what it thinks of bytes: `spec`, `program`, `malformed`. Needs neither root nor a kernel feature. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const checkFiles = (launcher: string, contents: readonly Uint8Array[]): string[] => {
  const folder = mkdtempSync(join(tmpdir(), 'tcompose-wire-'));
  try {
    const files = contents.map((bytes, index) => {
      const file = join(folder, `${index}`);
      writeFileSync(file, bytes);
      return file;
    });
    return execFileSync(launcher, ['check', ...files], { encoding: 'utf8' })
      .trim()
      .split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
};
