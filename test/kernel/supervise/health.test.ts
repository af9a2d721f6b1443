/** Health checks: when probes run, what counts, what is kept of them. */

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchOp } from '../../../engine/launcher/ops.ts';
import * as control from '../../../engine/supervise/control.ts';
import type { HealthNumbers } from '../../../engine/supervise/spec.ts';
import type { SupervisorState } from '../../../engine/supervise/state-file.ts';
import { slowness } from '../../helpers/slowness.ts';
import { CLONE, LAUNCHERS, openWorkshop, probe, startContainer, type Workshop } from '../launcher/probe-container.ts';

const FAST: HealthNumbers = { intervalMs: 60, timeoutMs: 2000, startPeriodMs: 0, startIntervalMs: 30, retries: 2 };

/** Joins the container's namespaces, as the engine's own probes do. */
const probing = (...commands: string[][]): LaunchOp[] => [
  { op: 'join', pid: 0, startTime: '', flags: CLONE.NEWPID },
  { op: 'clone', flags: 0 },
  { op: 'join', pid: 0, startTime: '', flags: CLONE.NEWNS | CLONE.NEWUTS },
  probe(...commands),
];

describe.each(LAUNCHERS)('health %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  const check = (
    commands: string[][],
    numbers: Partial<HealthNumbers> = {},
    container: string[][] = [['sleep', '100000']],
  ) => startContainer(workshop, container, { probe: probing(...commands), health: { ...FAST, ...numbers } });

  test('begins as starting, and the first probe comes after an interval', async () => {
    const container = await check([['exit', '0']], { intervalMs: 800 });
    expect(container.state()).toMatchObject({ health: 'starting', failingStreak: 0, healthLog: [] });
    const state = await container.until(({ health }) => health === 'healthy');
    const delay = Date.parse(state.healthLog[0]!.start) - Date.parse(state.startedAt!);
    expect(delay).toBeGreaterThanOrEqual(799);
    expect(delay).toBeLessThan(800 + 800 * slowness);
    await container.stop();
  });

  test('a probe runs inside the container, and its output is kept', async () => {
    const container = await check([
      ['echo', 'from inside'],
      ['error', 'and of stderr'],
      ['identity'],
      ['descriptors'],
      ['exit', '1'],
    ]);
    const { healthLog } = await container.until((state) => state.healthLog.length > 0);
    expect(healthLog[0]).toMatchObject({ exitCode: 1 });
    expect(healthLog[0]!.output).toMatch(/from inside\nand of stderr\nuid=0 .* pid=\d+ sid=\d+ cwd=\/\nopen:\n/);
    expect(healthLog[0]!.output).not.toMatch(/pid=1 /);
    await container.stop();
  });

  test('is unhealthy after so many failures in a row, and healthy on the first success', async () => {
    const sick = await startContainer(workshop, [['sleep', '100000']], {
      // A folder that is there or not decides. That the probe cannot be run counts as its failure.
      probe: [...probing([]).slice(0, -1), { op: 'chdir', inside: '/tmp/state' }, probe(['exit', '0'])],
      health: { ...FAST, retries: 3 },
    });
    const seen: SupervisorState[] = [];
    for await (const state of control.watch(sick.runDir)) {
      seen.push(state);
      if (state.health === 'unhealthy') break;
    }
    expect(seen.map(({ failingStreak }) => failingStreak)).toEqual([0, 1, 2, 3]);
    expect(seen.map(({ health }) => health)).toEqual(['starting', 'starting', 'starting', 'unhealthy']);
    expect(seen.at(-1)!.healthLog[0]).toMatchObject({ exitCode: -1 });
    expect(seen.at(-1)!.healthLog[0]!.output).toContain('could not be run: No such file or directory');
    await workshop.launcher.run([{ op: 'mkdir', path: `${sick.root}/tmp/state`, mode: 0o755 }]);
    expect(await sick.until(({ health }) => health === 'healthy')).toMatchObject({ failingStreak: 0 });
    rmSync(join(sick.root, 'tmp/state'), { recursive: true });
    await sick.until(({ failingStreak }) => failingStreak === 1);
    await sick.stop();
  });

  test('failures in the start period do not count, and probes come at the start interval', async () => {
    const container = await check([['exit', '1']], {
      startPeriodMs: 500 * slowness,
      startIntervalMs: 40,
      intervalMs: 100,
      retries: 1,
    });
    const seen: SupervisorState[] = [];
    for await (const state of control.watch(container.runDir)) {
      seen.push(state);
      if (state.health === 'unhealthy') break;
    }
    const last = seen.at(-1)!;
    expect(seen.filter(({ healthLog }) => healthLog.length > 0).length).toBeGreaterThan(5);
    expect(seen.slice(0, -1).every(({ failingStreak }) => failingStreak === 0)).toBe(true);
    const failed = Date.parse(last.healthLog.at(-1)!.start) - Date.parse(last.startedAt!);
    expect(failed).toBeGreaterThanOrEqual(500 * slowness - 1);
    await container.stop();
  });

  test('a success in the start period is healthy, and failures count from then on', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']], (root) => {
      writeFileSync(join(root, 'tmp/flag'), '');
      return {
        probe: [
          ...probing([]).slice(0, -1),
          { op: 'open', slot: 5, path: '/tmp/flag', flags: 0 },
          probe(['exit', '0']),
        ],
        health: { ...FAST, startPeriodMs: 60_000, startIntervalMs: 40, retries: 1 },
      };
    });
    await container.until(({ health }) => health === 'healthy');
    rmSync(join(container.root, 'tmp/flag'));
    expect(await container.until(({ health }) => health === 'unhealthy')).toMatchObject({ failingStreak: 1 });
    await container.stop();
  });

  test('a probe that takes too long is killed, and that is a failure which says so', async () => {
    const container = await check(
      [
        ['echo', 'before'],
        ['sleep', '100000'],
      ],
      { timeoutMs: 200 },
    );
    const { healthLog } = await container.until((state) => state.healthLog.length > 0);
    expect(healthLog[0]).toMatchObject({ exitCode: -1, output: 'Health check exceeded timeout (200ms): before\n' });
    const took = Date.parse(healthLog[0]!.end) - Date.parse(healthLog[0]!.start);
    expect(took).toBeGreaterThanOrEqual(199);
    expect(took).toBeLessThan(5000 * slowness);
    await container.stop();
  });

  test('of the output the first 4096 bytes are kept, of the results the last five', async () => {
    const container = await check(
      [
        ['repeat', 'x', '100000'],
        ['exit', '0'],
      ],
      { intervalMs: 30 },
    );
    const states: SupervisorState[] = [];
    for await (const state of control.watch(container.runDir)) {
      states.push(state);
      if (states.length > 9) break;
    }
    const { healthLog } = states.at(-1)!;
    expect(healthLog).toHaveLength(5);
    expect(healthLog.map(({ start }) => start)).toEqual(healthLog.map(({ start }) => start).sort());
    expect(healthLog[0]!.output).toBe(`${'x'.repeat(4096)}...`);
    await container.stop();
  });

  test('a probe that never stops printing takes the supervisor from nothing else', async () => {
    const flood = ['sh', '-c', 'yes & yes & yes & exec yes'];
    const container = await startContainer(workshop, [['sleep', '100000']], {
      probe: [{ op: 'exec', argv: flood, env: [`PATH=${process.env['PATH']}`] }],
      health: { ...FAST, timeoutMs: 500 * slowness },
    });
    const { healthLog } = await container.until((state) => state.healthLog.length > 0);
    expect(healthLog[0]!.output).toMatch(/^Health check exceeded timeout \([^)]+\): y\ny\n/);
    expect(Date.parse(healthLog[0]!.end) - Date.parse(healthLog[0]!.start)).toBeLessThan(5000 * slowness);
    await container.stop();
  });

  test('a probe that leaves a child behind does not hold the next one up', async () => {
    const container = await check(
      [
        ['child', '100000'],
        ['exit', '0'],
      ],
      { intervalMs: 30 },
    );
    await container.until((state) => state.healthLog.length === 3);
    await container.stop();
  });

  test('an ended container reads as unhealthy, a restarted one starts anew and keeps its results', async () => {
    const container = await check([['exit', '0']], { intervalMs: 30 }, [
      ['sleep', `${200 * slowness}`],
      ['exit', '1'],
    ]);
    await container.until(({ health }) => health === 'healthy');
    expect(await container.ended()).toMatchObject({ health: 'unhealthy', status: 'exited' });

    const again = await startContainer(
      workshop,
      [
        ['sleep', `${700 * slowness}`],
        ['exit', '1'],
      ],
      {
        probe: probing(['exit', '0']),
        health: FAST,
        restart: { policy: 'always', maxRetries: 0 },
      },
    );
    const restarted = await again.until((state) => state.status === 'running' && state.restartCount === 1);
    expect(restarted).toMatchObject({ health: 'starting', failingStreak: 0 });
    expect(restarted.healthLog.length).toBeGreaterThan(0);
    await again.stop();
  });

  test('a probe under way when the container ends is dropped', async () => {
    const container = await check([['sleep', '100000']], { intervalMs: 20 }, [
      ['sleep', '150'],
      ['exit', '2'],
    ]);
    expect(await container.ended()).toMatchObject({ exitCode: 2, healthLog: [] });
  });
});
