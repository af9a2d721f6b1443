/** Where an exec runs, and whose its terminal is. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readHostFacts } from '../../../engine/container/host-facts.ts';
import { groupFolders } from '../../../engine/container/kill-group.ts';
import { findInstance } from '../../../engine/state/instance.ts';
import type { Engine, ExecRequest } from '../../../src/model/engine.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { aContainer, importBusybox, openEngine, outputOf, runContainers } from './a-container.ts';

let instance: Instance;
let engine: Engine;
let image: string;
beforeAll(async () => {
  instance = await makeInstance();
  engine = openEngine(instance);
  image = await importBusybox(engine);
});
afterEach(async () => {
  const { containers } = await engine.snapshot();
  const names = containers.map((container) => container.name);
  await engine.containers.remove(names, { anonymousVolumes: true });
});
afterAll(async () => {
  await engine.close();
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const request = (...argv: string[]): ExecRequest => ({
  argv,
  env: {},
  tty: false,
  interactive: false,
  detach: false,
  privileged: false,
});

test('the launcher that waits for an exec is not in any control group of the container', async () => {
  await runContainers(engine, [aContainer(image, 'grouped')]);
  const { containers } = await engine.snapshot();
  const { cgroups } = await readHostFacts();
  const folders = groupFolders(cgroups, findInstance(instance)!, containers[0]!.id);
  expect(folders.length).toBeGreaterThan(0);
  const members = () =>
    folders.map((folder) => readFileSync(`${folder}/cgroup.procs`, 'utf8').trim().split('\n').length);
  const running = engine.containers.exec('grouped', request('sleep', '0.7'));
  const both = folders.map(() => 2);
  await eventually(async () => expect(members()).toEqual(both));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(members()).toEqual(both);
  expect(await running).toBe(0);
});

test('a terminal is its user’s, and of the group tty, which alone may write to it', async () => {
  const script = 'stat -c "%u %g %a" /dev/pts/0 /dev/console';
  const output = await outputOf(
    engine,
    aContainer(image, 'terminal', { tty: true, user: 'web', argv: ['sh', '-c', script] }),
  );
  expect(output.replaceAll('\r', '')).toBe('1000 5 620\n1000 5 620');
});
