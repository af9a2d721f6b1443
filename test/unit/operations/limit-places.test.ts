/** A limit that cannot be is told with the line of its key, wherever the file says it. */
import { expect, test } from 'vitest';
import { limitsProblem } from '../../../engine/container/resources/check-limits.ts';
import { located } from '../../../src/operations/locate.ts';
import { desire } from '../../../src/plan/desire.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const FACTS = { processors: 2, controllers: ['cpu', 'memory'], cpuList: '0-1' };

test.each([
  ['mem_reservation: 1m'],
  ['cpus: 64'],
  ['deploy: { resources: { limits: { cpus: "64" } } }'],
  ['cpuset: 0-8'],
  ['cpu_shares: 1'],
  ['cpu_period: 1'],
  ['mem_swappiness: 101'],
  ['blkio_config: { weight: 1 }'],
  ['cgroup_parent: ../up'],
])('%s', async (limit) => {
  const project = await projectOf(`services:\n  web:\n    image: nginx\n    init: true\n    ${limit}\n`);
  const wanted = desire(project, new Map([['nginx', fakeImage('nginx')]]));
  const problem = limitsProblem(wanted.state.containers[0]!, FACTS)!;
  expect((located(problem, wanted.origin) as typeof problem).at?.start.line, problem.message).toBe(5);
});
