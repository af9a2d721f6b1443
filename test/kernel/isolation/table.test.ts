/** What a program in a container sees and may do, as a table that can be laid beside another engine's (scripts/isolation-table). */
import { expect, test } from 'vitest';
import { syscallNumbers } from '../../../engine/container/isolation/syscalls.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { aContainer, outputOf } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';
import { probing } from './a-table.ts';

const stage = useEngine();
const base = aContainer('', '').security;
const CASES: Readonly<Record<string, Partial<DesiredContainer>>> = {
  default: {},
  privileged: { security: { ...base, privileged: true } },
  'cap-drop-all-read-only': { security: { ...base, capDrop: ['ALL'], readOnlyRootfs: true } },
  unconfined: { security: { ...base, seccomp: 'unconfined', apparmor: 'unconfined', systemPathsUnconfined: true } },
  'user-namespace': { namespaces: { user: { kind: 'auto', size: 65_536 } } },
  'user-no-new-privileges': { security: { ...base, noNewPrivileges: true }, user: '1000:1000' },
};

test.each(Object.keys(CASES))('%s', async (name) => {
  const { argv = [] } = probing();
  const { security } = CASES[name]!;
  const hides = !security?.privileged && !security?.systemPathsUnconfined;
  const changes = { ...CASES[name], argv: hides ? [...argv, 'masked=yes'] : argv };
  const table = await outputOf(stage.engine, aContainer(stage.image, name, probing(changes)));
  // Older kernels (6.1) hide this setting from user namespaces; newer ones let nobody write it.
  const told = table.replace('sysctl net/core/somaxconn: absent', 'sysctl net/core/somaxconn: EACCES');
  await expect(`${told}\n`).toMatchFileSnapshot(`tables/${name}.txt`);
});

test('the calls that are denied are those that moby’s list does not have', async () => {
  const { argv = [] } = probing();
  const table = await outputOf(stage.engine, aContainer(stage.image, 'calls', probing({ argv: [...argv, 'all'] })));
  const names = new Map([...syscallNumbers('x86_64')].map(([name, number]) => [number, name]));
  // Newer calls than those are ENOSYS on one kernel and EPERM on another.
  const denied = [...table.matchAll(/^denied ([0-9]+): EPERM$/gm)]
    .map((match) => Number(match[1]))
    .filter((n) => n <= 450);
  // uprobe(2) is beyond the reach of filters from Linux 6.14 on, and denied before.
  const known = denied.flatMap((number) => names.get(number) ?? []).filter((name) => name !== 'uprobe');
  await expect(`${known.sort().join('\n')}\n`).toMatchFileSnapshot('tables/denied-calls.txt');
});
