/** Where an exec runs, and whose its terminal is. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readHostFacts } from '../../../engine/container/host-facts.ts';
import { groupFolders } from '../../../engine/container/resources/kill-group.ts';
import { findInstance } from '../../../engine/state/instance.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, execIn, outputOf, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();

test('the launcher that waits for an exec is not in any control group of the container', async () => {
  await runContainers(stage.engine, [aContainer(stage.image, 'grouped')]);
  const { containers } = await stage.engine.snapshot();
  const { cgroups } = await readHostFacts();
  const folders = groupFolders(cgroups, findInstance(stage.instance)!, containers[0]!.id);
  expect(folders.length).toBeGreaterThan(0);
  const members = () =>
    folders.map((folder) => readFileSync(`${folder}/cgroup.procs`, 'utf8').trim().split('\n').length);
  const running = execIn(stage.engine, 'grouped', ['sleep', '0.7']);
  const both = folders.map(() => 2);
  await eventually(async () => expect(members()).toEqual(both));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(members()).toEqual(both);
  expect(await running).toBe(0);
});

test('a terminal is its user’s, and of the group tty, which alone may write to it', async () => {
  const script = 'stat -c "%u %g %a" /dev/pts/0 /dev/console';
  const output = await outputOf(
    stage.engine,
    aContainer(stage.image, 'terminal', { tty: true, user: 'web', argv: ['sh', '-c', script] }),
  );
  expect(output.replaceAll('\r', '')).toBe('1000 5 620\n1000 5 620');
});
