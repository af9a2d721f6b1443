/** The built CLI on the current release of Node, beside the installed one: starting, the loader, the engine, a terminal. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../../helpers/run-program.ts';
import { TOP, useStack } from '../../helpers/tcompose.ts';
import { openTerminal } from '../../helpers/terminal.ts';

/** scripts/current-node fetches it; the private host has no way out. */
const node = process.env['TCOMPOSE_CURRENT_NODE'] ?? '';
const reason = existsSync(node) ? '' : ': skipped, scripts/current-node could not fetch it';

describe.skipIf(reason !== '')(`on the current release of Node${reason}`, () => {
  const stack = useStack({
    files: {
      'compose.yaml': `
name: current
services:
  web:
    image: busybox
    command: [sh, -c, "echo begun; sleep 1000"]
    healthcheck: { test: [CMD, "true"], interval: 1s }
`,
    },
  });
  const program = [node, '--no-warnings', join(TOP, 'dist/main.cjs')];
  const run = (...argv: string[]) => runProgram([...program, ...argv], { cwd: stack.folder, env: stack.instance.env });

  test('it is another release than the one that runs the tests', async () => {
    const { stdout } = await runProgram([node, '--version']);
    expect(stdout.trim()).not.toBe(process.version);
    expect(Number(stdout.slice(1).split('.')[0])).toBeGreaterThanOrEqual(26);
  });

  test('a stack comes up, is found unchanged, prints, and goes down, with nothing on standard error but progress', async () => {
    const up = await run('up', '-d', '--wait');
    expect(up).toMatchObject({ code: 0 });
    expect(up.stderr).not.toMatch(/warning|deprecat/i);
    expect((await run('plan', '--exit-code')).code).toBe(0);
    expect((await run('logs', '--no-log-prefix')).stdout).toBe('begun\n');
  });

  test('a shell has a terminal', async () => {
    const terminal = openTerminal([...program, 'exec', 'web', 'sh'], { cwd: stack.folder, env: stack.instance.env });
    await terminal.waitFor(/# /);
    terminal.type('stty size; exit 7\r');
    await terminal.waitFor(/30 100/);
    expect(await terminal.ended).toBe(7);
  });
});
