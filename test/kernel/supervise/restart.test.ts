/** Restart policies and their waits, as Docker has them. */

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as control from '../../../engine/supervise/control.ts';
import type { SupervisorState } from '../../../engine/supervise/state-file.ts';
import { eventually } from '../../helpers/eventually.ts';
import { slowness } from '../../helpers/slowness.ts';
import {
  enterRoot,
  LAUNCHERS,
  makeContainer,
  openWorkshop,
  probe,
  startContainer,
  type Workshop,
} from '../launcher/probe-container.ts';

describe.each(LAUNCHERS)('a supervisor %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  const between = (from: string | undefined, to: string | undefined) => Date.parse(to!) - Date.parse(from!);

  test.each([
    ['no', 3, 0],
    ['on-failure', 0, 0],
    ['on-failure', 3, 2],
  ] as const)('policy %s with exit code %i restarts %i times', async (policy, code, restarts) => {
    const container = await startContainer(workshop, [['exit', `${code}`]], { restart: { policy, maxRetries: 2 } });
    expect(await container.ended()).toMatchObject({ status: 'exited', exitCode: code, restartCount: restarts });
  });

  test.each(['always', 'unless-stopped'] as const)('policy %s restarts after success too', async (policy) => {
    const container = await startContainer(workshop, [['exit', '0']], { restart: { policy, maxRetries: 0 } });
    await container.until((state) => state.restartCount === 3);
    await container.stop();
  });

  test('the wait doubles from 100 ms, and the state says restarting meanwhile', async () => {
    const container = await startContainer(workshop, [['exit', '1']], {
      restart: { policy: 'on-failure', maxRetries: 4 },
    });
    const seen: SupervisorState[] = [];
    for await (const state of control.watch(container.runDir)) seen.push(state);
    const waits = [1, 2, 3, 4].map((count) => {
      const before = seen.find((state) => state.status === 'restarting' && state.restartCount === count);
      const after = seen.find((state) => state.status === 'running' && state.restartCount === count);
      return before && after ? between(before.finishedAt, after.startedAt) : Number.NaN;
    });
    expect(seen.filter((state) => state.status === 'restarting').every((state) => state.init.pid === 0)).toBe(true);
    // The first may have gone by before the watch began.
    for (const [index, wait] of waits.entries()) {
      if (Number.isNaN(wait) && index === 0) continue;
      expect(wait).toBeGreaterThanOrEqual(100 * 2 ** index - 2);
      expect(wait).toBeLessThan(100 * 2 ** index + 2000 * slowness);
    }
  });

  test('a delay of its own takes the place of the growing wait', async () => {
    const container = await startContainer(workshop, [['exit', '1']], {
      restart: { policy: 'always', maxRetries: 2, delayMs: 350 },
    });
    const waits: number[] = [];
    let end: string | undefined;
    for await (const state of control.watch(container.runDir)) {
      if (state.status === 'restarting') end = state.finishedAt;
      else if (state.status === 'running' && end !== undefined) waits.push(between(end, state.startedAt));
    }
    expect(waits).toHaveLength(2);
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(350);
    expect((await container.ended()).restartCount, 'always is limited here too').toBe(2);
  });

  test('a run as long as the window was a success: tries are counted anew', async () => {
    const options = { policy: 'always', maxRetries: 1, delayMs: 50 } as const;
    const steady = await startContainer(
      workshop,
      [
        ['sleep', '300'],
        ['exit', '1'],
      ],
      {
        restart: { ...options, windowMs: 200 },
      },
    );
    await steady.until((state) => state.restartCount === 3);
    await steady.stop();
    const short = await startContainer(workshop, [['exit', '1']], { restart: { ...options, windowMs: 20_000 } });
    expect((await short.ended()).restartCount).toBe(1);
  });

  test('a stop during the wait ends it at once, with the last code', async () => {
    const container = await startContainer(workshop, [['exit', '6']], {
      restart: { policy: 'always', maxRetries: 0, delayMs: 600_000 },
    });
    await container.until((state) => state.status === 'restarting');
    const begin = performance.now();
    expect(await control.stop(container.runDir)).toMatchObject({ status: 'exited', exitCode: 6, restartCount: 1 });
    expect(performance.now() - begin).toBeLessThan(20_000 * slowness); // of the ten minutes that were left
  });

  test('a kill by hand during the wait ends it too; any other finds no process', async () => {
    const container = await startContainer(workshop, [['exit', '6']], { restart: { policy: 'always', maxRetries: 0 } });
    await container.until((state) => state.status === 'restarting' && state.restartCount === 4);
    await expect(control.kill(container.runDir, 1, false)).rejects.toMatchObject({ errno: 3 });
    await control.kill(container.runDir, 9, true);
    expect(await container.ended()).toMatchObject({ status: 'exited', exitCode: 6 });
  });

  test('a restart that cannot start ends the loop, with the code of the run before and the reason', async () => {
    const container = await startContainer(workshop, [], (root) => ({
      start: [
        // The first run leaves a file where the second wants to make a folder.
        { op: 'mkdir', path: `${root}/tmp/once`, mode: 0o755 },
        ...enterRoot(root),
        probe(['exit', '5']),
      ],
      restart: { policy: 'always', maxRetries: 0 },
    }));
    const last = await container.ended();
    expect(last).toMatchObject({ status: 'exited', exitCode: 5, restartCount: 1 });
    expect(last.error).toEqual({ section: 'start', index: 0, errno: 17 });
  });

  test('a stop that comes while it starts is heard once it runs', async () => {
    const gate = join(workshop.folder, 'gate');
    execFileSync('mkfifo', [gate]);
    const container = makeContainer(workshop, [], (root) => ({
      // Opening a pipe waits for the other end: that holds the start up.
      start: [
        { op: 'open', slot: 9, path: gate, flags: 0 },
        ...enterRoot(root),
        probe(['wait', 'TERM'], ['exit', '8']),
      ],
      restart: { policy: 'always', maxRetries: 0 },
    }));
    const starting = container.start();
    await eventually(() => expect(container.state().status).toBe('created'));
    const stopping = control.stop(container.runDir, { graceMs: 400 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(gate, '');
    await starting;
    // It may not listen yet when the signal comes, right after its exec: then the grace ends it.
    expect([8, 137]).toContain((await stopping)?.exitCode);
    rmSync(gate);
  });

  test('of two stops at once the one with less patience counts, whichever comes first', async () => {
    for (const graces of [
      [300, 60_000],
      [60_000, 300],
      [-1, 300],
    ]) {
      const container = await startContainer(workshop, [['ignore'], ['sleep', '100000']]);
      await eventually(() => expect(container.log()).toHaveLength(1));
      const begin = performance.now();
      await Promise.all(graces.map((graceMs) => control.stop(container.runDir, { graceMs })));
      expect(performance.now() - begin).toBeLessThan(20_000 * slowness);
      expect(container.state().signals).toEqual({ count: 3, last: 9, stopped: true });
    }
  });

  test('a start that hangs is killed when the grace of a stop is over', async () => {
    const gate = join(workshop.folder, 'gate');
    execFileSync('mkfifo', [gate]);
    const container = makeContainer(workshop, [], (root) => ({
      start: [{ op: 'open', slot: 9, path: gate, flags: 0 }, ...enterRoot(root), probe(['exit', '0'])],
    }));
    const starting = expect(container.start()).rejects.toMatchObject({ section: 'supervisor', index: 5 });
    await eventually(() => expect(container.state().status).toBe('created'));
    const last = await control.stop(container.runDir, { graceMs: 200 });
    expect(last).toMatchObject({ status: 'created', exitCode: 128, supervisor: { pid: 0 } });
    await starting;
    rmSync(gate);
  });
});

test('between the end of the wait and the new process lie a few milliseconds, without Node', async () => {
  const workshop = openWorkshop(LAUNCHERS[0][1]());
  const container = await startContainer(
    workshop,
    [
      ['sleep', '20'],
      ['exit', '1'],
    ],
    {
      restart: { policy: 'on-failure', maxRetries: 3 },
    },
  );
  const seen: SupervisorState[] = [];
  for await (const state of control.watch(container.runDir)) seen.push(state);
  const overheads = [1, 2, 3].map((count) => {
    const before = seen.find((state) => state.status === 'restarting' && state.restartCount === count)!;
    const after = seen.find((state) => state.status === 'running' && state.restartCount === count)!;
    return Date.parse(after.startedAt!) - Date.parse(before.finishedAt!) - 100 * 2 ** (count - 1);
  });
  expect(Math.min(...overheads)).toBeLessThan(40 * slowness);
  await workshop.close();
});
