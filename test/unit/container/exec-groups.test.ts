/** Where a process is in the version 1 hierarchies: what is exec'd follows the container into those that it has no group of its own in. */
import { expect, test } from 'vitest';
import { groupsOf } from '../../../engine/container/resources/cgroup-facts.ts';

test('hierarchies are told by their mount points; version 2 and what is out of sight are left out', () => {
  const hierarchies = {
    memory: '/cg/memory',
    cpu: '/cg/cpu,cpuacct',
    cpuacct: '/cg/cpu,cpuacct',
    systemd: '/cg/systemd',
  };
  const text =
    '5:cpu,cpuacct:/\n4:memory:/tcompose-ab12/x\n3:pids:/../outside\n2:net_cls:/y\n1:name=systemd:/tcompose-ab12/supervisors\n0::/z\n';
  expect([...groupsOf({ mode: 'hybrid', hierarchies, controllers: [] }, text)]).toEqual([
    ['/cg/cpu,cpuacct', '/'],
    ['/cg/memory', '/tcompose-ab12/x'],
    ['/cg/systemd', '/tcompose-ab12/supervisors'],
  ]);
});
