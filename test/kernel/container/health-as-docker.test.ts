/** Health checks beside Docker's: the same scenarios were given to Docker 28, and this is what it made of them. */
import { beforeAll, expect, test } from 'vitest';
import type { DesiredHealthcheck } from '../../../src/model/desired.ts';
import type { LiveContainer } from '../../../src/model/live.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine({ keeps: true });
const shell = (script: string, times: Partial<DesiredHealthcheck> = {}): DesiredHealthcheck => ({
  test: ['/bin/sh', '-c', script],
  intervalMs: 300,
  timeoutMs: 20_000,
  retries: 1,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
  ...times,
});
const IN_START_PERIOD = { startPeriodMs: 600_000, startIntervalMs: 300 };
const HASTE = { timeoutMs: 400 };

type Seen = readonly [health: string, exitCode: number, output: string | RegExp];
const SCENARIOS: Readonly<Record<string, readonly [DesiredHealthcheck, Seen]>> = {
  fails: [shell('exit 1', { retries: 2 }), ['unhealthy', 1, '']],
  'fails-in-start-period': [shell('exit 1', IN_START_PERIOD), ['starting', 1, '']],
  'fails-after-success-in-start-period': [
    shell('[ -e /x ] && exit 1; touch /x', { ...IN_START_PERIOD, retries: 2 }),
    ['unhealthy', 1, ''],
  ],
  'says-too-much': [shell('yes | head -c 6000'), ['healthy', 0, /^(y\n){2048}\.\.\.$/]],
  'takes-too-long': [shell('sleep 50', HASTE), ['unhealthy', -1, 'Health check exceeded timeout (400ms)']],
  'says-a-part-and-takes-too-long': [
    shell('echo part; sleep 50', HASTE),
    ['unhealthy', -1, 'Health check exceeded timeout (400ms): part\n'],
  ],
  'is-not-there': [{ ...shell(''), test: ['nope'] }, ['unhealthy', -1, /could not be run: No such file/]],
  'is-a-folder': [{ ...shell(''), test: ['/etc'] }, ['unhealthy', -1, /could not be run/]],
  'fails-with-the-reserved-code': [shell('exit 2'), ['unhealthy', 2, '']],
  'is-killed': [shell('kill -9 $$'), ['unhealthy', 137, '']],
  'prints-on-both-streams': [shell('echo out; echo err >&2'), ['healthy', 0, 'out\nerr\n']],
  'comes-to-itself': [shell('[ -e /y ] && exit 0; touch /y; exit 1'), ['healthy', 0, '']],
};

beforeAll(async () => {
  const containers = Object.entries(SCENARIOS).map(([name, [healthcheck]]) =>
    aContainer(stage.image, name, { healthcheck }),
  );
  await runContainers(stage.engine, containers);
});

test.each(Object.keys(SCENARIOS))('a check that %s', async (name) => {
  const [, [health, exitCode, output]] = SCENARIOS[name]!;
  let live: LiveContainer | undefined;
  // Five results are kept: by then it has come to its state and stays there.
  await eventually(async () => {
    live = await stage.engine.containers.find(name);
    expect(live?.healthLog).toHaveLength(5);
    expect(live?.health).toBe(health);
  }, 30_000);
  const last = live!.healthLog.at(-1)!;
  expect(last.exitCode).toBe(exitCode);
  if (typeof output === 'string') expect(last.output).toBe(output);
  else expect(last.output).toMatch(output);
});
