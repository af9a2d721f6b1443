/** What is shipped for other programs to read is read by them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('systemd finds nothing wrong with the unit that restores containers after a boot', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'tcompose-unit-'));
  try {
    const unit = readFileSync(new URL('../../contrib/systemd/tcompose-restore.service', import.meta.url), 'utf8');
    expect(unit).toMatch(/^ExecStart=\/usr\/local\/bin\/tcompose .*system restore$/m);
    const path = join(folder, 'tcompose-restore.service');
    // The program need not be installed where the tests run.
    writeFileSync(path, unit.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
    const verify = (file: string) =>
      execFileSync('systemd-analyze', ['verify', file], { encoding: 'utf8', stdio: 'pipe' });
    try {
      expect(verify(path)).toBe('');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') context.skip('needs systemd-analyze');
      throw error;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
