/** What failed in a build is shown in its Dockerfile. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderFailure } from '../../../src/cli/ui/failure.ts';
import { paint } from '../../../src/cli/ui/paint.ts';
import { TcomposeError } from '../../../src/model/errors.ts';

const at = (file: string, from: number, to = from, more = {}) => ({
  file,
  start: { line: from, column: 1 },
  end: { line: to, column: 9 },
  ...more,
});
const render = (error: Error) => renderFailure(error, { color: paint(false), cwd: '/x', debug: false });

test('the lines of a failed instruction are marked among those around it, without control characters', () => {
  const folder = mkdtempSync(join(tmpdir(), 'frame-'));
  try {
    const file = join(folder, 'Dockerfile');
    writeFileSync(file, 'FROM a\n\nCOPY \x1b[2J /\nRUN one \\\n\ttwo\nCMD x\nUSER y\nEXPOSE 1\n');
    const error = new TcomposeError('it failed', { code: 'build-step-failed', at: at(file, 4, 5) });
    expect(render(error).split('\n').slice(3, -1)).toEqual([
      '  3 |     COPY \\x1b[2J /',
      '  4 | >>> RUN one \\',
      '  5 | >>>     two',
      '  6 |     CMD x',
      '  7 |     USER y',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('of a text that is no file the failed lines are shown, and an error of a Compose file has no such lines', () => {
  const shown = { shown: 'RUN false' };
  expect(render(new TcomposeError('e', { code: 'build-step-failed', at: at('Dockerfile', 3, 3, shown) }))).toContain(
    '  3 | >>> RUN false\n',
  );
  expect(render(new TcomposeError('e', { code: 'port-in-use', at: at('compose.yaml', 3, 3, shown) }))).not.toContain(
    '>>>',
  );
});
